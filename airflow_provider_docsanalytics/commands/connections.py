"""Airflow connections outside of a task."""

from __future__ import annotations

import os


def provide(conn_id: str | None) -> None:
    """Make a connection of Airflow's database readable in this process.

    Outside of tasks, Airflow 3 looks into the environment and the secrets backends only. A
    connection that does not exist is no error here: whoever uses it says so.
    """
    if not conn_id:
        return
    from airflow.exceptions import AirflowNotFoundException
    from airflow.models import Connection

    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return
    os.environ.setdefault(f"AIRFLOW_CONN_{conn_id.upper()}", connection.as_json())


def provide_of(url: str) -> None:
    """Make the connection readable that a URL such as ``s3://conn_id@bucket`` names."""
    provide(url.partition("://")[2].partition("/")[0].rpartition("@")[0])
