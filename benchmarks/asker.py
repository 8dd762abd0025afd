"""Asks every model of a lake in a process of its own.

usage: python -m benchmarks.asker LAKE VIEWS; prints one JSON object of figures. It fails if an
export is missing, or if pages were viewed in other than VIEWS rows.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from airflow_provider_docsanalytics.lake.connection import Answer, ask, connect
from airflow_provider_docsanalytics.lake.models import MODELS
from airflow_provider_docsanalytics.operators._lake import files_at
from benchmarks.contenders import spent


def measure(lake: Path, views: int) -> dict[str, float]:
    """Open a lake in this process and ask every model; return the figures.

    Raises:
        SystemExit: an answer is not what it should be.
    """
    files = files_at(str(lake), None)

    def answers() -> dict[str, Answer]:
        connection = connect(files, in_memory=True)
        return {model.name: ask(connection, files, model) for model in MODELS}

    found, figures = spent(answers)
    read = len(found["human_and_ai_views"].rows)
    complete = found["completeness"]
    missing = [row for row in complete.rows if row[complete.columns.index("missing")]]
    if read != views or missing:
        raise SystemExit(f"{read} rows of views instead of {views}, or windows missing: {missing}")
    return figures


if __name__ == "__main__":
    # A full collection would look at all that Airflow has loaded: 100 ms, in some runs only.
    gc.freeze()
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))), flush=True)
    os._exit(0)  # nothing that a library does at exit belongs to the measurement
