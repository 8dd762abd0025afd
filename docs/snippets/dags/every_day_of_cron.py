"""A plain cron schedule, which on Airflow 3 has no data interval: the task sets its dates."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator

# [dag
with DAG(
    dag_id="every_day_of_cron",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    VyomExportOperator(
        task_id="calls",
        endpoint="calls_by_time",
        filters={"granularity": "day"},
        date_from="{{ logical_date - macros.timedelta(days=1) }}",
        date_to="{{ logical_date }}",
        path="{{ var.value.docs_lake }}/calls/{endpoint}/dt={date_from:%Y-%m-%d}",
    )
# dag]
