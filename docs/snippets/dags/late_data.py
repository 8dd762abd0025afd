"""Each day's feedback with the six days before it, because its status changes later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

with DAG(
    dag_id="late_data",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    # [task
    MintlifyExportOperator(
        task_id="feedback",
        endpoint="feedback",
        lookback=timedelta(days=6),  # the window is seven days long
        path="{{ var.value.docs_lake }}/late/{endpoint}/until={date_to:%Y-%m-%d}",
    )
    # task]
