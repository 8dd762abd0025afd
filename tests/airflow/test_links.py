from __future__ import annotations

import pytest
from airflow.models.taskinstancekey import TaskInstanceKey

from airflow_provider_docsanalytics.operators.links import ManifestLink, console_url
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS

S3 = "https://s3.console.aws.amazon.com/s3/object"
GS = "https://console.cloud.google.com/storage/browser/_details"


@pytest.mark.parametrize(
    ("manifest", "page"),
    [
        (
            "s3://my_conn@lake/docs/dt=2026-01-31/_manifest.json",
            f"{S3}/lake?prefix=docs/dt%3D2026-01-31/_manifest.json",
        ),
        (
            "s3://lake/what now? #1&x/_manifest.json",
            f"{S3}/lake?prefix=what%20now%3F%20%231%26x/_manifest.json",
        ),
        ("gs://lake/docs/_manifest.json", f"{GS}/lake/docs/_manifest.json"),
        ("file:///data/docs/_manifest.json", ""),
        ("/data/docs/_manifest.json", ""),
        ("abfs://lake/docs/_manifest.json", ""),
        ("javascript://alert(1)/_manifest.json", ""),
    ],
)
def test_a_manifest_has_a_page_where_its_storage_has_a_console(manifest: str, page: str) -> None:
    assert console_url(manifest) == page


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="the web server of Airflow 2 reads a database")
def test_storage_without_a_console_links_to_the_path_in_the_tasks_xcom() -> None:
    operator = VyomExportOperator(task_id="export", endpoint="calls_by_time", path="/data")
    operator.summary = {"manifest": "file:///data/_manifest.json"}
    key = TaskInstanceKey("a dag", "export", "manual__2026-01-31T00:00:00+00:00", 1, 3)
    run = "manual__2026-01-31T00%3A00%3A00%2B00%3A00"
    page = f"dags/a%20dag/runs/{run}/tasks/export/mapped/3/xcom"
    assert ManifestLink().get_link(operator, ti_key=key) == page
    operator.summary = None
    assert ManifestLink().get_link(operator, ti_key=key) == ""
