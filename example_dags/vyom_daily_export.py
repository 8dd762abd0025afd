"""Every Vyom endpoint, once a day, into one directory per endpoint and day.

Before the first run: a connection ``vyom_default`` (password: the API key), and a variable
``docs_lake`` with the root to write to, e.g. ``s3://my_conn@my-bucket/docs``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator

with DAG(
    dag_id="vyom_daily_export",
    # Each run covers the day before it. A plain "@daily" gives Airflow 3 runs without an interval.
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # triggered by hand, a run may cover the same day as the schedule's
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["docsanalytics", "vyom"],
):
    VyomExportOperator.partial(
        task_id="export",
        deferrable=True,  # waits an hour, for calls to end, without holding a worker slot
        path="{{ var.value.docs_lake }}/{platform}/{endpoint}/dt={date_from:%Y-%m-%d}",
        map_index_template="{{ task.endpoint }}",  # the task's name in the UI
    ).expand(
        endpoint=[
            "calls_by_assistant",
            "calls_by_phone_number",
            "calls_by_service",
            "calls_by_time",
            "dashboard",
            "tokens_summary",
            "tokens_by_model",
        ]
    )
