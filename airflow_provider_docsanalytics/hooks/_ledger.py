"""The ledger of a connection: where it lies, and who uses it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Platform
    from airflow_provider_docsanalytics.api.settings import Settings
    from airflow_provider_docsanalytics.quota.account import Quota
    from airflow_provider_docsanalytics.quota.ledger import Ledger


def open_ledger(settings: Settings, quota: Quota, share: float) -> Ledger:
    """Return the ledger that the connection names; nothing is read.

    Raises:
        ConfigError: the connection in its URL, or its file system, does not exist.
    """
    from airflow_provider_docsanalytics._object_storage import filesystem_at
    from airflow_provider_docsanalytics.quota.ledger import Ledger
    from airflow_provider_docsanalytics.storage import Storage

    url = settings.ledger or ""
    return Ledger(
        Storage(*filesystem_at(url, None, None)),
        url,
        service=settings.service,
        quota=quota,
        share=share,
        by=_spender(),
        host=socket.gethostname(),
    )


def quota_of(platform: Platform, settings: Settings) -> Quota:
    """Return the quota of a connection: its own, else the platform's."""
    from airflow_provider_docsanalytics.quota.account import Quota

    text = settings.quota or platform.quota
    if text is None:
        raise ConfigError(
            f"The connection's extra has a ledger, but {platform.title} documents no quota.\n"
            "Add quota to the extra, such as 100/3600: requests, and seconds."
        )
    return Quota.parse(text)


def _spender() -> str:
    """Return the running task, as ``dag_id.task_id``: Airflow tells it to its own processes."""
    names = (os.environ.get(f"AIRFLOW_CTX_{name}_ID") for name in ("DAG", "TASK"))
    return ".".join(filter(None, names)) or "no task"
