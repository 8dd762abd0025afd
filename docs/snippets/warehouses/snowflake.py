"""A day's searches in Snowflake: its window is deleted and loaded in one transaction.

You need a stage ``lake`` over ``s3://lake/``, and the table of
``docsanalytics schema searches --dialect snowflake``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

EXPORT = "{% set export = ti.xcom_pull(task_ids='export') %}"
DELETE = """
DELETE FROM searches
WHERE _project_id = '{{ export.project_id }}' AND _date_from = '{{ export.date_from }}'
"""
# FILES takes names relative to the stage. Without FORCE, files loaded before would be left out.
COPY = """
COPY INTO searches FROM @lake
FILES = ('{{ export.uris | map("replace", "s3://lake/", "") | join("', '") }}')
FILE_FORMAT = (TYPE = PARQUET, USE_LOGICAL_TYPE = TRUE)
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE
"""

with DAG(
    dag_id="load_snowflake",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
):
    export = MintlifyExportOperator(
        task_id="export",
        endpoint="searches",
        path="s3://lake/{endpoint}/dt={date_from:%Y-%m-%d}",
        storage_conn_id="lake_s3",
        file_format="parquet",
    )
    load = SQLExecuteQueryOperator(
        task_id="load",
        conn_id="snowflake_default",
        sql=["ALTER SESSION SET TIMEZONE = 'UTC'", EXPORT + DELETE, EXPORT + COPY],
    )
    export >> load
