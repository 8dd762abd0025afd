"""Mintlify's Analytics Export API: the table of its endpoints, and how it spells things.

Source: https://www.mintlify.com/docs/api/introduction and the OpenAPI file that it links to.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.endpoint import Body, Endpoint, Filter, Platform, Query
from airflow_provider_docsanalytics.api.halving import HalvingPaging
from airflow_provider_docsanalytics.api.paging import (
    CursorPaging,
    OffsetPaging,
    SinglePaging,
    ThreadPaging,
)
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.window import DateWindow

_BASE = "/v1/analytics/{project_id}"
_TRAFFIC = ("totals",)
_FEEDBACK = MappingProxyType(
    {
        "source": Filter(("code_snippet", "contextual", "agent", "thumbs_only")),
        "status": Filter(("pending", "in_progress", "resolved", "dismissed"), many=True),
    }
)

_ENDPOINTS = (
    Endpoint("conversations", f"{_BASE}/assistant", CursorPaging(), "conversations", 1000),
    Endpoint("threads", _BASE + "/assistant/threads/{thread_id}", ThreadPaging(), windowed=False),
    Endpoint(
        "caller_stats",
        f"{_BASE}/assistant/caller-stats",
        SinglePaging(),
        totals=("web", "api", "other", "total"),
    ),
    Endpoint("feedback", f"{_BASE}/feedback", CursorPaging(), "feedback", 100, filters=_FEEDBACK),
    Endpoint(
        "feedback_by_page",
        f"{_BASE}/feedback/by-page",
        HalvingPaging("path", ("thumbsUp", "thumbsDown", "code", "total")),
        "feedback",
        100,
        filters=_FEEDBACK,
    ),
    Endpoint(
        "searches",
        f"{_BASE}/searches",
        CursorPaging(has_more=False, events=False),
        "searches",
        100,
        totals=("totalSearches",),
    ),
    Endpoint("views", f"{_BASE}/views", OffsetPaging(), "views", 250, totals=_TRAFFIC),
    Endpoint("visitors", f"{_BASE}/visitors", OffsetPaging(), "visitors", 250, totals=_TRAFFIC),
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
                "not take. Put an admin API key there (mint_…, from the API keys page)."
            )
    if not key.startswith("mint_"):
        raise ConfigError(
            "The connection's password is not a Mintlify admin API key: those start with mint_. "
            "Make one on the API keys page of the dashboard."
        )


def _dates(window: DateWindow) -> Query:
    """``dateFrom`` is inclusive, ``dateTo`` exclusive; full UTC instants leave no zone to guess."""
    return {"dateFrom": window.date_from, "dateTo": window.date_to}


def _no_envelope(body: Body) -> Body:
    return body


MINTLIFY = Platform(
    name="mintlify",
    title="Mintlify",
    default_url="https://api.mintlify.com",
    endpoints=MappingProxyType({endpoint.name: endpoint for endpoint in _ENDPOINTS}),
    has_projects=True,
    check_key=_check_key,
    dates=_dates,
    open_envelope=_no_envelope,
    probe="caller_stats",
)
