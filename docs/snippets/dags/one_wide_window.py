"""Months of conversations in one task, a directory for each day: the cheapest way to catch up."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

with DAG(
    dag_id="one_wide_window",
    schedule=None,  # started by hand
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={"from": "2026-01-01", "to": "2026-01-31"},
):
    # [task
    MintlifyExportOperator(
        task_id="conversations",
        endpoint="conversations",
        date_from="{{ params['from'] }}",
        date_to="{{ params['to'] }}",
        path="{{ var.value.docs_lake }}/history/{endpoint}/dt={date_from:%Y-%m-%d}",
        split="day",
        deferrable=True,  # waits for the quota without holding a worker slot
    )
    # task]
