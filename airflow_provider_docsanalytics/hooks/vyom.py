"""The hook for Vyom's voice-assistant call analytics."""

from __future__ import annotations

from typing import Any

from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
from airflow_provider_docsanalytics.parameters import connection_id


class VyomHook(DocsAnalyticsHook):
    """Reads Vyom's call analytics: calls by assistant, phone number, service, time; dashboard.

    Args:
        vyom_conn_id: the connection; its password is the API key.
        quota_share: as in :class:`~airflow_provider_docsanalytics.hooks.mintlify.MintlifyHook`.
    """

    platform = VYOM
    conn_name_attr = "vyom_conn_id"
    default_conn_name = "vyom_default"
    conn_type = "vyom"
    hook_name = "Vyom"

    def __init__(
        self, vyom_conn_id: str = default_conn_name, *, quota_share: float = 1.0, **kwargs: Any
    ) -> None:
        checked = connection_id("vyom_conn_id", vyom_conn_id)
        super().__init__(checked, quota_share=quota_share, **kwargs)
        self.vyom_conn_id = vyom_conn_id
