"""A lake on an object store: the same rows as on a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec

from airflow_provider_docsanalytics.lake.connection import connect
from airflow_provider_docsanalytics.lake.files import LakeFiles
from tests.lake.made import make_days
from tests.lake.test_models import opened, rows

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bucket_gives_the_rows_of_a_disk(s3_url: str, tmp_path: Path) -> None:
    make_days(tmp_path, 5)
    client = {"endpoint_url": s3_url, "region_name": "eu-west-1"}
    store = fsspec.filesystem(
        "s3", key="k", secret="s", client_kwargs=client, skip_instance_cache=True
    )
    store.makedirs("asked", exist_ok=True)
    for path in tmp_path.rglob("*.json*"):
        store.pipe_file(f"asked/{path.relative_to(tmp_path)}", path.read_bytes())
    connection = connect(LakeFiles(store, "asked", "s3://asked"))
    for query in ("FROM page_quality", "SELECT * FROM completeness", "FROM views ORDER BY ALL"):
        assert rows(connection, query) == rows(opened(tmp_path), query)
