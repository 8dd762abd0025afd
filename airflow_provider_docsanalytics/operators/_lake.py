"""A lake, opened by the URL and the connection that exports were written with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.operators._path import fill, verbatim
from airflow_provider_docsanalytics.operators._storage import filesystem_at, local_root

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.lake.files import LakeFiles


def files_at(lake: str, storage_conn_id: str | None) -> LakeFiles:
    """Return the files of a lake; one on the local disk needs no Airflow.

    Raises:
        ConfigError: it is no path or URL of a directory, or its connection does not exist.
    """
    from airflow_provider_docsanalytics.lake.files import LakeFiles

    lake = fill(verbatim(lake), {})
    root = local_root(lake)
    if root is None or storage_conn_id:
        return LakeFiles(*filesystem_at(lake, storage_conn_id, None))
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

    return LakeFiles(LocalFileSystem(), root, lake)
