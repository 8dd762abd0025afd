"""One part that no storage takes in one piece: S3 multipart, GCS resumable, Azure in blocks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.exported import Exported
from tests.support.simulator_process import Service
from tests.system.storage.trial import FROM, TO, Line, export

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
    named = lake.styles()[0]
    style = replace(named, root=f"{named.root}/large", url=f"{named.url}/large")
    result = export(style, pages_per_file=_ROWS)
    found = {key.rsplit("/", 1)[-1]: text for key, text in lake.read(f"{style.root}/").items()}
    whole = Exported.read(found.__getitem__)
    (part,), (file,) = whole.parts, whole.manifest["files"]
    report.check(
        f"{lake.name}: a part of {len(part) / 2**20:.0f} MiB is whole",
        holds=not whole.wrong
        and len(part) == result["bytes"] > _LEAST_BYTES
        and file["rows"] == _ROWS,
    )
    seconds = time.monotonic() - started
    return Line(lake.name, f"{style.name}, one large part", file["rows"], 1, "-", seconds)
