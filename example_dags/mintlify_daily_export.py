"""Every date-windowed Mintlify endpoint, once a day, into one directory per endpoint and day.

Before the first run, create:

* a connection ``mintlify_default`` (password: the admin API key, login: the project ID);
* a pool, so that tasks do not compete for the hourly quota:
  ``airflow pools set mintlify_api 1 "Mintlify: 100 requests an hour"``;
* a variable ``docs_lake`` with the root to write to, e.g. ``s3://my_conn@my-bucket/docs``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

with DAG(
    dag_id="mintlify_daily_export",
    # Each run covers the day before it. A plain "@daily" gives Airflow 3 runs without an interval.
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # triggered by hand, a run may cover the same day as the schedule's
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10), "pool": "mintlify_api"},
    tags=["docsanalytics", "mintlify"],
):
    MintlifyExportOperator.partial(
        task_id="export",
        path="{{ var.value.docs_lake }}/{platform}/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="gzip",
        map_index_template="{{ task.endpoint }}",  # the task's name in the UI
    ).expand(
        endpoint=[
            "conversations",
            "caller_stats",
            "feedback",
            "feedback_by_page",
            "searches",
            "views",
            "visitors",
        ]
    )
