"""A day's searches in BigQuery: loaded into a staging table, then its window is replaced.

You need the table of ``docsanalytics schema searches --dialect bigquery > searches.json`` and
``bq mk --table docs.searches searches.json``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
from airflow.providers.google.cloud.transfers.gcs_to_bigquery import GCSToBigQueryOperator
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

BUCKET = "lake"
# A load job cannot be part of a transaction; these statements can.
REPLACE = """
{%- set export = ti.xcom_pull(task_ids='export') -%}
BEGIN TRANSACTION;
DELETE FROM docs.searches
WHERE _project_id = '{{ export.project_id }}' AND _date_from = TIMESTAMP '{{ export.date_from }}';
INSERT INTO docs.searches SELECT * FROM docs.searches_staging;
COMMIT TRANSACTION;
"""


@task
def names(export: dict[str, Any]) -> list[str]:
    """Return the files' names in the bucket."""
    return [uri.removeprefix(f"gs://{BUCKET}/") for uri in export["uris"]]


with DAG(
    dag_id="load_bigquery",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # the staging table holds one day
):
    export = MintlifyExportOperator(
        task_id="export",
        endpoint="searches",
        path=f"gs://{BUCKET}/{{endpoint}}/dt={{date_from:%Y-%m-%d}}",
        storage_conn_id="lake_gcs",
        file_format="parquet",
    )
    stage = GCSToBigQueryOperator(
        task_id="stage",
        bucket=BUCKET,
        source_objects=names(export.output),
        destination_project_dataset_table="docs.searches_staging",
        source_format="PARQUET",
        autodetect=None,
        write_disposition="WRITE_TRUNCATE",
        extra_config={"parquetOptions": {"enableListInference": True}},
    )
    stage >> BigQueryInsertJobOperator(
        task_id="replace", configuration={"query": {"query": REPLACE, "useLegacySql": False}}
    )
