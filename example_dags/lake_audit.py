"""Every morning, after the exports: is each one there, complete, and not silent?

Before the first run: a variable ``docs_lake`` with the root that the other examples write to, e.g.
``s3://my_conn@my-bucket/docs``. The audit sends no request to Mintlify or Vyom.

It is about what ``mintlify_daily_export`` and ``mintlify_backfill`` write. Other examples export
the same days to directories of their own, which an audit of all would call ``overlap``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.operators.lake import LakeAuditOperator

with DAG(
    dag_id="lake_audit",
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # an audit is about today's lake, so there is nothing to catch up on
    tags=["docsanalytics", "lake"],
):
    LakeAuditOperator(
        task_id="audit",
        lake="{{ var.value.docs_lake }}/mintlify",
        fail_on="error",  # warnings are in the log and in XCom
        report="{{ var.value.docs_lake }}/_audits/{{ ds }}.json",
    )
