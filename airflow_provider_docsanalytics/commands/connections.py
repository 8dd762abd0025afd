"""Airflow connections outside of a task."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook


def provide(conn_id: str | None) -> None:
    """Make a connection of Airflow's database readable in this process.

    Outside of tasks, Airflow 3 looks into the environment and the secrets backends only. A
    connection that does not exist is no error here: whoever uses it says so. Airflow may log to
    standard output.
    """
    if not conn_id:
        return
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        from airflow.models import Connection  # that of the SDK does not read the database

        try:
            found = Connection.get_connection_from_secrets(conn_id)  # noqa: AIR311 - see above
        except AirflowNotFoundException:
            return
        os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = found.as_json()


def provide_of(url: str) -> None:
    """Make the connection readable that a URL such as ``s3://conn_id@bucket`` names."""
    provide(url.partition("://")[2].partition("/")[0].rpartition("@")[0])


def hook_of(conn_id: str) -> DocsAnalyticsHook:
    """Return the hook of a connection's type."""
    provide(conn_id)
    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
    from airflow_provider_docsanalytics.hooks.vyom import VyomHook

    mintlify = MintlifyHook(conn_id)
    try:
        kind = mintlify.get_connection(conn_id).conn_type
    except Exception:  # noqa: BLE001 - the hook explains what is wrong with a connection
        return mintlify
    return VyomHook(conn_id) if kind == VyomHook.conn_type else mintlify
