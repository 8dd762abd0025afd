"""Exports every endpoint for a range of days, as the example Dags do a day: for the demo.

usage: python -m scripts.demo_days 2026-01-05 2026-01-18

Runs in the demo's Airflow: its environment has the connections, and the root to write to.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator

DAY = timedelta(days=1)


def main() -> None:
    """Export from the first date to the second, which is not included."""
    day, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in sys.argv[1:])
    root = os.environ["AIRFLOW_VAR_DOCS_LAKE"]
    operators: tuple[tuple[Any, Any], ...] = (
        (MINTLIFY, MintlifyExportOperator),
        (VYOM, VyomExportOperator),
    )
    while day < end:
        for platform, operator in operators:
            for endpoint in platform.endpoints.values():
                if endpoint.windowed:
                    operator(
                        task_id=endpoint.name,
                        endpoint=endpoint.name,
                        path=root + "/{platform}/{endpoint}/dt={date_from:%Y-%m-%d}",
                        date_from=day,
                        date_to=day + DAY,
                        compression="gzip",
                    ).execute({})
        day += DAY


if __name__ == "__main__":
    main()
