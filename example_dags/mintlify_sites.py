"""Several documentation sites and organisations: one task for each site and endpoint.

Before the first run: ``pip install 'airflow-provider-docsanalytics[zstd]'`` on the workers; one
connection per organisation, with its key; the variable ``docs_lake``, as for
``mintlify_daily_export.py``; and the sites in a variable ``docs_sites``::

    [{"mintlify_conn_id": "mintlify_default", "project_id": "…"},
     {"mintlify_conn_id": "mintlify_other", "project_id": "…"}]

A site that you add there is exported from the next run on. Each organisation has its own hourly
quota, which its sites share. There is no pool, because it would make one organisation wait for
another; a task whose quota is spent waits in the triggerer and holds no slot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Variable, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

ENDPOINTS = ["conversations", "feedback", "searches"]


@task
def exports() -> list[dict[str, str]]:
    """Return the arguments that differ from task to task."""
    sites = Variable.get("docs_sites", deserialize_json=True)
    return [{**site, "endpoint": endpoint} for site in sites for endpoint in ENDPOINTS]


with DAG(
    dag_id="mintlify_sites",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
    tags=["docsanalytics", "mintlify"],
):
    MintlifyExportOperator.partial(
        task_id="export",
        path="{{ var.value.docs_lake }}/sites/{project_id}/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="zstd",  # smaller and faster than gzip, if all your readers know it
        deferrable=True,
        map_index_template="{{ task.project_id }} {{ task.endpoint }}",
    ).expand_kwargs(exports())
