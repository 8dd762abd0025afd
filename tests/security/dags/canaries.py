"""Dags that export, retry, fail and defer, on a service that says the key back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.assets import mintlify_asset
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor

DAY: dict[str, Any] = {
    "date_from": "2026-01-10",
    "date_to": "2026-01-11",
    "path": "{{ var.value.docs_lake }}/{endpoint}",
    "retry_delay": timedelta(0),
}


def _dag(dag_id: str) -> DAG:
    return DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)


with _dag("exports"):
    MintlifyExportOperator(
        task_id="export",
        endpoint="views",
        compression="gzip",
        retries=1,
        outlets=[mintlify_asset(project_id="acme", endpoint="views")],
        **DAY,
    )

with _dag("fails"):
    MintlifyExportOperator(task_id="export", endpoint="feedback", retries=0, **DAY)

with _dag("fails_at_its_proxy"):
    MintlifyExportOperator(
        task_id="export", endpoint="searches", mintlify_conn_id="proxied", retries=0, **DAY
    )

with _dag("fails_at_the_environments"):
    MintlifyExportOperator(
        task_id="export", endpoint="visitors", mintlify_conn_id="unproxied", retries=0, **DAY
    )

with _dag("defers"):
    MintlifyConversationSensor(
        task_id="wait", since="2026-01-10", poke_interval=0.1, deferrable=True, retries=0
    )

with _dag("fails_deferred"):
    MintlifyConversationSensor(
        task_id="wait", since="2026-01-10", poke_interval=0.1, deferrable=True, retries=0
    )
