"""Vyom's voice-assistant call analytics: the table of its endpoints, and how it spells things."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api import rawjson
from airflow_provider_docsanalytics.api.endpoint import Body, Endpoint, Filter, Platform, Query
from airflow_provider_docsanalytics.api.paging import SinglePaging
from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.window import DateWindow

_ASSISTANT = {"assistant_id": Filter()}
_GRANULARITY = {"granularity": Filter(("day", "week", "month"))}

_ENDPOINTS = (
    Endpoint("calls_by_assistant", "/analytics/calls/by-assistant", SinglePaging(), "assistants"),
    Endpoint(
        "calls_by_phone_number",
        "/analytics/calls/by-phone-number",
        SinglePaging(),
        "phone_numbers",
        filters=MappingProxyType(_ASSISTANT),
    ),
    Endpoint("calls_by_service", "/analytics/calls/by-service", SinglePaging(), "services"),
    Endpoint(
        "calls_by_time",
        "/analytics/calls/by-time",
        SinglePaging(),
        "time_series",
        filters=MappingProxyType(_GRANULARITY | _ASSISTANT),
    ),
    Endpoint("dashboard", "/analytics/dashboard", SinglePaging()),
)


def _check_key(_: str) -> None:
    """Any key may be right: nothing is known of their form."""


def _dates(window: DateWindow) -> Query:
    """Both ends are inclusive, on milliseconds: a half-open window ends one millisecond earlier."""
    return {"start_date": window.date_from, "end_date": window.last_ms}


def _open_envelope(body: Body) -> Body:
    """``{"success": true, "message": "…", "data": {…}}`` gives what is under ``data``."""
    for name in ("success", "data"):
        if name not in body.members:
            keys = ", ".join(body.members) or "none"
            raise BadResponse(f"The answer has no {name!r}; its keys: {keys}.")
    if rawjson.value(body.members["success"]) is not True:
        message = rawjson.value(body.members.get("message", body.members["success"]))
        raise BadResponse(f"The service answered success: false, {str(message)[:500]!r}.")
    return Body.parse(body.members["data"])


VYOM = Platform(
    name="vyom",
    title="Vyom",
    default_url="https://api-livekit-vyom.indusnettechnologies.com",
    endpoints=MappingProxyType({endpoint.name: endpoint for endpoint in _ENDPOINTS}),
    has_projects=False,
    check_key=_check_key,
    dates=_dates,
    open_envelope=_open_envelope,
    probe="dashboard",
)
