"""Mintlify's Analytics Export API: its endpoint table, and the formats that it uses.

Source: https://www.mintlify.com/docs/api/introduction and the OpenAPI file that it links to.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.endpoint import Body, Endpoint, Filter, Platform, Query
from airflow_provider_docsanalytics.api.paging import (
    CursorPaging,
    OffsetPaging,
    SinglePaging,
    ThreadPaging,
)
from airflow_provider_docsanalytics.api.window_split import WindowSplitPaging
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.window import DateWindow


_BASE = "/v1/analytics/{project_id}"
_SOURCES = ("code_snippet", "contextual", "agent", "thumbs_only")
_STATUSES = ("pending", "in_progress", "resolved", "dismissed")
_FEEDBACK = MappingProxyType({"source": Filter(_SOURCES), "status": Filter(_STATUSES, many=True)})


def _counts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, Kind.INTEGER) for name in names)


# One row is one turn. Turns may share id and timestamp, so only the complete row is a key. An older
# schema has no resolutionStatus and no pageUrl; conversationId is named by the documentation's text
# and not by its schema.
_TURN = (
    Field("id", Kind.TEXT),
    Field("timestamp", Kind.TIMESTAMP),
    Field("conversationId", Kind.TEXT, optional=True),
    Field("query", Kind.TEXT),
    Field("response", Kind.TEXT),
    Field("responseType", Kind.TEXT, optional=True, values=("answer", "clarifying_question")),
    Field("sources", Kind.OBJECTS, fields=(Field("title", Kind.TEXT), Field("url", Kind.TEXT))),
    Field("resolutionStatus", Kind.TEXT, optional=True, values=("answered", "unanswered")),
    Field("queryCategory", Kind.TEXT, null=True),
    Field("pageUrl", Kind.TEXT, null=True, optional=True),
)
_MESSAGE = (
    Field("id", Kind.TEXT),
    Field("role", Kind.TEXT, values=("user", "assistant")),
    Field("content", Kind.TEXT),
    Field("createdAt", Kind.TIMESTAMP),
)
_THREAD = (
    Field("threadId", Kind.TEXT),
    Field("createdAt", Kind.TIMESTAMP),
    Field("messages", Kind.OBJECTS, fields=_MESSAGE),
)
# The source decides which of the optional fields a row has.
_ENTRY = (
    Field("id", Kind.TEXT),
    Field("path", Kind.TEXT),
    Field("comment", Kind.TEXT, null=True),
    Field("createdAt", Kind.TIMESTAMP, null=True),
    Field("source", Kind.TEXT, values=_SOURCES),
    Field("status", Kind.TEXT, values=_STATUSES),
    Field("helpful", Kind.BOOLEAN, optional=True),
    Field("contact", Kind.TEXT, null=True, optional=True),
    Field("code", Kind.TEXT, optional=True),
    Field("filename", Kind.TEXT, null=True, optional=True),
    Field("lang", Kind.TEXT, null=True, optional=True),
)
# ctr runs from 0 to 100. The schema gives no range: that is what the service returns.
_SEARCH = (
    Field("searchQuery", Kind.TEXT),
    Field("hits", Kind.INTEGER),
    Field("ctr", Kind.NUMBER),
    Field("topClickedPage", Kind.TEXT, null=True),
    Field("lastSearchedAt", Kind.TIMESTAMP),
)
_PATH = Field("path", Kind.TEXT)
_CALLERS = ("web", "api", "other", "total")
_VOTES = ("thumbsUp", "thumbsDown", "code", "total")
_TRAFFIC = (_PATH, *_counts("human", "ai", "total"))

_ENDPOINTS = (
    Endpoint(
        "conversations",
        f"{_BASE}/assistant",
        CursorPaging(events=True),
        "conversations",
        1000,
        fields=_TURN,
        moment="timestamp",
    ),
    Endpoint(
        "threads",
        _BASE + "/assistant/threads/{thread_id}",
        ThreadPaging(),
        windowed=False,
        fields=_THREAD,
        key=("threadId",),
    ),
    Endpoint(
        "caller_stats",
        f"{_BASE}/assistant/caller-stats",
        SinglePaging(),
        totals=_CALLERS,
        fields=_counts(*_CALLERS),
    ),
    Endpoint(
        "feedback",
        f"{_BASE}/feedback",
        CursorPaging(events=True),
        "feedback",
        100,
        filters=_FEEDBACK,
        fields=_ENTRY,
        key=("id",),
        moment="createdAt",
    ),
    Endpoint(
        "feedback_by_page",
        f"{_BASE}/feedback/by-page",
        WindowSplitPaging("path", _VOTES),
        "feedback",
        100,
        filters=_FEEDBACK,
        fields=(_PATH, *_counts(*_VOTES)),
        key=("path",),
    ),
    Endpoint(
        "searches",
        f"{_BASE}/searches",
        CursorPaging(has_more=False),
        "searches",
        100,
        totals=("totalSearches",),
        fields=_SEARCH,
        key=("searchQuery",),
    ),
    Endpoint(
        "views",
        f"{_BASE}/views",
        OffsetPaging(),
        "views",
        250,
        totals=("totals",),
        fields=_TRAFFIC,
        key=("path",),
    ),
    Endpoint(
        "visitors",
        f"{_BASE}/visitors",
        OffsetPaging(),
        "visitors",
        250,
        totals=("totals",),
        fields=_TRAFFIC,
        key=("path",),
    ),
)

_OTHER_KEYS = {
    "mint_dsc_": "an assistant key",
    "mint_us_": "an index key",
}


def _check_key(key: str) -> None:
    for prefix, what in _OTHER_KEYS.items():
        if key.startswith(prefix):
            raise ConfigError(
                f"The connection's password is {what} ({prefix}…), which the analytics API does "
                "not accept.\nUse an admin API key (mint_…, from the API keys page of the "
                "dashboard)."
            )
    if not key.startswith("mint_"):
        raise ConfigError(
            "The connection's password is not a Mintlify admin API key: those start with mint_.\n"
            "Create one on the API keys page of the dashboard."
        )


def _dates(window: DateWindow) -> Query:
    """``dateFrom`` is inclusive, ``dateTo`` exclusive; instants in UTC leave no zone to guess."""
    return {"dateFrom": window.date_from, "dateTo": window.date_to}


def _no_envelope(body: Body) -> Body:
    return body


MINTLIFY = Platform(
    name="mintlify",
    title="Mintlify",
    default_url="https://api.mintlify.com",
    endpoints=MappingProxyType({endpoint.name: endpoint for endpoint in _ENDPOINTS}),
    has_projects=True,
    quota="100/3600",
    check_key=_check_key,
    dates=_dates,
    unwrap=_no_envelope,
    health_check_endpoint="caller_stats",
    notes=MappingProxyType(
        {
            401: "Mintlify's keys expire after 90 days by default.",
            403: "Mintlify's analytics API needs a Pro or an Enterprise plan.",
            429: "Mintlify allows 100 requests an hour for all of an organisation.",
        }
    ),
)
