"""The searches that led nowhere, by SQL on the Parquet files themselves, without a warehouse."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.common.sql.config import DataSourceConfig
from airflow.providers.common.sql.operators.analytics import AnalyticsOperator

QUERY = """
SELECT "searchQuery", sum(hits) AS hits FROM searches WHERE ctr = 0
GROUP BY "searchQuery" ORDER BY hits DESC, "searchQuery" LIMIT 20
"""

with DAG(
    dag_id="query_exports",
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    searches_without_click = AnalyticsOperator(
        task_id="searches_without_click",
        datasource_configs=[
            DataSourceConfig(
                conn_id="",  # a local disk needs none; S3 takes an aws connection
                table_name="searches",
                uri="file:///lake/parquet/searches/",
                format="parquet",
            )
        ],
        queries=[QUERY],
        result_output_format="json",
    )
