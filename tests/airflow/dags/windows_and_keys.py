"""Dags as people write them first: a cron schedule and no dates; an outlet; an expired key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.assets import mintlify_asset
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

COMMON: dict[str, Any] = {
    "endpoint": "conversations",
    "path": "{{ var.value.docs_lake }}/windows/{{ dag.dag_id }}/dt={date_from:%Y-%m-%d}",
    "retries": 3,
    "retry_delay": timedelta(0),
}


def _dag(dag_id: str) -> DAG:
    return DAG(
        dag_id, schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
    )


with _dag("cron_without_dates"):
    MintlifyExportOperator(task_id="export", **COMMON)

with _dag("cron_with_lookback"):
    MintlifyExportOperator(task_id="export", lookback=timedelta(days=1), **COMMON)

with _dag("with_outlet"):
    MintlifyExportOperator(
        task_id="export",
        outlets=[mintlify_asset(project_id="acme", endpoint="conversations")],
        date_from="2026-01-08",
        date_to="2026-01-09",
        **COMMON,
    )

with _dag("partitioned"):
    MintlifyExportOperator(
        task_id="export",
        date_from="2026-01-10",
        date_to="2026-01-11",
        partitioned=True,
        outlets=[mintlify_asset(project_id="acme", endpoint="views")],
        **COMMON,
    )

with _dag("expired_key"):
    MintlifyExportOperator(
        task_id="export",
        mintlify_conn_id="expired",
        date_from="2026-01-10",
        date_to="2026-01-11",
        **COMMON,
    )
