"""The data interval of a task's run, also of a run without a logical date.

Airflow 3 starts runs without a logical date: by an asset, by ``airflow dags trigger``, by the REST
API with ``"logical_date": null``. Such a run has no data interval either. It has ``run_after``, the
moment at which it was due, and most timetables know which interval belongs to a moment.

The runs of a cron schedule without intervals (``@daily`` on Airflow 3) are due at midnight, say; a
run by hand is due at any moment. It has the interval of the schedule's last run, so that with a
``lookback`` of a day, both export a day of the calendar.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import timezone  # type: ignore[attr-defined] # has it

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_2_PLUS
from airflow_provider_docsanalytics.window import parse_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

_LONGEST_SEARCH = timedelta(days=16 * 366)
"""Every cron expression that is ever due is due in these years, on a February 29, too."""
HOW_TO_TRIGGER = (
    "Trigger the run with a logical date (in the UI, or with `airflow dags trigger --logical-date "
    "2026-01-31 DAG`)"
)


def run_interval(context: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return the start and the end of a run's data interval, in the Dag's zone.

    Without an interval, both are the logical date. A run without a logical date has the interval
    that its timetable gives to a run which is due at ``run_after``; where the timetable gives none,
    both are ``run_after``.
    """
    start = context.get("data_interval_start")
    end = context.get("data_interval_end") or context.get("logical_date")
    if start is None and end is None:
        start, end = _interval_of_run_after(context)
    zone = zone_of(context.get("dag"))
    return (
        _in_zone(start or end, "data_interval_start", zone),
        _in_zone(end, "data_interval_end", zone),
    )


def has_logical_date(context: Mapping[str, Any]) -> bool:
    """Return whether the run has a logical date, and so a data interval from Airflow."""
    return bool(context.get("logical_date") or context.get("data_interval_end"))


def zone_of(dag: Any) -> tzinfo | None:
    """Return the zone in which a Dag's schedule counts its days, ``None`` if there is no Dag.

    That is the timetable's, which can differ from the Dag's own; some timetables contain others.
    """
    zone = _zone_of_timetable(getattr(dag, "timetable", None))
    zone = getattr(dag, "timezone", None) if zone is None else zone
    return ZoneInfo(zone) if isinstance(zone, str) else zone


def _interval_of_run_after(context: Mapping[str, Any]) -> tuple[Any, Any]:
    run_after = getattr(context.get("dag_run"), "run_after", None)
    timetable = _core_timetable(getattr(context.get("dag"), "timetable", None))
    if run_after is None or timetable is None:
        return run_after, run_after
    try:
        due = _last_due(timetable, timezone.coerce_datetime(run_after))
        interval = timetable.infer_manual_data_interval(run_after=due)
    except (NotImplementedError, ValueError):  # the latter: a cron expression that is never due
        interval = None
    return (interval.start, interval.end) if interval else (run_after, run_after)


def _last_due(timetable: Any, moment: Any) -> Any:
    """Return the last moment of a cron schedule without intervals, until ``moment``.

    For every other timetable, and for a schedule that was not due for years: ``moment``.
    """
    from airflow.timetables.base import TimeRestriction
    from airflow.timetables.trigger import CronTriggerTimetable, MultipleCronTriggerTimetable

    if not isinstance(timetable, CronTriggerTimetable | MultipleCronTriggerTimetable):
        return moment

    def next_due(earliest: Any) -> Any:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=None,
            restriction=TimeRestriction(earliest, latest=None, catchup=True),
        )
        if info is None:
            raise ValueError("never due")
        return info.run_after

    # Timetables only look forward: start ever earlier until one is due, then go on to the last.
    before = timedelta(minutes=1)
    while (due := next_due(moment - before)) > moment:
        before *= 2
        if before > _LONGEST_SEARCH:
            return moment
    while (later := next_due(due + timedelta(microseconds=1))) <= moment:
        due = later
    return due


def _core_timetable(timetable: Any) -> Any:
    """Return the timetable that computes: since Airflow 3.2, a Dag may only have its description.

    ``None`` where this Airflow cannot tell.
    """
    if hasattr(timetable, "infer_manual_data_interval"):
        return timetable
    if timetable is None or not AIRFLOW_V_3_2_PLUS:
        return None
    try:
        from airflow.serialization.encoders import coerce_to_core_timetable
    except ImportError:
        return None
    return coerce_to_core_timetable(timetable)


def _zone_of_timetable(timetable: Any) -> Any:
    # Airflow's timetables have it in `timezone` from 3.2 on, before that in `_timezone`.
    for name in ("timezone", "_timezone"):
        if (zone := getattr(timetable, name, None)) is not None:
            return zone
    inner = [getattr(timetable, "timetable", None), *getattr(timetable, "timetables", ())]
    inner += getattr(timetable, "_timetables", ())
    zones = (_zone_of_timetable(each) for each in inner if each is not None)
    return next((zone for zone in zones if zone is not None), None)


def _in_zone(value: Any, field: str, zone: tzinfo | None) -> datetime | None:
    """Return one of the run's dates in the Dag's zone: Airflow 3 gives them in UTC."""
    if not value:
        return None
    instant = parse_local(value, field)
    return instant if zone is None else instant.astimezone(zone)
