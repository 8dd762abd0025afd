"""Exports without a service: rows and a manifest that fit, written in an instant."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.lake.audit import Scope, audit
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.window import iso_ms

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.lake.finding import Report

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


def make(
    directory: Path,
    start: datetime | None = START,
    length: timedelta = DAY,
    rows: int = 3,
    endpoint: str = "views",
    **manifest: Any,
) -> Path:
    """Write an export of page views; return its directory. More arguments are the manifest's."""
    views = [{"path": f"/page-{n}", "human": 1, "ai": 0, "total": 1} for n in range(rows)]
    return make_of(directory, endpoint, views, start, start and start + length, **manifest)


def make_of(
    directory: Path,
    endpoint: str,
    rows: list[dict[str, Any]],
    start: datetime | None = START,
    end: datetime | None = START + DAY,
    **manifest: Any,
) -> Path:
    """Write an export of these rows; return its directory. More arguments are the manifest's."""
    dates = (
        {"date_from": iso_ms(start.astimezone(UTC)), "date_to": iso_ms(end.astimezone(UTC))}
        if start and end
        else {"date_from": None, "date_to": None}
    )
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    name = "part-00000-1f3a9c2e.jsonl"
    sha256 = hashlib.sha256(text).hexdigest()
    file = {"name": name, "rows": len(rows), "bytes": len(text), "sha256": sha256}
    usual = {
        "manifest_version": 1,
        "platform": "mintlify",
        "endpoint": endpoint,
        "project_id": "proj",
        **dates,
        "filters": {},
        "file_format": "jsonl",
        "compression": None,
        "files": [file],
        "rows": len(rows),
        "pages": 1,
        "requests": 1,
        "totals": {},
        "started_at": iso_ms(START),
        "finished_at": iso_ms(START),
        "provider_version": "1",
        "service": "https://api.mintlify.com",
    }
    directory.mkdir(parents=True)
    (directory / name).write_bytes(text)
    (directory / "_manifest.json").write_text(json.dumps(usual | manifest))
    return directory


def make_days(lake: Path, number: int, name: str = "views", **manifest: Any) -> list[Path]:
    """Write the exports of so many days."""
    days = [START + day * DAY for day in range(number)]
    return [make(lake / name / f"dt={day:%Y-%m-%d}", day, **manifest) for day in days]


def audited(lake: Path, until: datetime = START, **scope: Any) -> Report:
    """Return what an audit finds; by default nothing has stopped yet."""
    files = LakeFiles(LocalFileSystem(), str(lake), str(lake))
    return audit(files, Scope(until=until, **scope))


def codes(report: Report) -> list[str]:
    """Return the code of each finding."""
    return [each.code for each in report.findings]
