"""Which window a run covers: from the parameters, the data interval and the lookback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import DateWindow, parse_local

if TYPE_CHECKING:
    from collections.abc import Mapping


def resolve_window(
    context: Mapping[str, Any], date_from: object, date_to: object, lookback: timedelta | None
) -> DateWindow:
    """Return the window of a run.

    The end is ``date_to``, else the end of the run's data interval, else (a run without one) its
    logical date, else when it was due. The start is ``date_from``, else the interval's start, else
    the end; ``lookback`` moves it earlier.

    Each end has the zone in which it was given: the Dag's for the run's own dates, its own for
    ``date_from`` and ``date_to``. Whole days of the ``lookback`` are days of that zone: one day
    before midnight is midnight, also where that day had 23 or 25 hours.

    Raises:
        ConfigError: if that gives no window, with what to write instead.
    """
    start, end = _interval(context)
    start = parse_local(date_from, "date_from") if date_from is not None else start
    end = parse_local(date_to, "date_to") if date_to is not None else end
    if end is None:
        raise ConfigError("This run has no date at all: pass date_from and date_to.")
    start = _earlier(start or end, lookback or timedelta(0))
    if start.astimezone(UTC) >= end.astimezone(UTC) and date_from is None:
        raise ConfigError(
            f"This run's data interval is empty (it starts and ends at {end.isoformat()}): "
            "there is nothing to export. Airflow 3 gives cron schedules such as '@daily' an empty "
            "interval. Write one of: lookback=timedelta(days=1), to export the day before the run; "
            "schedule=CronDataIntervalTimetable('@daily', timezone='UTC'), to have intervals "
            "again; or date_from and date_to, e.g. "
            'date_from="{{ logical_date - macros.timedelta(days=1) }}", '
            'date_to="{{ logical_date }}".'
        )
    return DateWindow.between(start, end)


def zone_of(dag: Any) -> tzinfo | None:
    """Return the zone in which a Dag's schedule counts its days, ``None`` if there is no Dag.

    That is the timetable's, which need not be the Dag's own; some timetables hold others.
    """
    zone = _zone_of_timetable(getattr(dag, "timetable", None))
    zone = getattr(dag, "timezone", None) if zone is None else zone
    return ZoneInfo(zone) if isinstance(zone, str) else zone


def _zone_of_timetable(timetable: Any) -> Any:
    # Airflow's timetables have it in `timezone` from 3.2 on, before that in `_timezone`.
    for name in ("timezone", "_timezone"):
        if (zone := getattr(timetable, name, None)) is not None:
            return zone
    inner = [getattr(timetable, "timetable", None), *getattr(timetable, "timetables", ())]
    inner += getattr(timetable, "_timetables", ())
    zones = (_zone_of_timetable(each) for each in inner if each is not None)
    return next((zone for zone in zones if zone is not None), None)


def _interval(context: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    end = context.get("data_interval_end") or context.get("logical_date")
    if end is None:
        end = getattr(context.get("dag_run"), "run_after", None)
    start = context.get("data_interval_start") or end
    zone = zone_of(context.get("dag"))
    return _moment(start, "data_interval_start", zone), _moment(end, "data_interval_end", zone)


def _moment(value: Any, field: str, zone: tzinfo | None) -> datetime | None:
    """Return one of the run's dates in the Dag's zone: Airflow 3 gives them in UTC."""
    if not value:
        return None
    moment = parse_local(value, field)
    return moment if zone is None else moment.astimezone(zone)


def _earlier(start: datetime, lookback: timedelta) -> datetime:
    days = timedelta(days=lookback.days)
    try:
        # By the clock on the wall; an hour that comes twice stays the one that it was.
        local = start - days if days else start
        return (local.astimezone(UTC) - (lookback - days)).astimezone(start.tzinfo)
    except OverflowError as error:
        raise ConfigError(f"lookback={lookback!r} reaches out of the range of dates.") from error
