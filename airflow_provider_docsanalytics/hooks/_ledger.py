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


def open_ledger(platform: Platform, settings: Settings, share: float) -> Ledger | None:
    """Return the ledger that the connection names, ``None`` if it names none; nothing is read."""
    if settings.ledger is None:
        return None
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_docsanalytics.quota.ledger import Ledger
    from airflow_provider_docsanalytics.storage import Storage

    path = ObjectStoragePath(settings.ledger)
    return Ledger(
        Storage(path.fs, path.path, settings.ledger),
        settings.ledger,
        service=settings.service,
        quota=quota_of(platform, settings),
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
