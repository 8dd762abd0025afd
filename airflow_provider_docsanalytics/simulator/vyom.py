"""Vyom's analytics API for voice assistants: its endpoints aggregate one list of calls."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import values
from airflow_provider_docsanalytics.simulator.data import within
from airflow_provider_docsanalytics.simulator.request import Query, Response, Route, dump, invalid
from airflow_provider_docsanalytics.simulator.values import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from airflow_provider_docsanalytics.simulator.data import Call, Dataset
    from airflow_provider_docsanalytics.simulator.request import RefusedError

PLATFORM = "vyom"
PREFIX = "/analytics/"
_PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
DATES = ("start_date", "end_date")
_DEFAULT_SPAN = timedelta(days=30)


class _Selection(NamedTuple):
    """The calls that a request selects, and its other parameters."""

    data: Dataset
    window: Window
    granularity: str
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An endpoint: an aggregate of calls. Without ``rows_key``, ``data`` is the only row."""

    path: str
    rows_key: str
    rows: Callable[[_Selection], list[dict[str, Any]]]
    filters: tuple[str, ...] = ()


def find(path: str) -> Route:
    """Return the endpoint that a path leads to."""
    names = (name for name, spec in _ENDPOINTS.items() if spec.path == path)
    return Route(PLATFORM, next(names, None))


def respond(data: Dataset, route: Route, raw_query: str) -> Response:
    """Return the response of an endpoint.

    Raises:
        RefusedError: 400.
    """
    endpoint = route.endpoint
    assert endpoint is not None
    spec = _ENDPOINTS[endpoint]
    query = Query(raw_query, (*DATES, *spec.filters))
    now = datetime.now(UTC)
    start_ms, last_ms = (query.instant(name) for name in DATES)
    window = Window(
        values.instant_of(now - _DEFAULT_SPAN) if start_ms is None else start_ms,
        (values.instant_of(now) if last_ms is None else last_ms) + 1,
    )
    if window.start_ms >= window.end_ms:
        raise invalid("start_date: must not be after end_date")
    granularity = query.choice("granularity", _PERIODS) or "day"
    rows = _rows(data, endpoint, window, granularity, query.text("assistant_id"))
    body = {spec.rows_key: rows} if spec.rows_key else rows[0]
    message = f"{endpoint.replace('_', ' ').capitalize()}: ok"
    return Response(200, dump({"success": True, "message": message, "data": body}), rows=len(rows))


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
    return _ENDPOINTS[endpoint].rows(_Selection(data, window, granularity, calls))


def _grouped(
    calls: Sequence[Call], key: Callable[[Call], dict[str, str]], *, average: bool = False
) -> list[dict[str, Any]]:
    """Return one row for each group with a call, by total duration, descending."""
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


def _dashboard(selection: _Selection) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = {
        "calls_today": today,
        "calls_this_week": today - timedelta(days=today.weekday()),
        "calls_this_month": today.replace(day=1),
    }
    until_ms = values.instant_of(now)
    counts = {
        name: len(within(selection.data.calls, Window(values.instant_of(start), until_ms)))
        for name, start in since.items()
    }
    date_range = {
        "start_date": values.iso(selection.window.start_ms),
        "end_date": values.iso(selection.window.end_ms - 1),
    }
    return [{**_sums(selection.calls, average=True), **counts, "date_range": date_range}]


def _assistant(call: Call) -> dict[str, str]:
    return {
        "assistant_id": f"550e8400-e29b-41d4-a716-{call.assistant:012d}",
        "assistant_name": f"Assistant {call.assistant + 1}",
    }


def _period(call: Call, granularity: str) -> str:
    return values.as_datetime(call.instant_ms).strftime(_PERIODS[granularity])


_ENDPOINTS = {
    "calls_by_assistant": _Endpoint(
        "/analytics/calls/by-assistant",
        "assistants",
        lambda selection: _grouped(selection.calls, _assistant, average=True),
    ),
    "calls_by_phone_number": _Endpoint(
        "/analytics/calls/by-phone-number",
        "phone_numbers",
        lambda selection: _grouped(
            selection.calls, lambda call: {"phone_number": call.phone_number}, average=True
        ),
        filters=("assistant_id",),
    ),
    "calls_by_service": _Endpoint(
        "/analytics/calls/by-service",
        "services",
        lambda selection: _grouped(selection.calls, lambda call: {"service": call.service}),
    ),
    "calls_by_time": _Endpoint(
        "/analytics/calls/by-time",
        "time_series",
        lambda selection: _grouped(
            selection.calls, lambda call: {"date": _period(call, selection.granularity)}
        ),
        filters=("granularity", "assistant_id"),
    ),
    "dashboard": _Endpoint("/analytics/dashboard", "", _dashboard),
}
ENDPOINTS = tuple(_ENDPOINTS)
