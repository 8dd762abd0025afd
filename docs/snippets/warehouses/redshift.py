"""A day's searches in Redshift: its window is deleted and loaded in one transaction.

You need the table of ``docsanalytics schema searches --dialect redshift``, in a cluster whose
default IAM role may read the bucket.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, task
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

DELETE = """
{% set export = ti.xcom_pull(task_ids='export') %}
DELETE FROM searches
WHERE _project_id = '{{ export.project_id }}' AND _date_from = '{{ export.date_from }}'
"""
COPY = """
COPY searches FROM '{{ ti.xcom_pull(task_ids="copy_manifest") }}'
IAM_ROLE DEFAULT FORMAT AS PARQUET SERIALIZETOJSON MANIFEST
"""


@task
def copy_manifest(export: dict[str, Any]) -> str:
    """Write the list that COPY reads, with full URLs and sizes, beside the export's manifest."""
    directory = ObjectStoragePath(export["path"])
    files = json.loads((directory / "_manifest.json").read_text())["files"]
    entries = [
        {"url": uri, "mandatory": True, "meta": {"content_length": file["bytes"]}}
        for uri, file in zip(export["uris"], files, strict=True)
    ]
    (directory / "_redshift.json").write_text(json.dumps({"entries": entries}))
    return export["uris"][0].rpartition("/")[0] + "/_redshift.json"


with DAG(
    dag_id="load_redshift",
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
    load = SQLExecuteQueryOperator(task_id="load", conn_id="redshift_default", sql=[DELETE, COPY])
    copy_manifest(export.output) >> load
