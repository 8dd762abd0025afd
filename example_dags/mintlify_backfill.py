r"""A Dag for backfills: each run exports its own day, to where the daily export would have put it.

You need what ``mintlify_daily_export.py`` needs, and a triggerer. Unpause the Dag. For January::

    airflow backfill create --dag-id mintlify_backfill --max-active-runs 2 \
        --from-date 2026-01-01 --to-date 2026-01-31

On Airflow 2: ``airflow dags backfill mintlify_backfill --start-date … --end-date …``. Both dates
are included; a day that has not ended is not exported. Days that already have a run are skipped;
``--reprocess-behavior failed`` or ``completed`` runs them again, each into its own directory.

A month takes more requests than the quota of an hour. When the quota is spent, each running task
waits in the triggerer, as often as needed in one try, then resumes after the last page that it
stored. ``--max-active-runs`` limits how many run at a time; more would not be faster. If the
connection names a ledger, ``quota_share`` leaves 40 requests of each hour to other tasks.

Where rows have a time of their own, one task with ``split="day"`` and a wide window writes the same
directories for fewer requests: of ``conversations`` one for each 1,000 rows instead of one a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

with DAG(
    dag_id="mintlify_backfill",
    # Runs with a day each. A plain "@daily" gives Airflow 3 runs without an interval.
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10), "pool": "mintlify_api"},
    tags=["docsanalytics", "mintlify"],
):
    MintlifyExportOperator.partial(
        task_id="export",
        path="{{ var.value.docs_lake }}/{platform}/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="gzip",
        deferrable=True,
        quota_share=0.6,
        map_index_template="{{ task.endpoint }}",  # the task's name in the UI
    ).expand(endpoint=["conversations", "searches"])
