"""One export's life in one storage: interrupted, resumed, repeated, refused, replaced."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.support.exported import Exported
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.report import Report
    from tests.support.stores import ConnectionStyle, Lake

FROM, TO, EARLIER_TO = "2026-01-01", "2026-01-31", "2026-01-16"
CONN_ID = "mintlify_storage"
_ENDPOINT = "conversations"
_DIRECTORY = f"{_ENDPOINT}/dt={FROM}"
_PATH = "{endpoint}/dt={date_from:%Y-%m-%d}"
_PAGES_BEFORE = 2
_OK = 200
_ROWS, _ROW_BYTES = 11_000, 10_000
_LEAST_BYTES = 105 * 2**20
"""s3fs sends up to 100 MiB in one piece, Azure's client 64 MiB, gcsfs 5 MiB, then 50 MiB a time."""
_SPENT = {
    "kind": "status",
    "status": 429,
    "match": {"endpoint": _ENDPOINT, "nth": _PAGES_BEFORE + 1},
}
_FOREIGN = {
    f"{_DIRECTORY}/notes.txt": b"not ours",
    f"{_DIRECTORY}/part-00000.csv": b"a,b\n",
    f"{_DIRECTORY}/below/part-00000-0badf00d.jsonl": b"{}\n",
    f"{_DIRECTORY}-old/part-00000-0badf00d.jsonl": b"{}\n",
}
"""Neighbours in the directory, below it and beside it."""


@dataclass(frozen=True)
class Line:
    """A line of the table."""

    storage: str
    connection: str
    rows: int
    parts: int
    resumed: str
    seconds: float


def export(style: ConnectionStyle, **arguments: Any) -> dict[str, Any]:
    """Export through the operator; return its summary."""
    from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

    arguments = {"date_from": FROM, "date_to": TO, "pages_per_file": 1, **arguments}
    result: dict[str, Any] = MintlifyExportOperator(
        task_id="export",
        endpoint=_ENDPOINT,
        path=f"{style.url}/{_PATH}",
        mintlify_conn_id=CONN_ID,
        **style.arguments,
        **arguments,
    ).execute({})
    return result


class Trial:
    """One export against one style of naming a storage's connection."""

    def __init__(
        self, report: Report, lake: Lake, style: ConnectionStyle, service: Service
    ) -> None:
        self._report = report
        self._lake = lake
        self._style = style
        self._service = service
        self._foreign_intact = True

    def run(self) -> Line:
        """Go through the export's life; return the line of the table."""
        started = time.monotonic()
        for name, content in _FOREIGN.items():
            self._lake.write(f"{self._style.root}/{name}", content)
        self._service.forget_requests()
        self._interrupt()
        manifest = self._resume()
        self._repeat(manifest)
        self._refuse_and_replace()
        self._check("foreign objects are as they were", holds=self._foreign_intact)
        return Line(
            self._lake.name,
            self._style.name,
            manifest["rows"],
            len(manifest["files"]),
            f"after {_PAGES_BEFORE} of {manifest['pages']} pages",
            time.monotonic() - started,
        )

    def _interrupt(self) -> None:
        from airflow_provider_docsanalytics.errors import RateLimited

        self._service.set_faults(_SPENT)
        try:
            export(self._style)
            spent = False
        except RateLimited:
            spent = True
        found = self._ours()
        kinds = Counter(name.partition("-")[0] for name in found)
        self._check(
            f"a spent quota leaves {_PAGES_BEFORE} parts, a checkpoint and no manifest",
            holds=spent and kinds == {"part": _PAGES_BEFORE, "_checkpoint.json": 1},
        )

    def _resume(self) -> dict[str, Any]:
        export(self._style)
        manifest = self._proved("resumed", TO)
        log = self._service.requests()
        asked = Counter(entry["query"].get("cursor") for entry in log if entry["status"] == _OK)
        self._check(
            f"resumed: each of {manifest['pages']} pages was asked for once",
            holds=len(asked) == asked.total() == manifest["pages"] > _PAGES_BEFORE,
        )
        return manifest

    def _repeat(self, before: Mapping[str, Any]) -> None:
        export(self._style, compression=before["compression"])
        manifest = self._proved("repeated", TO)
        old, new = ({file["name"] for file in each["files"]} for each in (before, manifest))
        digests = [[file["sha256"] for file in each["files"]] for each in (before, manifest)]
        self._check(
            "repeated: new files with the same content",
            holds=not old & new and len(old) == len(new),
        )
        self._check("repeated: the same digests", holds=digests[0] == digests[1])

    def _refuse_and_replace(self) -> None:
        from airflow_provider_docsanalytics.errors import ConfigError

        before = self._ours()
        refused = False
        try:
            export(self._style, date_to=EARLIER_TO)
        except ConfigError as error:
            refused = "holds a different export" in str(error)
        self._check(
            "a different export is refused and nothing changes",
            holds=refused and self._ours() == before,
        )
        export(self._style, date_to=EARLIER_TO, compression="gzip", if_exists="replace")
        self._proved("replaced", EARLIER_TO)

    def _proved(self, step: str, date_to: str) -> dict[str, Any]:
        """Compare manifest, files and the service's rows; return the manifest."""
        found = self._ours()
        export = Exported.read(found.__getitem__)
        rows, manifest = export.rows, export.manifest
        self._check(
            f"{step}: nothing but the manifest and its {len(export.parts)} files",
            holds=found.keys() == export.names,
        )
        self._check(
            f"{step}: bytes, rows and SHA-256 of every file are the manifest's",
            holds=not export.wrong,
        )
        self._check(
            f"{step}: {len(rows)} rows, value for value and in order, the service's",
            holds=rows == list(self._expected(date_to)) and len(rows) == manifest["rows"],
        )
        return manifest

    def _expected(self, date_to: str) -> Iterator[dict[str, Any]]:
        context = {
            "_project_id": self._service.project_id,
            "_date_from": f"{FROM}T00:00:00.000Z",
            "_date_to": f"{date_to}T00:00:00.000Z",
        }
        for row in self._service.truth(_ENDPOINT, FROM, date_to):
            yield {**context, **row}

    def _ours(self) -> dict[str, bytes]:
        """Return what of ours lies there, by name; note whether the rest is as it was."""
        root = f"{self._style.root}/"
        found = {key.removeprefix(root): content for key, content in self._lake.read(root).items()}
        foreign = {name: found.pop(name, None) for name in _FOREIGN}
        self._foreign_intact = self._foreign_intact and foreign == _FOREIGN
        return {name.removeprefix(f"{_DIRECTORY}/"): content for name, content in found.items()}

    def _check(self, promise: str, *, holds: bool) -> None:
        self._report.check(f"{self._lake.name}, {self._style.name}: {promise}", holds=holds)


def large_service() -> Service:
    """Return a simulator of so much data that no storage takes it in one piece."""
    size = ("--rows", str(_ROWS), "--row-bytes", str(_ROW_BYTES))
    return Service(*size, "--start", FROM, "--end", TO)


def export_large(report: Report, lake: Lake) -> Line:
    """Export all of it as one part: S3 multipart, GCS resumable, Azure in blocks."""
    started = time.monotonic()
    named = lake.styles()[0]
    style = replace(named, root=f"{named.root}/large", url=f"{named.url}/large")
    result = export(style, pages_per_file=_ROWS)
    found = {key.rsplit("/", 1)[-1]: text for key, text in lake.read(f"{style.root}/").items()}
    large = Exported.read(found.__getitem__)
    (part,), (file,) = large.parts, large.manifest["files"]
    report.check(
        f"{lake.name}: a part of {len(part) / 2**20:.0f} MiB is complete",
        holds=not large.wrong
        and len(part) == result["bytes"] > _LEAST_BYTES
        and file["rows"] == _ROWS,
    )
    seconds = time.monotonic() - started
    return Line(lake.name, f"{style.name}, one large part", file["rows"], 1, "-", seconds)
