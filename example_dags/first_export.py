"""One endpoint, once a day: the smallest useful Dag."""

from __future__ import annotations

# [readme
from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

with DAG(
    dag_id="first_export",
    # Each run covers the day before it.
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # a run by hand may cover the same day as the schedule's
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
):
    MintlifyExportOperator(
        task_id="conversations",
        endpoint="conversations",
        path="{{ var.value.docs_lake }}/first/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="gzip",
    )
# readme]
