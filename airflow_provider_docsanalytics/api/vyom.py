"""Vyom's voice-assistant call analytics: its endpoint table, and the formats that it uses."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._fields import excerpt, first_names, join_names
from airflow_provider_docsanalytics.api.endpoint import Body, Endpoint, Filter, Platform, Query
from airflow_provider_docsanalytics.api.paging import SinglePaging
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.window import DateWindow

_ASSISTANT = {"assistant_id": Filter()}
_GRANULARITY = {"granularity": Filter(("day", "week", "month"))}

_CALLS = Field("total_calls", Kind.INTEGER)
_DURATIONS = (
    Field("total_duration_minutes", Kind.NUMBER),
    Field("total_duration_hours", Kind.NUMBER),
)
_AVERAGE = Field("avg_duration_minutes", Kind.NUMBER)
_SERVICES = ("exotel", "twilio", "web", "google_meet", "unknown")
_RANGE = (Field("start_date", Kind.TEXT), Field("end_date", Kind.TEXT))
_ENVELOPE = ("success", "message", "data")
_PERIODS = ("calls_today", "calls_this_week", "calls_this_month")


def _absent(kind: Kind, *names: str) -> tuple[Field, ...]:
    """Return fields that may be absent: those of usage records older than the field."""
    return tuple(Field(name, kind, optional=True) for name in names)


# Sums over usage records, which are estimates. A cached count is part of the input count.
_TOKENS = (
    *_absent(Kind.INTEGER, "total_records"),
    *_absent(Kind.NUMBER, "total_estimated_cost_usd"),
    *_absent(
        Kind.INTEGER,
        "total_llm_input_audio_tokens",
        "total_llm_input_text_tokens",
        "total_llm_input_image_tokens",
        "total_llm_input_cached_tokens",
        "total_llm_input_cached_audio_tokens",
        "total_llm_input_cached_text_tokens",
        "total_llm_input_cached_image_tokens",
        "total_llm_input_cache_creation_tokens",
        "total_llm_output_audio_tokens",
        "total_llm_output_text_tokens",
        "total_llm_tokens",
        "total_tts_characters",
    ),
    *_absent(Kind.NUMBER, "total_tts_audio_duration", "total_stt_audio_duration"),
)

_ENDPOINTS = (
    Endpoint(
        "calls_by_assistant",
        "/analytics/calls/by-assistant",
        SinglePaging(),
        "assistants",
        fields=(
            # Both are null for calls that had no assistant. A renamed one has a row for each name.
            Field("assistant_id", Kind.TEXT, null=True),
            Field("assistant_name", Kind.TEXT, null=True),
            _CALLS,
            *_DURATIONS,
            _AVERAGE,
        ),
        key=("assistant_id", "assistant_name"),
    ),
    Endpoint(
        "calls_by_phone_number",
        "/analytics/calls/by-phone-number",
        SinglePaging(),
        "phone_numbers",
        filters=MappingProxyType(_ASSISTANT),
        fields=(Field("phone_number", Kind.TEXT), _CALLS, *_DURATIONS, _AVERAGE),
        key=("phone_number",),
    ),
    Endpoint(
        "calls_by_service",
        "/analytics/calls/by-service",
        SinglePaging(),
        "services",
        fields=(Field("service", Kind.TEXT, values=_SERVICES), _CALLS, *_DURATIONS),
        key=("service",),
    ),
    Endpoint(
        "calls_by_time",
        "/analytics/calls/by-time",
        SinglePaging(),
        "time_series",
        filters=MappingProxyType(_GRANULARITY | _ASSISTANT),
        totals=("granularity",),
        # 2026-01-31, 2026-W05 or 2026-01: as the granularity is, so no timestamp.
        fields=(Field("date", Kind.TEXT), _CALLS, *_DURATIONS),
        key=("date",),
    ),
    Endpoint(
        "dashboard",
        "/analytics/dashboard",
        SinglePaging(),
        fields=(
            _CALLS,
            *_DURATIONS,
            _AVERAGE,
            *(Field(name, Kind.INTEGER) for name in _PERIODS),
            Field("date_range", Kind.OBJECT, fields=_RANGE),
        ),
    ),
    Endpoint(
        "tokens_summary",
        "/analytics/tokens/summary",
        SinglePaging(),
        # A window without records is an empty object, which has nothing to export.
        fields=(
            *_TOKENS,
            *_absent(Kind.INTEGER, "total_tts_tokens", "total_stt_tokens"),
            *_absent(Kind.NUMBER, "total_call_duration_minutes"),
        ),
    ),
    Endpoint(
        "tokens_by_model",
        "/analytics/tokens/by-model",
        SinglePaging(),
        "models",
        fields=(
            Field("type", Kind.TEXT, null=True, values=("llm_usage", "tts_usage", "stt_usage")),
            Field("provider", Kind.TEXT, null=True),
            Field("model", Kind.TEXT, null=True),
            *_TOKENS,
            *_absent(
                Kind.INTEGER,
                "total_tts_input_tokens",
                "total_tts_output_tokens",
                "total_stt_input_tokens",
                "total_stt_output_tokens",
            ),
        ),
        key=("type", "provider", "model"),
    ),
)


def _check_key(_: str) -> None:
    """Accept any key: their format is not documented."""


def _dates(window: DateWindow) -> Query:
    """Both ends are inclusive, in milliseconds: a half-open window ends one millisecond earlier."""
    return {"start_date": window.date_from, "end_date": window.last_ms}


def _unwrap(body: Body) -> Body:
    """Return ``data`` of ``{"success": true, "message": "…", "data": {…}}``."""
    for name in ("success", "data"):
        if name not in body.fields:
            raise BadResponse(f"The response has no {name!r}; its keys: {join_names(body.fields)}.")
    if bytes(body.fields["success"]).strip() != b"true":
        message = excerpt(body.fields.get("message", body.fields["success"]))
        raise BadResponse(f"The service returned success: false, {message}.")
    try:
        data = Body.parse(body.fields["data"])
    except _json.NotJson as error:
        raise BadResponse(
            f"The response's 'data' is not an object ({error}); its keys: "
            f"{join_names(body.fields)}."
        ) from error
    return replace(data, unknown=first_names(name for name in body.fields if name not in _ENVELOPE))


VYOM = Platform(
    name="vyom",
    title="Vyom",
    default_url="https://api-livekit-vyom.indusnettechnologies.com",
    endpoints=MappingProxyType({endpoint.name: endpoint for endpoint in _ENDPOINTS}),
    has_projects=False,
    check_key=_check_key,
    dates=_dates,
    unwrap=_unwrap,
    health_check_endpoint="dashboard",
    notes=MappingProxyType({}),
)
