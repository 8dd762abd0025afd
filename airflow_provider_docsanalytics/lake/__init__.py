"""Exports read back: the catalog of a lake, the audit that proves it, and questions in SQL.

Nothing here sends a request to a service, or writes to the lake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def open_lake(
    url: str, storage_conn_id: str | None = None, *, base_url: str | None = None
) -> DuckDBPyConnection:
    """Return a DuckDB connection in which a lake is a database; needs the extra ``[lake]``.

    It has a view for each endpoint (``conversations``, ``views``, …), in which the fresher export
    wins where windows overlap; the table ``exports``; and a view for each model, such as
    ``unanswered_questions``. The models answer for the whole lake, or for the time of
    :func:`~.connection.set_period`.

    Args:
        url: the root of the exports, a path or a URL such as ``s3://bucket/lake``.
        storage_conn_id: the Airflow connection of ``url``.
        base_url: where the site is, such as ``https://example.com/docs``, so that the pages of all
            endpoints have the same names. Without it, every host counts as the site.

    Raises:
        ConfigError: there is no lake, its connection does not exist, or DuckDB is not installed.
        StorageError: the storage failed.
    """
    from airflow_provider_docsanalytics.lake.connection import connect
    from airflow_provider_docsanalytics.operators._lake import files_at

    return connect(files_at(url, storage_conn_id), base_url or "")
