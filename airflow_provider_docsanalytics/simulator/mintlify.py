"""Mintlify's Analytics Export API: what its endpoints take, and what they answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_docsanalytics.simulator import queries, ulid
from airflow_provider_docsanalytics.simulator.data import SOURCES, STATUSES
from airflow_provider_docsanalytics.simulator.queries import Filters, Listing
from airflow_provider_docsanalytics.simulator.query import (
    Answer,
    Query,
    RefusedError,
    Route,
    dump,
    invalid,
    splice,
)
from airflow_provider_docsanalytics.simulator.timestamps import ALL_TIME, Window
from airflow_provider_docsanalytics.simulator.turns import Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.simulator.data import Dataset

PLATFORM = "mintlify"
_PATH = re.compile(r"(?:/api/external)?/v1/analytics/(?P<project>[^/]+)(?P<rest>/.*)")
_THREAD = re.compile(r"/assistant/threads/([^/]+)")
DATES = ("dateFrom", "dateTo")


@dataclass(frozen=True, slots=True)
class _List:
    """An endpoint that gives rows, a page at a time."""

    path: str
    rows_key: str
    default_limit: int
    max_limit: int
    paging: Literal["cursor", "offset", "none"]
    listing: Callable[[Dataset, Window, Filters], Listing]
    has_more: bool = True
    filters: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        paging = () if self.paging == "none" else (self.paging,)
        return (*DATES, "limit", *paging, *self.filters)


_LISTS = {
    "feedback": _List(
        "/feedback", "feedback", 50, 100, "cursor", queries.feedback, filters=("source", "status")
    ),
    "feedback_by_page": _List(
        "/feedback/by-page",
        "feedback",
        10,
        100,
        "none",
        queries.feedback_by_page,
        filters=("source", "status"),
    ),
    "searches": _List("/searches", "searches", 50, 100, "cursor", queries.searches, has_more=False),
    "views": _List("/views", "views", 50, 250, "offset", queries.views),
    "visitors": _List("/visitors", "visitors", 50, 250, "offset", queries.visitors),
}
_PATHS = {
    "/assistant": "conversations",
    "/assistant/caller-stats": "caller_stats",
    **{spec.path: name for name, spec in _LISTS.items()},
}
ENDPOINTS = ("conversations", "threads", "caller_stats", *_LISTS)


def find(path: str) -> Route:
    """Return where a path leads."""
    match = _PATH.fullmatch(path)
    if match is None:
        return Route(PLATFORM, None)
    thread = _THREAD.fullmatch(match["rest"])
    if thread:
        return Route(PLATFORM, "threads", match["project"], thread[1])
    return Route(PLATFORM, _PATHS.get(match["rest"]), match["project"])


def answer(data: Dataset, route: Route, raw_query: str) -> Answer:
    """Answer a request to an endpoint.

    Raises:
        RefusedError: 400 or 404.
    """
    if route.endpoint == "threads":
        return _thread(data, route.thread_id, Query(raw_query, ()))
    if route.endpoint == "caller_stats":
        callers = _callers(data, _window(Query(raw_query, DATES)))
        return Answer(200, dump(callers), rows=1)
    if route.endpoint == "conversations":
        return _conversations(data, Query(raw_query, (*DATES, "limit", "cursor")))
    assert route.endpoint is not None
    return _list(data, route.endpoint, raw_query)


def truth(
    data: Dataset,
    endpoint: str,
    window: Window,
    *,
    source: str | None = None,
    status: str | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return all rows and the whole-response fields of an endpoint, without paging."""
    if endpoint == "threads":
        ids = data.turns.thread_ids(window)
        return [thread for thread in map(data.turns.thread, ids) if thread is not None], {}
    if endpoint == "caller_stats":
        callers = _callers(data, window)
        return [callers], callers
    if endpoint == "conversations":
        listing = Listing(data.turns.page(window)[0], {})
    else:
        filters = Filters(source, tuple(status.split(",")) if status else None)
        listing = _listed(_LISTS[endpoint].listing, data, window, filters)
    return json.loads(b"[%s]" % b",".join(listing.rows)), listing.totals


def refusal(refused: RefusedError) -> bytes:
    """Return the body of an error."""
    body: dict[str, Any] = {"error": refused.error}
    if refused.details:
        body["details"] = [{"message": detail} for detail in refused.details]
    return dump(body)


def _thread(data: Dataset, thread_id: str, _: Query) -> Answer:
    if not ulid.is_ulid(thread_id):
        raise RefusedError(400, "Invalid thread ID", [f"{thread_id!r} is not a ULID"])
    thread = data.turns.thread(thread_id)
    if thread is None:
        raise RefusedError(404, "Thread not found")
    return Answer(200, dump(thread), rows=1)


def _callers(data: Dataset, window: Window) -> dict[str, int]:
    callers = data.turns.callers(window)
    return {**{kind: callers[kind] for kind in ("web", "api", "other")}, "total": callers.total()}


def _conversations(data: Dataset, query: Query) -> Answer:
    window = _window(query)
    limit = query.number("limit", 100, 1, 1000)
    scope = f"{data.config.seed}:{data.cursor_age}:conversations:{window}"
    after = _position(query, scope)
    rows, following = data.turns.page(window, limit, after)
    paging = {"nextCursor": following and ulid.seal(scope, *following), "hasMore": bool(following)}
    return Answer(200, splice("conversations", rows, paging), rows=len(rows))


def _list(data: Dataset, endpoint: str, raw_query: str) -> Answer:
    spec = _LISTS[endpoint]
    query = Query(raw_query, spec.known)
    window = _window(query)
    filters = Filters(query.choice("source", SOURCES), query.choices("status", STATUSES))
    limit = query.number("limit", spec.default_limit, 1, spec.max_limit)
    scope = f"{data.config.seed}:{data.cursor_age}:{endpoint}:{window}:{filters}"
    if spec.paging == "cursor":
        position = _position(query, scope)
        start = position.number if position else 0
    else:
        start = query.number("offset", 0, 0)
    listing = _listed(spec.listing, data, window, filters)
    rows = listing.rows[start : start + limit]
    more = start + limit < len(listing.rows)
    rest = dict(listing.totals)
    if spec.paging == "cursor":
        rest["nextCursor"] = ulid.seal(scope, 0, start + limit) if more else None
    if spec.has_more:
        rest["hasMore"] = more
    return Answer(200, splice(spec.rows_key, rows, rest), rows=len(rows))


@lru_cache(maxsize=64)
def _listed(
    make: Callable[[Dataset, Window, Filters], Listing],
    data: Dataset,
    window: Window,
    filters: Filters,
) -> Listing:
    """Return a listing, which is kept: the next page does not start over."""
    return make(data, window, filters)


def _window(query: Query) -> Window:
    date_from, date_to = (query.instant(name) for name in DATES)
    window = Window(
        ALL_TIME.start_ms if date_from is None else date_from,
        ALL_TIME.end_ms if date_to is None else date_to,
    )
    if window.start_ms >= window.end_ms:
        raise invalid("dateFrom: must be before dateTo")
    return window


def _position(query: Query, scope: str) -> Position | None:
    cursor = query.text("cursor")
    if cursor is None:
        return None
    position = ulid.unseal(scope, cursor)
    if position is None:
        raise invalid("cursor: not one that this endpoint gave for this window")
    return Position(*position)
