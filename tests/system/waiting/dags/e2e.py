"""The Dags of the waiting suite; what differs between runs comes in the run's ``conf``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

SENSORS = 20
POKE_INTERVAL_S = 15


def note_end(context: Context, _: Any) -> None:
    """Append the task's ID to the file that the run names, if it names one."""
    file = context["dag_run"].conf.get("ended")
    if file is not None:
        with Path(file).open("a") as ended:
            ended.write(f"{context['ti'].task_id}\n")


def wait(task_id: str) -> None:
    """Add a sensor to the current Dag."""
    MintlifyConversationSensor(
        task_id=task_id,
        since="{{ dag_run.conf['since'] }}",
        mintlify_conn_id="{{ dag_run.conf['conn_id'] }}",
        poke_interval=POKE_INTERVAL_S,
        deferrable=True,
        post_execute=note_end,
    )


def export(*, deferrable: bool) -> None:
    """Add an export to the current Dag."""
    MintlifyExportOperator(
        task_id="export",
        endpoint="conversations",
        path="{{ dag_run.conf['path'] }}",
        date_from="2026-01-01",
        date_to="2026-01-31",
        mintlify_conn_id="{{ dag_run.conf['conn_id'] }}",
        deferrable=deferrable,
        retries=5,
        retry_delay=timedelta(hours=1),  # that the retries come sooner is the policy's doing
    )


with DAG("e2e_sensor", schedule=None):
    wait("wait")

with DAG("e2e_sensors", schedule=None):
    for number in range(SENSORS):
        wait(f"wait_{number:02}")

with DAG("e2e_export_deferring", schedule=None):
    export(deferrable=True)

with DAG("e2e_export_retrying", schedule=None):
    export(deferrable=False)
