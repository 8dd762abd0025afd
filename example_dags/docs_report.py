"""Every Monday, after the exports: one page about last week, for the people who write the docs.

Before the first run: a variable ``docs_lake`` with the root that the other examples write to, e.g.
``s3://my_conn@my-bucket/docs``, a variable ``docs_site`` with the address of the site, e.g.
``https://docs.example.com``, and on the workers ``airflow-provider-docsanalytics[lake]``.

The page is about the last week, Monday to Sunday, that the lake covers. It says which exports are
missing. To make a page as soon as the exports are there, schedule it by their assets, which the
exports need among their ``outlets``::

    schedule=[
        mintlify_asset(project_id="my-docs", endpoint=endpoint)
        for endpoint in ("conversations", "searches", "views", "feedback")
    ],

That makes a page a day, so give ``report`` one name: ``{{ ds }}`` is not known in such a run.

To tell the team, add a step after it, by mail (``apache-airflow-providers-smtp``) or in a channel
(``apache-airflow-providers-slack``)::

    @task
    def body(page: dict[str, Any]) -> str:
        return ObjectStoragePath(page["report"]).read_text(encoding="utf-8")

    EmailOperator(
        task_id="mail",
        to="docs-team@example.com",
        subject="Documentation report",
        html_content=body(page.output),
    )

    SlackWebhookOperator(
        task_id="slack",
        slack_webhook_conn_id="slack_docs",
        message="{{ ti.xcom_pull('report')['unanswered'] }} questions stayed unanswered: "
        "{{ ti.xcom_pull('report')['report'] }}",
    )
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.operators.lake import LakeReportOperator

with DAG(
    dag_id="docs_report",
    schedule="0 6 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["docsanalytics", "lake"],
):
    page = LakeReportOperator(
        task_id="report",
        lake="{{ var.value.docs_lake }}",
        report="{{ var.value.docs_lake }}/_reports/{{ ds }}.html",
        base_url="{{ var.value.docs_site }}",
    )
