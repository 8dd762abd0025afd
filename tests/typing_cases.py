"""What ``mypy --strict`` refuses, and what it takes: an ``ignore`` without an error fails it.

Nothing here runs: ``make check`` reads it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath
from airflow.sdk import task

from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

M, V = MintlifyExportOperator, VyomExportOperator
E, P = "views", "/lake"

# Wrong
M(endpoint=E, path=5)  # type: ignore[arg-type]
M(endpoint=E)  # type: ignore[call-arg]
M(endpoint=1, path=P)  # type: ignore[arg-type]
M(endpoint=E, path=P, lookback=1)  # type: ignore[arg-type]
M(endpoint=E, path=P, settle=600)  # type: ignore[arg-type]
M(endpoint=E, path=P, settle=None)  # type: ignore[arg-type]
M(endpoint=E, path=P, pages_per_file="10")  # type: ignore[arg-type]
M(endpoint=E, path=P, page_size="10")  # type: ignore[arg-type]
M(endpoint=E, path=P, split="week")  # type: ignore[arg-type]
M(endpoint=E, path=P, file_format="parqet")  # type: ignore[arg-type]
M(endpoint=E, path=P, compression="zip")  # type: ignore[arg-type]
M(endpoint=E, path=P, if_exists="ignore")  # type: ignore[arg-type]
M(endpoint=E, path=P, escape_formulas="no")  # type: ignore[arg-type]
M(endpoint=E, path=P, deferrable="false")  # type: ignore[arg-type]
M(endpoint=E, path=P, partitioned=None)  # type: ignore[arg-type]
M(endpoint=E, path=P, date_from=20260110)  # type: ignore[arg-type]
M(endpoint=E, path=P, filters=["pending"])  # type: ignore[arg-type]
M(endpoint=E, path=P, storage_options=5)  # type: ignore[arg-type]
M(endpoint=E, path=P, storage_conn_id=5)  # type: ignore[arg-type]
M(endpoint=E, path=P, thread_ids=5)  # type: ignore[arg-type]
M(endpoint=E, path=P, project_id=1.5)  # type: ignore[arg-type]
M(endpoint=E, path=P, mintlify_conn_id=None)  # type: ignore[arg-type]
M(endpoint=E, path=P, retry_policy=5)  # type: ignore[arg-type]
V(endpoint=E, path=P, lookback=1)  # type: ignore[arg-type]
V(endpoint=E, path=P, split="day")
V(endpoint=E, path=P, settle=600)  # type: ignore[arg-type]
V(endpoint=E, path=P, pages_per_file="10")  # type: ignore[arg-type]
V(endpoint=E, path=P, file_format="parqet")  # type: ignore[arg-type]
V(endpoint=E, path=P, vyom_conn_id=None)  # type: ignore[arg-type]
MintlifyConversationSensor(resolution_status="unansvered")  # type: ignore[arg-type]
MintlifyConversationSensor(minimum="3")  # type: ignore[arg-type]
MintlifyConversationSensor(since=5)  # type: ignore[arg-type]
MintlifyConversationSensor(poke_interval="900")  # type: ignore[arg-type]
MintlifyConversationTrigger(resolution_status="unansvered")  # type: ignore[arg-type]
MintlifyConversationTrigger(poke_interval_s="900")  # type: ignore[arg-type]
MintlifyConversationTrigger(intervall=900)  # type: ignore[call-arg]
HOOK = MintlifyHook()
HOOK.iter_pages(E, date_from=20260110)  # type: ignore[arg-type]
HOOK.iter_rows(E, page_size="10")  # type: ignore[arg-type]
HOOK.iter_rows(E, dates_from="2026-01-10")  # type: ignore[call-arg]
HOOK.select(E, filters=["pending"])  # type: ignore[arg-type]
HOOK.find_conversations(since="2026-01-10", resolution_status="open")  # type: ignore[arg-type]

# Right
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@task
def ids() -> list[str]:
    return ["01HQ"]


with DAG("typed", schedule=None) as dag:
    M(
        task_id="a",
        endpoint="{{ e }}",
        path=Path("/lake"),
        date_from=NOON,
        date_to=date(2026, 1, 11),
    )
    M(task_id="b", endpoint="threads", path=ObjectStoragePath("s3://lake"), thread_ids=ids())
    M(task_id="c", endpoint="threads", path=P, thread_ids=["1"], retries=3, pool="mintlify_api")
    M(task_id="d", endpoint=E, path=P, date_from=dag.param("from"), filters="{{ params.filters }}")
    M.partial(task_id="e", path=P, file_format="csv").expand(endpoint=["views", "visitors"])
    V(task_id="f", endpoint="dashboard", path=P, settle=timedelta(0), file_format="parquet")
    MintlifyConversationSensor(task_id="g", since="{{ ds }}", resolution_status="unanswered")
ROWS: list[dict[str, Any]] = list(HOOK.iter_rows(E, date_from="2026-01-10", filters={"a": ["b"]}))
