"""Dags whose runs have no logical date: by the REST API, and by an asset.

Their schedules are due once a year, and not in the days of this suite: no run comes by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from airflow.sdk import Asset
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

LAST_DAY = {"lookback": timedelta(days=1)}
DAGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "undated_cron": ("30 6 1 6 *", LAST_DAY),
    "undated_interval": (CronDataIntervalTimetable("30 6 1 6 *", timezone="Asia/Tokyo"), {}),
    "undated_asset": ([Asset("undated", uri="docs://undated")], LAST_DAY),
}

for name, (schedule, arguments) in DAGS.items():
    with DAG(name, schedule=schedule, start_date=datetime(2099, 1, 1, tzinfo=UTC), catchup=False):
        MintlifyExportOperator(
            task_id="export",
            endpoint="conversations",
            path="{{ var.value.undated_lake }}/" + name,
            mintlify_conn_id="e2e_undated",
            settle=timedelta(0),
            **arguments,
        )
