"""One part that no storage takes in one piece: S3 multipart, GCS resumable, Azure in blocks."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.export_trial import FROM, TO, Line, export
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.report import Report
    from tests.support.stores import Lake

_ROWS = 11_000
_ROW_BYTES = 10_000
_LEAST_BYTES = 105 * 2**20
"""s3fs sends up to 100 MiB in one piece, Azure's client 64 MiB, gcsfs 5 MiB, then 50 MiB a time."""


def service() -> Service:
    """Return a simulator of so much data."""
    size = ("--rows", str(_ROWS), "--row-bytes", str(_ROW_BYTES))
    return Service(*size, "--start", FROM, "--end", TO)


def run(report: Report, lake: Lake) -> Line:
    """Export all of it as one part; return the line of the table."""
    started = time.monotonic()
    named = lake.ways()[0]
    way = replace(named, root=f"{named.root}/large", url=f"{named.url}/large")
    result = export(way, pages_per_file=_ROWS)
    found = {key.rsplit("/", 1)[-1]: text for key, text in lake.read(f"{way.root}/").items()}
    manifest = json.loads(found["_manifest.json"])
    (file,) = manifest["files"]
    content = found[file["name"]]
    report.check(
        f"{lake.name}: a part of {len(content) / 2**20:.0f} MiB is whole",
        holds=len(content) == file["bytes"] == result["bytes"] > _LEAST_BYTES
        and hashlib.sha256(content).hexdigest() == file["sha256"]
        and content.count(b"\n") == file["rows"] == _ROWS,
    )
    seconds = time.monotonic() - started
    return Line(lake.name, f"{way.name}, one large part", file["rows"], 1, "-", seconds)
