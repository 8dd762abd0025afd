"""A day's conversations, exported once enough of them have arrived.

You need what ``mintlify_daily_export.py`` needs, and a triggerer: the wait holds no worker slot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor

with DAG(
    dag_id="wait_for_conversations",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10), "pool": "mintlify_api"},
    tags=["docsanalytics", "mintlify"],
):
    enough = MintlifyConversationSensor(
        task_id="enough_conversations",
        minimum=20,
        timeout=timedelta(hours=20).total_seconds(),
        deferrable=True,
    )
    export = MintlifyExportOperator(
        task_id="export",
        endpoint="conversations",
        path="{{ var.value.docs_lake }}/awaited/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="gzip",
        deferrable=True,
    )
    enough >> export
