r"""A Dag whose past can be filled in: each run exports its own day, whenever it runs.

Needs what ``mintlify_daily_export.py`` needs, a triggerer, and the Dag unpaused. For January::

    airflow backfill create --dag-id mintlify_backfill --max-active-runs 2 \
        --from-date 2026-01-01 --to-date 2026-01-31

On Airflow 2: ``airflow dags backfill mintlify_backfill --start-date … --end-date …``. Both dates
are days that are exported, and no day is that has not ended. Days that have a run are left out;
``--reprocess-behavior failed`` or ``completed`` runs those again, too, each into its own directory.

A month takes more requests than an hour has. When they are spent, every task that runs waits in the
triggerer, as often as need be in one try, and goes on after the last page that it has stored. How
many may run is up to ``--max-active-runs``, not to the Dag: more would spend the quota no sooner.
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
        path="{{ var.value.docs_lake }}/filled_in/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="gzip",
        deferrable=True,
    ).expand(endpoint=["conversations", "searches"])
