"""Vyom's analytics API for voice assistants: its endpoints aggregate calls and usage records.

A call has no duration before it ends. All buckets are of UTC.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import values
from airflow_provider_docsanalytics.simulator.data import within
from airflow_provider_docsanalytics.simulator.request import (
    Query,
    RefusedError,
    Response,
    Route,
    dump,
)
from airflow_provider_docsanalytics.simulator.values import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from airflow_provider_docsanalytics.simulator.calls import Call, Usage
    from airflow_provider_docsanalytics.simulator.data import Dataset

PLATFORM = "vyom"
PREFIX = "/analytics/"
_PERIODS = {"day": "%Y-%m-%d", "week": "%Y-W%V", "month": "%Y-%m"}
DATES = ("start_date", "end_date")
_DEFAULT_SPAN = timedelta(days=30)
_INVALID = 422
_COMMON = (
    "estimated_cost_usd",
    "llm_input_audio_tokens",
    "llm_input_text_tokens",
    "llm_input_image_tokens",
    "llm_input_cached_tokens",
    "llm_input_cached_audio_tokens",
    "llm_input_cached_text_tokens",
    "llm_input_cached_image_tokens",
    "llm_input_cache_creation_tokens",
    "llm_output_audio_tokens",
    "llm_output_text_tokens",
    "llm_tokens",
    "tts_characters",
    "tts_audio_duration",
    "stt_audio_duration",
)
_BY_TYPE = ("tts_input_tokens", "tts_output_tokens", "stt_input_tokens", "stt_output_tokens")
_BY_MODEL = (*_COMMON, *_BY_TYPE)
_SUMMARY = (*_COMMON, "tts_tokens", "stt_tokens", "call_duration_minutes")
_SUMS_OF = {"tts_tokens": _BY_TYPE[:2], "stt_tokens": _BY_TYPE[2:]}


class _Parameters(NamedTuple):
    """What a request asks for."""

    window: Window
    granularity: str = "day"
    assistant_id: str | None = None


_Model = tuple[str | None, str | None, str | None]


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
    parameters = _parameters(raw_query, spec.filters)
    rows = _rows(data, endpoint, parameters)
    body = {spec.rows_key: rows} if spec.rows_key else dict(*rows)
    message = f"{endpoint.replace('_', ' ').capitalize()}: ok"
    body |= _whole_response(endpoint, parameters)
    return Response(200, dump({"success": True, "message": message, "data": body}), rows=len(rows))


def _parameters(raw_query: str, filters: tuple[str, ...]) -> _Parameters:
    """Return the parameters; a start after the end is none of the errors, and selects nothing."""
    now = datetime.now(UTC)
    try:
        query = Query(raw_query, (*DATES, *filters))
        start_ms, last_ms = (query.instant(name) for name in DATES)
        granularity = query.choice("granularity", _PERIODS)
    except RefusedError as refused:
        raise RefusedError(_INVALID, "Validation error", refused.details) from refused
    window = Window(
        values.instant_of(now - _DEFAULT_SPAN) if start_ms is None else start_ms,
        (values.instant_of(now) if last_ms is None else last_ms) + 1,
    )
    return _Parameters(window, granularity or "day", query.text("assistant_id"))


def truth(
    data: Dataset,
    endpoint: str,
    window: Window,
    *,
    granularity: str = "day",
    assistant_id: str | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows and the whole-response fields of an endpoint for a half-open window."""
    parameters = _Parameters(window, granularity, assistant_id)
    return _rows(data, endpoint, parameters), _whole_response(endpoint, parameters)


def refusal(refused: RefusedError) -> bytes:
    """Return the body of an error; an invalid parameter is named in ``data.errors`` only."""
    body: dict[str, Any] = {"success": False, "message": refused.error, "data": None}
    if refused.details:
        named = [detail.partition(": ") for detail in refused.details]
        body["data"] = {
            "errors": [{"loc": ["query", name], "msg": reason} for name, _, reason in named]
        }
    return dump(body)


def _whole_response(endpoint: str, parameters: _Parameters) -> dict[str, Any]:
    return {"granularity": parameters.granularity} if endpoint == "calls_by_time" else {}


def _rows(data: Dataset, endpoint: str, parameters: _Parameters) -> list[dict[str, Any]]:
    window, granularity, assistant_id = parameters
    calls = [
        _so_far(call)
        for call in within(data.calls, window)
        if assistant_id in (None, _assistant(call)["assistant_id"])
    ]
    return _ENDPOINTS[endpoint].rows(_Selection(data, window, granularity, calls))


def _so_far(call: Call) -> Call:
    """Return the call as it is now: without a duration, unless it has ended."""
    ended = call.instant_ms + call.duration_s * 1000 <= values.instant_of(datetime.now(UTC))
    return call if ended else call._replace(duration_s=0)


def _grouped(
    calls: Sequence[Call], key: Callable[[Call], dict[str, str | None]], *, average: bool = False
) -> list[dict[str, Any]]:
    """Return one row for each group with a call, by total duration, descending."""
    groups: dict[tuple[tuple[str, str | None], ...], list[Call]] = defaultdict(list)
    for call in calls:
        groups[tuple(key(call).items())].append(call)
    ranked = sorted(groups.items(), key=lambda item: (-_seconds(item[1]), str(item[0])))
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


def _assistant(call: Call) -> dict[str, str | None]:
    number = call.assistant
    return {
        "assistant_id": None if number is None else f"550e8400-e29b-41d4-a716-{number:012d}",
        "assistant_name": call.assistant_name,
    }


def _tokens_summary(selection: _Selection) -> list[dict[str, Any]]:
    """Return one row, or none if there are no records."""
    records = _usage(selection)
    return [_usage_sums(records, _SUMMARY)] if records else []


def _tokens_by_model(selection: _Selection) -> list[dict[str, Any]]:
    """Return one row for each model, by type, provider and model; null comes first."""
    groups: dict[_Model, list[Usage]] = defaultdict(list)
    for record in _usage(selection):
        groups[record.type, record.provider, record.model].append(record)
    ranked = sorted(groups.items(), key=lambda item: [name or "" for name in item[0]])
    return [
        {"type": kind, "provider": provider, "model": model, **_usage_sums(records, _BY_MODEL)}
        for (kind, provider, model), records in ranked
    ]


def _usage(selection: _Selection) -> Sequence[Usage]:
    """Return the records that exist now: a call writes its own when it ends."""
    start_ms, end_ms = selection.window
    written_ms = values.instant_of(datetime.now(UTC)) + 1
    return within(selection.data.usage, Window(start_ms, min(end_ms, written_ms)))


def _usage_sums(records: Sequence[Usage], names: Collection[str]) -> dict[str, Any]:
    def total(name: str) -> float:
        parts = _SUMS_OF.get(name, (name,))
        return sum(record.amounts.get(part, 0) for record in records for part in parts)

    return {
        "total_records": len(records),
        **{f"total_{name}": round(total(name), 2) for name in names},
    }


def _calls_by_time(selection: _Selection) -> list[dict[str, Any]]:
    """Return one row for each period with a call, by its label, ascending."""
    rows = _grouped(selection.calls, lambda call: {"date": _period(call, selection.granularity)})
    return sorted(rows, key=lambda row: row["date"])


def _period(call: Call, granularity: str) -> str:
    """Return the label as the service writes it: a week at New Year gets the wrong year."""
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
        _calls_by_time,
        filters=("granularity", "assistant_id"),
    ),
    "dashboard": _Endpoint("/analytics/dashboard", "", _dashboard),
    "tokens_summary": _Endpoint("/analytics/tokens/summary", "", _tokens_summary),
    "tokens_by_model": _Endpoint("/analytics/tokens/by-model", "models", _tokens_by_model),
}
ENDPOINTS = tuple(_ENDPOINTS)
