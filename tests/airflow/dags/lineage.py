"""Exports that report lineage: to S3, of sums, of Vyom; and a hook in a task."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_docsanalytics.assets import mintlify_asset
from airflow_provider_docsanalytics.hooks.vyom import VyomHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator

DAYS: dict[str, Any] = {"date_from": "2026-01-01", "date_to": "2026-01-31"}
PATH = "{{ var.value.docs_lake }}/{{ task.task_id }}/{endpoint}"


@task
def counts_calls() -> int:
    """Return how many services had calls."""
    return sum(1 for _ in VyomHook().iter_rows("calls_by_service", **DAYS))


with DAG("lineage", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    counted = counts_calls()
    outlets = [mintlify_asset(project_id="proj_sim_docs", endpoint="conversations")]
    to_s3 = MintlifyExportOperator(
        task_id="to_s3",
        endpoint="conversations",
        path="s3://aws_lake@lineage/docs/{endpoint}/until={date_to:%Y-%m-%d}",
        outlets=outlets,
        **DAYS,
    )
    MintlifyExportOperator(task_id="of_sums", endpoint="feedback_by_page", path=PATH, **DAYS)
    MintlifyExportOperator(
        task_id="for_spreadsheets",
        endpoint="searches",
        path=PATH,
        file_format="csv",
        escape_formulas=True,
        **DAYS,
    )
    VyomExportOperator(task_id="of_vyom", endpoint="calls_by_time", path=PATH, **DAYS)
    MintlifyExportOperator(
        task_id="failing",
        endpoint="conversations",
        path=PATH,
        mintlify_conn_id="expired",
        outlets=outlets,
        **DAYS,
    )
