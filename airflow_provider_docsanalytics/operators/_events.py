"""The events of the assets among a task's outlets: what an export tells their consumers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset, AssetAlias, AssetAll, AssetAny

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_docsanalytics.window import DateWindow

log = logging.getLogger(__name__)

_PARTITION_KEY = "%Y-%m-%dT%H:%M:%S"
"""As Airflow's own ``CronPartitionTimetable`` writes partition keys, in the Dag's zone as well."""


def announce(
    context: Mapping[str, Any],
    outlets: Iterable[object],
    summary: dict[str, Any],
    *,
    source: str,
    partition: str | None,
) -> None:
    """Give the event of every asset among the outlets the summary and, if it can have one, a key.

    An ``AssetAlias`` stands for the asset that was exported: its event is that asset's.

    Args:
        context: of the task.
        outlets: of the task.
        summary: of the export, as it goes to XCom.
        source: the URI of the asset that was exported.
        partition: the partition key of the events; ``None``: they have none.
    """
    events = context.get("outlet_events")
    if events is None:
        return
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            events[outlet].add(Asset(uri=source), extra=summary)
            if partition is not None:
                log.warning("%r: events of an alias can have no partition key.", outlet)
        elif isinstance(outlet, Asset):
            _tell(events[outlet], summary, partition)
        elif isinstance(outlet, _references()):
            _tell_referenced(events, outlet, summary, partition)
        elif isinstance(outlet, AssetAny | AssetAll):
            log.warning("%r: Airflow gives no event to it. Name its assets one by one.", outlet)


def partition_of(window: DateWindow | None) -> str | None:
    """Return the partition key for a window, ``None`` where there can be none, and say so."""
    if window is None:
        return None
    if not AIRFLOW_V_3_3_PLUS:
        log.warning("partitioned=True needs Airflow 3.3: the events have no partition.")
        return None
    key = partition_key(window)
    if window.local_start.fold:
        log.warning(
            "The partition key %s names two hours: the clock was set back. This event is of %s.",
            key,
            window,
        )
    return key


def partition_key(window: DateWindow) -> str:
    """Return the start of a window as a partition key, in the zone in which it was given."""
    return window.local_start.strftime(_PARTITION_KEY)


def _tell(event: Any, summary: dict[str, Any], partition: str | None) -> None:
    event.extra = summary
    if partition is not None:
        event.add_partitions(partition)


def _tell_referenced(
    events: Any, outlet: Any, summary: dict[str, Any], partition: str | None
) -> None:
    """Tell an asset that is only named: Airflow has to know it, and is asked for it here."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        _tell(events[outlet], summary, partition)
    except AirflowRuntimeError as error:  # the export stands, whoever hears of it
        log.warning("%r: no Dag has this asset, so its event says nothing: %s", outlet, error)


def _references() -> tuple[type, ...]:
    """Return the types of what ``Asset.ref`` gives, which Airflow 2 does not have."""
    if not AIRFLOW_V_3_0_PLUS:
        return ()
    return type(Asset.ref(name="-")), type(Asset.ref(uri="x://-"))
