"""One export against the simulator, attempt after attempt, and whether its promises hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import fsspec

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.simulator import Config
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability.exports import identity_of
from tests.reliability.summary import Case

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_docsanalytics.api.endpoint import Page, Selection
    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.simulator import Simulator

DATA = Config(rows=400, pages=300, start="2026-01-01", end="2026-01-31")
MONTH = DateWindow.parse("2026-01-01", "2026-01-31")
KINDS = {
    "conversations": "cursor",
    "searches": "cursor, no hasMore",
    "views": "offset",
    "feedback_by_page": "halving",
    "threads": "by ID",
    "caller_stats": "one object",
    "calls_by_assistant": "Vyom",
}
"""An endpoint of each way to page."""
_LONGEST_ATTEMPT_S = 120
_PAGE_SIZES = {"conversations": 40, "feedback": 40, "feedback_by_page": 60, "searches": 25}
_THREADS = 6
_ADDED = ("_project_id", "_date_from", "_date_to")


@dataclass
class Disturbed:
    """An export and what became of it.

    Attributes:
        errors: how the attempts failed, in order.
        manifest: what the last attempt gave, if it came to an end.
        lost: rows of an undisturbed export that are missing.
        doubled: rows that are there more often than in one.
        asked_again: requests for pages that were read before.
        requests_elsewhere: those that no service has seen.
        broken: promises that did not hold.
        slept: how long the client would have waited each time, in seconds.
        page_size: rows asked for at once; ``None``: a few, so that there are pages.
    """

    service: Simulator
    endpoint: str
    directory: Path
    window: DateWindow = MONTH
    pages_per_file: int = 2
    errors: list[DocsAnalyticsError] = field(default_factory=list)
    manifest: Manifest | None = None
    lost: int = 0
    doubled: int = 0
    asked_again: int = 0
    requests_elsewhere: int = 0
    broken: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    page_size: int | None = None
    _read: set[str] = field(default_factory=set)
    _checked: int = 0
    _pages_read: int = 0
    _requests: int = 0

    def __post_init__(self) -> None:
        self.service.clear_requests()

    def attempt(self, **settings: Any) -> DocsAnalyticsError | None:
        """Make one attempt, waits left out; return how it failed, if it did."""
        before = len(self.errors)
        thread = Thread(target=self._attempt, args=(settings,), daemon=True)
        thread.start()
        thread.join(_LONGEST_ATTEMPT_S)
        if thread.is_alive():
            self.broken.append(f"{self.endpoint}: hung for {_LONGEST_ATTEMPT_S} s")
        self._look_for_repeats()
        return self.errors[-1] if len(self.errors) > before else None

    def must_fail(self, kind: type[Exception], said: str, **settings: Any) -> None:
        """Make an attempt that ends with such an error, which names its cause and a remedy."""
        error = self.attempt(**settings)
        if type(error) is not kind or said not in str(error):
            self.broken.append(f"{self.endpoint}: {kind.__name__} {said!r}, got {error!r} {error}")

    def must_complete(self, **settings: Any) -> None:
        """Make an attempt that completes the export exactly."""
        error = self.attempt(**settings)
        if error is not None or self.manifest is None:
            self.broken.append(f"{self.endpoint}: the export did not complete: {error!r} {error}")
        else:
            self.check()

    def check(self) -> None:
        """Compare the finished export with the truth."""
        assert self.manifest is not None
        truth, rows = [_text(row) for row in self.truth()], [_text(row) for row in self.rows()]
        self.lost += (Counter(truth) - Counter(rows)).total()
        self.doubled += (Counter(rows) - Counter(truth)).total()
        listed = {"_manifest.json", *(file.name for file in self.manifest.files)}
        requests = self._requests + len(self.service.requests) + self.requests_elsewhere
        promises = {
            "the rows are in another order": sorted(rows) != sorted(truth) or rows == truth,
            "something is left over": {path.name for path in self.directory.iterdir()} == listed,
            "the manifest's pages are not those read": self.manifest.pages == self._pages_read,
            "the manifest's requests are not those sent": self.manifest.requests == requests,
        }
        self.broken += [f"{self.endpoint}: {what}" for what, kept in promises.items() if not kept]

    def move_to(self, service: Simulator) -> None:
        """Go on with a service that was started anew."""
        self._requests += len(self.service.requests)
        self.service, self._checked = service, 0

    def truth(self) -> list[dict[str, Any]]:
        """Return the rows of an undisturbed export."""
        window = (self.window.date_from, self.window.date_to)
        rows, _ = self.service.truth(self.endpoint, *window)
        if self.endpoint != "threads":
            return rows
        by_id = {row["threadId"]: row for row in rows}
        return [by_id[thread_id] for thread_id in self._thread_ids()]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that the manifest lists, without what the export puts in front."""
        files = self.manifest.files if self.manifest else ()
        lines = [line for file in files for line in (self.directory / file.name).open()]
        rows = [json.loads(line) for line in lines]
        return [{name: row[name] for name in row if name not in _ADDED} for row in rows]

    def _attempt(self, settings: dict[str, Any]) -> None:
        selection = self._selection()
        vyom = selection.platform is VYOM
        usual = {
            "base_url": self.service.url,
            "api_key": self.service.vyom_key if vyom else self.service.mintlify_key,
            "timeout_s": 20.0,
            "max_wait_s": 1e9,
        }
        try:
            with Client(Settings(**usual | settings), sleep=self.slept.append) as client:
                self.manifest = self._export(selection, client)
        except DocsAnalyticsError as error:
            self.errors.append(error)
            if usual["api_key"] in f"{error} {error!r} {error.__cause__!r}":
                self.broken.append(f"{self.endpoint}: the key is in the error")
        except Exception as error:  # noqa: BLE001 - the one thing that may not happen
            self.broken.append(f"{self.endpoint}: an untyped error, {error!r}")

    def _export(self, selection: Selection, client: Client) -> Manifest:
        source = Source(
            name=client.base_url,
            pages=partial(self._pages, client, selection),
            requests_sent=lambda: client.requests_sent,
        )
        plan = Plan(identity_of(selection), {"_project_id": "p"}, self.pages_per_file)
        root = str(self.directory)
        return export(plan, ExportDirectory(fsspec.filesystem("file"), root, root), source)

    def _pages(
        self,
        client: Client,
        selection: Selection,
        cursor: str | None,
        page_size: int | None = None,
    ) -> Iterator[Page]:
        if cursor is None:
            self._read.clear()  # from the beginning: nothing that was published counts
            self._pages_read = 0
        for page in client.iter_pages(selection, cursor, page_size):
            self._look_for_repeats()
            answered = _key(self.service.requests[-1])
            yield page
            self._read.add(answered)  # only now has the export taken it
            self._pages_read += 1

    def _selection(self) -> Selection:
        if self.endpoint in VYOM.endpoints:
            return VYOM.select(self.endpoint, window=self.window)
        project = self.service.project_id
        if self.endpoint == "threads":
            return MINTLIFY.select("threads", project_id=project, thread_ids=self._thread_ids())
        size = self.page_size or _PAGE_SIZES.get(self.endpoint)
        return MINTLIFY.select(
            self.endpoint, project_id=project, window=self.window, page_size=size
        )

    def _thread_ids(self) -> list[str]:
        rows, _ = self.service.truth("conversations")
        return list(dict.fromkeys(row["id"] for row in rows))[:_THREADS]

    def _look_for_repeats(self) -> None:
        log = self.service.requests
        self.asked_again += sum(_key(entry) in self._read for entry in log[self._checked :])
        self._checked = len(log)


def _key(entry: Any) -> str:
    return f"{entry['path']} {sorted(entry['query'].items())}"


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def summarize(name: str, runs: list[Disturbed]) -> Case:
    """Return what runs that all came to their end add up to."""
    saw = Counter(type(error).__name__ for run in runs for error in run.errors)
    unseen = sum(not run.errors for run in runs)
    words = [f"{kind} {times}" for kind, times in saw.most_common()]
    return Case(
        name=name,
        runs=len(runs),
        rows_lost=sum(run.lost for run in runs),
        rows_doubled=sum(run.doubled for run in runs),
        asked_again=max(run.asked_again for run in runs),
        saw=", ".join([f"nothing {unseen}"] * bool(unseen) + words),
        broken=tuple(dict.fromkeys(broken for run in runs for broken in run.broken))
        + (("a published page was asked for again",) * any(run.asked_again for run in runs)),
    )
