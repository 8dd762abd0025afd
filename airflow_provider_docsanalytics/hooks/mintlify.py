"""The hook for Mintlify's Analytics Export API."""

from __future__ import annotations

from typing import Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.hooks.base import DocsAnalyticsHook


class MintlifyHook(DocsAnalyticsHook):
    """Reads Mintlify's analytics: conversations, threads, feedback, searches, views, visitors.

    Args:
        mintlify_conn_id: the connection; its password is an admin API key (``mint_…``), its login
            the default project ID.
    """

    platform = MINTLIFY
    conn_name_attr = "mintlify_conn_id"
    default_conn_name = "mintlify_default"
    conn_type = "mintlify"
    hook_name = "Mintlify"

    def __init__(self, mintlify_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(mintlify_conn_id, **kwargs)
        self.mintlify_conn_id = mintlify_conn_id
