"""Small exports of every kind of paging, each from a simulator of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import requests
from msgspec.structs import replace

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.lease import utc_now
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability.children import run
from tests.reliability.summary import Verdict, listed_rows, verify
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider_docsanalytics.api.endpoint import Selection
    from tests.reliability.boundaries import Boundaries
    from tests.reliability.targets import Target

PAGES_PER_FILE = 2
START, END = "2026-01-01", "2026-01-31"
_PLATFORMS = {platform.name: platform for platform in (MINTLIFY, VYOM)}
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of paging: the endpoint that stands for it, and how small its pages are made."""

    paging: str
    endpoint: str
    page_size: int = 0
    platform: str = "mintlify"


KINDS = (
    Kind("cursor", "conversations", 10),
    Kind("offset", "views", 10),
    Kind("single", "calls_by_assistant", platform="vyom"),
    Kind("threads", "threads"),
    Kind("halving", "feedback_by_page", 10),
)


def identity_of(selection: Selection, **other: Any) -> Identity:
    """Return the identity of an export of the selection; JSON lines, not packed, by default."""
    window = selection.window
    usual: dict[str, Any] = {"filters": {}, "file_format": "jsonl", "compression": None}
    return Identity(
        platform=selection.platform.name,
        endpoint=selection.endpoint.name,
        project_id=selection.project_id,
        date_from=window.date_from if window else None,
        date_to=window.date_to if window else None,
        **usual | other,
    )


class Exports:
    """Exports of one kind, inside a ``with`` block.

    Args:
        kind: what is exported.
        target: where to.
        compression: of its files.
        start: where the service's data begins, and the exported window.
        end: where they end.
        row_bytes: about so much is in a row; 0: as much as in real ones.
    """

    def __init__(
        self,
        kind: Kind,
        target: Target,
        compression: str | None = None,
        *,
        start: str = START,
        end: str = END,
        row_bytes: int = 0,
    ) -> None:
        self.kind = kind
        self.target = target
        self.compression = compression
        self.window = DateWindow.parse(start, end)
        dates = ("--start", self.window.date_from, "--end", self.window.date_to)
        size = ("--row-bytes", str(row_bytes)) if row_bytes else ()
        self.service = Service("--rows", "55", "--pages", "45", *dates, *size)
        self.temporary = tempfile.mkdtemp(prefix="reliability-")

    def __enter__(self) -> Self:
        self.service.__enter__()
        self._threads = self._thread_ids() if self.kind.endpoint == "threads" else None
        return self

    def __exit__(self, *_: object) -> None:
        self.service.__exit__()
        self.target.clear()
        shutil.rmtree(self.temporary)

    def export(
        self,
        boundaries: Boundaries | None = None,
        *,
        window: DateWindow | None = None,
        if_exists: Any = "error",
        version: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> int:
        """Export as a task would, in this process; return the number of rows.

        Args:
            boundaries: what may happen on the way.
            window: default: all of the service's data.
            if_exists: as the operator's.
            version: makes it another export of the same rows: it is part of each of them.
            now: the clock.
        """
        selection = self._select(window or self.window)
        tempfile.tempdir = self.temporary
        if boundaries:
            boundaries.watch(self.target.root, self.temporary)
        filesystem = self.target.filesystem(boundaries)
        directory = ExportDirectory(filesystem, self.target.root, self.target.root)
        with self._client() as client:

            def pages(cursor: str | None) -> Any:
                found = client.iter_pages(selection, cursor)
                return boundaries.pages(found) if boundaries else found

            source = Source(client.base_url, pages, lambda: client.requests_sent)
            plan = self._plan(selection, version, if_exists)
            return export(plan, directory, source, now=now).rows

    def fresh(self, files: Mapping[str, bytes] | None = None) -> None:
        """Empty the service's log, and leave nothing in the target but the given files."""
        self.target.clear()
        for name, content in (files or {}).items():
            self.target.write(name, content)
        self.service.forget_requests()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to resume: the next attempt is a new export."""
        return "_checkpoint.json" not in self.target.names()

    def undisturbed(self, **options: Any) -> tuple[list[bytes], dict[str, bytes]]:
        """Return the rows of an export to which nothing happens, and the files it has left."""
        self.fresh()
        ended = run(partial(self.export, **options))
        if ended.saw != "complete":
            raise RuntimeError(f"an undisturbed export: {ended.saw}: {ended.text}")
        rows, _ = listed_rows(self.target)
        return rows, {name: self.target.read(name) for name in self.target.names()}

    def verify(self, expected: list[bytes]) -> Verdict:
        """Compare what lies in the target with what should."""
        return verify(self.target, expected, self.temporary)

    def asked_again(self) -> int:
        """Return how many answers were given that had been given before."""
        asked = Counter(
            (entry["path"], json.dumps(entry["query"]))
            for entry in self.service.requests()
            if entry["status"] == requests.codes.ok and entry["fault"] is None
        )
        return sum(asked.values()) - len(asked)

    def _client(self) -> Client:
        key = self.service.key(self.kind.platform)
        settings = Settings(self.service.url, key, max_attempts=1)
        return Client(settings)

    def _select(self, window: DateWindow) -> Selection:
        platform = _PLATFORMS[self.kind.platform]
        row = platform.endpoint(self.kind.endpoint)
        selection = platform.select(
            row.name,
            window=window if row.windowed else None,
            project_id=self.service.project_id,
            thread_ids=self._threads,
        )
        size = self.kind.page_size
        return replace(selection, endpoint=replace(row, page_size=size), page_size=size)

    def _thread_ids(self) -> list[str]:
        answer = requests.get(
            self.service.url + self.service.conversations_path,
            params={"limit": "5"},
            headers={"Authorization": f"Bearer {self.service.key('mintlify')}"},
            timeout=_TIMEOUT_S,
        )
        return [row["id"] for row in answer.json()["conversations"]]

    def _plan(self, selection: Selection, version: str, if_exists: Any) -> Plan:
        filters = {"version": version}
        identity = identity_of(selection, filters=filters, compression=self.compression)
        return Plan(identity, {"_version": version}, PAGES_PER_FILE, if_exists)
