"""Asset events: what an export passes on to the Dags that are scheduled on its outlets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset, AssetAlias, AssetAll, AssetAny

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_docsanalytics.window import DateWindow

log = logging.getLogger(__name__)

_PARTITION_KEY = "%Y-%m-%dT%H:%M:%S"
"""As Airflow's ``CronPartitionTimetable`` writes partition keys, which also uses the Dag's zone."""


def send_events(
    context: Mapping[str, Any],
    outlets: Iterable[object],
    summary: dict[str, Any],
    *,
    source: str,
    partitions: Sequence[str],
) -> None:
    """Put the summary, and the partition keys if there are any, into the event of each asset.

    An ``AssetAlias`` gets an event of the asset that was exported.

    Args:
        context: of the task.
        outlets: of the task.
        summary: of the export, as in XCom; the ``extra`` of each event.
        source: the URI of the asset that was exported.
        partitions: the partition keys; Airflow sends an event for each.
    """
    events = context.get("outlet_events")
    if events is None:
        return
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            events[outlet].add(Asset(uri=source), extra=summary)
            if partitions:
                log.warning(
                    "%r: events of an alias cannot have a partition key.\n"
                    "Put the asset itself into outlets.",
                    outlet,
                )
        elif isinstance(outlet, Asset):
            _fill(events[outlet], summary, partitions)
        elif isinstance(outlet, _reference_types()):
            _fill_referenced(events, outlet, summary, partitions)
        elif isinstance(outlet, AssetAny | AssetAll):
            log.warning(
                "%r: Airflow sends no event for a condition.\nList its assets in outlets.", outlet
            )


def partitions_of(windows: Sequence[DateWindow]) -> list[str]:
    """Return the partition key of each window; none, with a warning, before Airflow 3.3."""
    if windows and not AIRFLOW_V_3_3_PLUS:
        log.warning(
            "partitioned=True needs Airflow 3.3; these events have no partition.\n"
            "Upgrade Airflow, or leave out partitioned."
        )
        return []
    return [_partition_of(window) for window in windows]


def _partition_of(window: DateWindow) -> str:
    key = partition_key(window)
    if window.local_start.fold:
        log.warning(
            "The partition key %s names two hours, because the clock was set back; this event is "
            "for %s.\nSchedule the Dag in UTC to tell them apart.",
            key,
            window,
        )
    return key


def partition_key(window: DateWindow) -> str:
    """Return the start of a window as a partition key, in the zone in which it was given."""
    return window.local_start.strftime(_PARTITION_KEY)


def _fill(event: Any, summary: dict[str, Any], partitions: Sequence[str]) -> None:
    event.extra = summary
    if partitions:
        event.add_partitions(partitions)


def _fill_referenced(
    events: Any, outlet: Any, summary: dict[str, Any], partitions: Sequence[str]
) -> None:
    """Fill the event of an asset that is only named: this asks Airflow for the asset."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        _fill(events[outlet], summary, partitions)
    except AirflowRuntimeError as error:  # the export is complete all the same
        log.warning(
            "%r: no active Dag defines this asset, so its event has no extra: %s\n"
            "Correct Asset.ref, or define the asset in a Dag.",
            outlet,
            error,
        )


def _reference_types() -> tuple[type, ...]:
    """Return the types that ``Asset.ref`` returns; Airflow 2 has none."""
    if not AIRFLOW_V_3_0_PLUS:
        return ()
    return type(Asset.ref(name="-")), type(Asset.ref(uri="x://-"))
