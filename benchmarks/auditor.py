"""Audits a lake in a process of its own.

usage: python -m benchmarks.auditor LAKE ROWS [--deep]; prints one JSON object of figures. It fails
if the audit finds anything, or other than ROWS rows.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from datetime import datetime
from pathlib import Path

from airflow_provider_docsanalytics.lake.audit import Scope, audit
from airflow_provider_docsanalytics.operators._lake import files_at
from benchmarks.contenders import spent
from benchmarks.pages import START


def measure(lake: Path, rows: int, *, deep: bool) -> dict[str, float]:
    """Audit a lake in this process; return its figures.

    Raises:
        SystemExit: the lake is not clean, or has other rows.
    """
    scope = Scope(until=datetime.fromisoformat(f"{START}T00:00Z"), deep=deep)
    files = files_at(str(lake), None)
    report, figures = spent(lambda: audit(files, scope))
    if report.findings or report.rows != rows:
        raise SystemExit(
            f"The lake should be clean, with {rows} rows:\n{report.as_json().decode()}"
        )
    return figures


if __name__ == "__main__":
    # A full collection would look at all that Airflow has loaded: 100 ms, in some runs only.
    gc.freeze()
    lake, rows, *options = sys.argv[1:]
    print(json.dumps(measure(Path(lake), int(rows), deep="--deep" in options)), flush=True)
    os._exit(0)  # nothing that a library does at exit belongs to the measurement
