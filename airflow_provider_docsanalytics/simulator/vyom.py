"""Vyom's voice-assistant analytics: views of one list of calls."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import timestamps
from airflow_provider_docsanalytics.simulator.data import within
from airflow_provider_docsanalytics.simulator.query import Answer, Query, Route, dump, invalid
from airflow_provider_docsanalytics.simulator.timestamps import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from airflow_provider_docsanalytics.simulator.data import Call, Dataset
    from airflow_provider_docsanalytics.simulator.query import RefusedError

PLATFORM = "vyom"
PREFIX = "/analytics/"
_PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
DATES = ("start_date", "end_date")
_DEFAULT_SPAN = timedelta(days=30)


class _Wanted(NamedTuple):
    """What a request asks for, and the calls that it is about."""

    data: Dataset
    window: Window
    granularity: str
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class _View:
    """An endpoint: a way to look at calls. Without a key for its rows it has one, the object."""

    path: str
    rows_key: str
    rows: Callable[[_Wanted], list[dict[str, Any]]]
    filters: tuple[str, ...] = ()


def find(path: str) -> Route:
    """Return where a path leads."""
    names = (name for name, view in _VIEWS.items() if view.path == path)
    return Route(PLATFORM, next(names, None))


def answer(data: Dataset, route: Route, raw_query: str) -> Answer:
    """Answer a request to an endpoint.

    Raises:
        RefusedError: 400.
    """
    endpoint = route.endpoint
    assert endpoint is not None
    view = _VIEWS[endpoint]
    query = Query(raw_query, (*DATES, *view.filters))
    now = datetime.now(UTC)
    start_ms, last_ms = (query.instant(name) for name in DATES)
    window = Window(
        timestamps.of(now - _DEFAULT_SPAN) if start_ms is None else start_ms,
        (timestamps.of(now) if last_ms is None else last_ms) + 1,
    )
    if window.start_ms >= window.end_ms:
        raise invalid("start_date: must not be after end_date")
    granularity = query.choice("granularity", _PERIODS) or "day"
    rows = _rows(data, endpoint, window, granularity, query.text("assistant_id"))
    body = {view.rows_key: rows} if view.rows_key else rows[0]
    message = f"{endpoint.replace('_', ' ').capitalize()}: ok"
    return Answer(200, dump({"success": True, "message": message, "data": body}), rows=len(rows))


def truth(
    data: Dataset,
    endpoint: str,
    window: Window,
    *,
    granularity: str = "day",
    assistant_id: str | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of an endpoint for a half-open window; there are no whole-response fields."""
    return _rows(data, endpoint, window, granularity, assistant_id), {}


def refusal(refused: RefusedError) -> bytes:
    """Return the body of an error."""
    message = ": ".join((refused.error, *refused.details))
    return dump({"success": False, "message": message, "data": None})


def _rows(
    data: Dataset, endpoint: str, window: Window, granularity: str, assistant_id: str | None
) -> list[dict[str, Any]]:
    calls = [
        call
        for call in within(data.calls, window)
        if assistant_id in (None, _assistant(call)["assistant_id"])
    ]
    return _VIEWS[endpoint].rows(_Wanted(data, window, granularity, calls))


def _grouped(
    calls: Sequence[Call], key: Callable[[Call], dict[str, str]], *, average: bool = False
) -> list[dict[str, Any]]:
    """Return one row for each group that has a call, by total duration, descending."""
    groups: dict[tuple[tuple[str, str], ...], list[Call]] = defaultdict(list)
    for call in calls:
        groups[tuple(key(call).items())].append(call)
    ranked = sorted(groups.items(), key=lambda item: (-_seconds(item[1]), item[0]))
    return [{**dict(names), **_sums(members, average=average)} for names, members in ranked]


def _sums(calls: Collection[Call], *, average: bool) -> dict[str, Any]:
    minutes = round(_seconds(calls) / 60, 2)
    sums: dict[str, Any] = {
        "total_calls": len(calls),
        "total_duration_minutes": minutes,
        "total_duration_hours": round(_seconds(calls) / 3600, 2),
    }
    if average:
        sums["avg_duration_minutes"] = round(minutes / len(calls), 2) if calls else 0
    return sums


def _seconds(calls: Collection[Call]) -> float:
    return sum(call.duration_s for call in calls)


def _dashboard(wanted: _Wanted) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = {
        "calls_today": today,
        "calls_this_week": today - timedelta(days=today.weekday()),
        "calls_this_month": today.replace(day=1),
    }
    until_ms = timestamps.of(now)
    counts = {
        name: len(within(wanted.data.calls, Window(timestamps.of(start), until_ms)))
        for name, start in since.items()
    }
    date_range = {
        "start_date": timestamps.iso(wanted.window.start_ms),
        "end_date": timestamps.iso(wanted.window.end_ms - 1),
    }
    return [{**_sums(wanted.calls, average=True), **counts, "date_range": date_range}]


def _assistant(call: Call) -> dict[str, str]:
    return {
        "assistant_id": f"550e8400-e29b-41d4-a716-{call.assistant:012d}",
        "assistant_name": f"Assistant {call.assistant + 1}",
    }


def _period(call: Call, granularity: str) -> str:
    return timestamps.as_datetime(call.instant_ms).strftime(_PERIODS[granularity])


_VIEWS = {
    "calls_by_assistant": _View(
        "/analytics/calls/by-assistant",
        "assistants",
        lambda wanted: _grouped(wanted.calls, _assistant, average=True),
    ),
    "calls_by_phone_number": _View(
        "/analytics/calls/by-phone-number",
        "phone_numbers",
        lambda wanted: _grouped(
            wanted.calls, lambda call: {"phone_number": call.phone_number}, average=True
        ),
        filters=("assistant_id",),
    ),
    "calls_by_service": _View(
        "/analytics/calls/by-service",
        "services",
        lambda wanted: _grouped(wanted.calls, lambda call: {"service": call.service}),
    ),
    "calls_by_time": _View(
        "/analytics/calls/by-time",
        "time_series",
        lambda wanted: _grouped(
            wanted.calls, lambda call: {"date": _period(call, wanted.granularity)}
        ),
        filters=("granularity", "assistant_id"),
    ),
    "dashboard": _View("/analytics/dashboard", "", _dashboard),
}
ENDPOINTS = tuple(_VIEWS)
