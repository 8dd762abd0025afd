"""The ledger of a connection: where it lies, and who uses it."""

from __future__ import annotations

import logging
import os
import socket
from functools import cache
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Platform
    from airflow_provider_docsanalytics.api.settings import Settings
    from airflow_provider_docsanalytics.quota.account import Quota
    from airflow_provider_docsanalytics.quota.ledger import Ledger


log = logging.getLogger(__name__)


def ledger_of(platform: Platform, settings: Settings, share: float) -> Ledger | None:
    """Return the ledger that the connection names, ``None`` if it names none; nothing is read.

    A ledger never fails an export, so one that cannot be opened is a warning. So is a share of a
    quota that nobody keeps an account of.
    """
    if settings.ledger is None:
        if share < 1:
            _warn_of_unused_share(settings.connection, share, _spender())
        return None
    quota = quota_of(platform, settings)
    try:
        return open_ledger(settings, quota, share)
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("Requests are sent without the ledger. %s", error)
        return None


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
            f"{platform.title} documents no quota, and the connection names none.\n"
            "Add quota to the connection's extra, such as 100/3600: requests, and seconds."
        )
    return Quota.parse(text)


@cache
def _warn_of_unused_share(conn_id: str, share: float, spender: str) -> None:  # noqa: ARG001 - for the cache
    """Warn once for each task of this process: a trigger has another hook for every poll."""
    log.warning(
        "quota_share=%g has no effect: the connection %r has no ledger, so nobody knows how much "
        "of the quota is used.\nSet ledger in the connection's extra, for example "
        '{"ledger": "s3://lake/quota"}, or leave out quota_share.',
        share,
        conn_id,
    )


def _spender() -> str:
    """Return the running task, as ``dag_id.task_id``: Airflow tells it to its own processes."""
    names = (os.environ.get(f"AIRFLOW_CTX_{name}_ID") for name in ("DAG", "TASK"))
    return ".".join(filter(None, names)) or "no task"
