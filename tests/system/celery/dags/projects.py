"""One export for each project; the projects and what else there is to say come in the ``conf``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


@task
def projects(dag_run: DagRun | None = None) -> list[str]:
    """Return the projects that there are."""
    assert dag_run is not None
    found: list[str] = dag_run.conf["projects"]
    return found


with DAG("e2e_projects", schedule=None, max_active_tasks=32):
    MintlifyExportOperator.partial(
        task_id="export",
        endpoint="{{ dag_run.conf['endpoint'] }}",
        path="{{ dag_run.conf['path'] }}",
        date_from="{{ dag_run.conf['date_from'] }}",
        date_to="{{ dag_run.conf['date_to'] }}",
        pages_per_file=2,
        deferrable=True,
        retries=3,
        retry_delay=timedelta(seconds=2),
        map_index_template="{{ task.project_id }}",
    ).expand(project_id=projects())
