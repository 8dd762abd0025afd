"""Which window a run covers: from the parameters, the data interval and the lookback."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import DateWindow, parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping


def resolve_window(
    context: Mapping[str, Any], date_from: object, date_to: object, lookback: timedelta | None
) -> DateWindow:
    """Return the window of a run.

    The end is ``date_to``, else the end of the run's data interval, else (a run without one) its
    logical date, else when it was due. The start is ``date_from``, else the interval's start, else
    the end; ``lookback`` moves it earlier.

    Raises:
        ConfigError: if that gives no window, with what to write instead.
    """
    if lookback is not None and (not isinstance(lookback, timedelta) or lookback < timedelta(0)):
        raise ConfigError(f"lookback={lookback!r}: expected a timedelta of 0 or more.")
    start, end = _interval(context)
    start = parse_instant(date_from, "date_from") if date_from is not None else start
    end = parse_instant(date_to, "date_to") if date_to is not None else end
    if end is None:
        raise ConfigError("This run has no date at all: pass date_from and date_to.")
    start = (start or end) - (lookback or timedelta(0))
    if start >= end and date_from is None:
        raise ConfigError(
            f"This run's data interval is empty (it starts and ends at {end.isoformat()}): "
            "there is nothing to export. Airflow 3 gives cron schedules such as '@daily' an empty "
            "interval. Write one of: lookback=timedelta(days=1), to export the day before the run; "
            "schedule=CronDataIntervalTimetable('@daily', timezone='UTC'), to have intervals "
            "again; or date_from and date_to, e.g. "
            'date_from="{{ logical_date - macros.timedelta(days=1) }}", '
            'date_to="{{ logical_date }}".'
        )
    return DateWindow(start, end)


def _interval(context: Mapping[str, Any]) -> tuple[Any, Any]:
    end = context.get("data_interval_end") or context.get("logical_date")
    if end is None:
        end = getattr(context.get("dag_run"), "run_after", None)
    start = context.get("data_interval_start") or end
    return (
        parse_instant(start, "data_interval_start") if start else None,
        parse_instant(end, "data_interval_end") if end else None,
    )
