from __future__ import annotations

import pytest

from airflow_provider_docsanalytics.operators.links import console_url

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
