"""Mintlify's Analytics Export API: its endpoints, their parameters and their responses."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from airflow_provider_docsanalytics.simulator import site, values
from airflow_provider_docsanalytics.simulator.conversations import Position
from airflow_provider_docsanalytics.simulator.data import Dataset, within
from airflow_provider_docsanalytics.simulator.feedback import SOURCES, STATUSES, Feedback
from airflow_provider_docsanalytics.simulator.request import (
    Query,
    RefusedError,
    Response,
    Route,
    dump,
    invalid,
    splice,
)
from airflow_provider_docsanalytics.simulator.values import ALL_TIME, Window, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_docsanalytics.simulator.views import View

PLATFORM = "mintlify"
_PATH = re.compile(r"(?:/api/external)?/v1/analytics/(?P<project>[^/]+)(?P<rest>/.*)")
_THREAD = re.compile(r"/assistant/threads/([^/]+)")
DATES = ("dateFrom", "dateTo")


class Filters(NamedTuple):
    """The two filters of feedback; None means all."""

    source: str | None = None
    statuses: tuple[str, ...] | None = None


class Listing(NamedTuple):
    """Rendered rows in the order of the service, and the whole-response fields."""

    rows: list[bytes]
    totals: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _List:
    """An endpoint whose rows can all be listed, and returned in pages."""

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


def find(path: str) -> Route:
    """Return the endpoint that a path leads to."""
    match = _PATH.fullmatch(path)
    if match is None:
        return Route(PLATFORM, None)
    thread = _THREAD.fullmatch(match["rest"])
    if thread:
        return Route(PLATFORM, "threads", match["project"], thread[1])
    return Route(PLATFORM, _PATHS.get(match["rest"]), match["project"])


def respond(data: Dataset, route: Route, raw_query: str) -> Response:
    """Return the response of an endpoint.

    Raises:
        RefusedError: 400 or 404.
    """
    if route.endpoint == "threads":
        return _thread(data, route.thread_id, Query(raw_query, ()))
    if route.endpoint == "caller_stats":
        callers = _callers(data, _window(Query(raw_query, DATES)))
        return Response(200, dump(callers), rows=1)
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


def _thread(data: Dataset, thread_id: str, _: Query) -> Response:
    if not values.is_ulid(thread_id):
        raise RefusedError(400, "Invalid thread ID", [f"{thread_id!r} is not a ULID"])
    thread = data.turns.thread(thread_id)
    if thread is None:
        raise RefusedError(404, "Thread not found")
    return Response(200, dump(thread), rows=1)


def _callers(data: Dataset, window: Window) -> dict[str, int]:
    callers = data.turns.callers(window)
    return {**{kind: callers[kind] for kind in ("web", "api", "other")}, "total": callers.total()}


def _conversations(data: Dataset, query: Query) -> Response:
    window = _window(query)
    limit = query.number("limit", 100, 1, 1000)
    scope = f"{data.config.seed}:{data.cursor_age}:conversations:{window}"
    after = _position(query, scope)
    rows, last = data.turns.page(window, limit, after)
    paging = {"nextCursor": last and values.seal_cursor(scope, *last), "hasMore": bool(last)}
    return Response(200, splice("conversations", rows, paging), rows=len(rows))


def _list(data: Dataset, endpoint: str, raw_query: str) -> Response:
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
        rest["nextCursor"] = values.seal_cursor(scope, 0, start + limit) if more else None
    if spec.has_more:
        rest["hasMore"] = more
    return Response(200, splice(spec.rows_key, rows, rest), rows=len(rows))


@lru_cache(maxsize=64)
def _listed(
    make: Callable[[Dataset, Window, Filters], Listing],
    data: Dataset,
    window: Window,
    filters: Filters,
) -> Listing:
    """Return a listing and cache it for its next page."""
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
    position = values.unseal_cursor(scope, cursor)
    if position is None:
        raise invalid("cursor: not from this endpoint and this window")
    return Position(*position)


def _list_feedback(data: Dataset, window: Window, filters: Filters) -> Listing:
    """Return the entries, newest first."""
    return Listing([dump(entry.row) for entry in _feedback(data, window, filters)[::-1]], {})


def _list_feedback_by_page(data: Dataset, window: Window, filters: Filters) -> Listing:
    """Return the counts of every page with feedback, by total, descending."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for _, path, row in _feedback(data, window, filters):
        page = counts[path]
        page["total"] += 1
        page["thumbsUp"] += row.get("helpful") is True
        page["thumbsDown"] += row.get("helpful") is False
        page["code"] += row["source"] == "code_snippet"
    columns = ("thumbsUp", "thumbsDown", "code", "total")
    rows = [
        {"path": path, **{column: page[column] for column in columns}}
        for path, page in counts.items()
    ]
    return Listing(_by_total(rows), {})


def _list_searches(data: Dataset, window: Window, _: Filters) -> Listing:
    """Return the search terms, by hits, descending."""
    hits: Counter[str] = Counter()
    last: dict[str, int] = {}
    clicked: dict[str, Counter[int]] = defaultdict(Counter)
    for event in within(data.searches, window):
        hits[event.term] += 1
        last[event.term] = event.instant_ms
        if event.page is not None:
            clicked[event.term][event.page] += 1
    rows = [
        {
            "searchQuery": term,
            "hits": count,
            "ctr": round(100 * clicked[term].total() / count, 2),
            "topClickedPage": _most_clicked(clicked[term]),
            "lastSearchedAt": iso(last[term]),
        }
        for term, count in sorted(hits.items(), key=lambda item: (-item[1], item[0]))
    ]
    return Listing([dump(row) for row in rows], {"totalSearches": hits.total()})


def _list_views(data: Dataset, window: Window, _: Filters) -> Listing:
    """Return the view counts of every viewed page, by total, descending."""
    events = within(data.views, window)
    pages: dict[int, Counter[bool]] = defaultdict(Counter)
    for event in events:
        pages[event.page][event.is_ai] += 1
    rows = [
        {"path": site.page_path(page), **_traffic(seen[False], seen[True], seen.total())}
        for page, seen in pages.items()
    ]
    ai = sum(event.is_ai for event in events)
    return Listing(_by_total(rows), {"totals": _traffic(len(events) - ai, ai, len(events))})


def _list_visitors(data: Dataset, window: Window, _: Filters) -> Listing:
    """Return the distinct visitors of every viewed page, by total, descending."""
    events = within(data.views, window)
    pages: dict[int, list[View]] = defaultdict(list)
    for event in events:
        pages[event.page].append(event)
    rows = [{"path": site.page_path(page), **_distinct(seen)} for page, seen in pages.items()]
    return Listing(_by_total(rows), {"totals": _distinct(events)})


def _feedback(data: Dataset, window: Window, filters: Filters) -> list[Feedback]:
    return [
        entry
        for entry in within(data.feedback, window)
        if filters.source in (None, entry.row["source"])
        and (filters.statuses is None or entry.row["status"] in filters.statuses)
    ]


def _by_total(rows: list[dict[str, Any]]) -> list[bytes]:
    return [dump(row) for row in sorted(rows, key=lambda row: (-row["total"], row["path"]))]


def _most_clicked(pages: Counter[int]) -> str | None:
    return site.page_path(max(pages, key=lambda page: (pages[page], -page))) if pages else None


def _distinct(events: Iterable[View]) -> dict[str, int]:
    """Return the numbers of visitors; one who is both human and AI counts once in ``total``."""
    humans = {event.visitor for event in events if not event.is_ai}
    machines = {event.visitor for event in events if event.is_ai}
    return _traffic(len(humans), len(machines), len(humans | machines))


def _traffic(human: int, ai: int, total: int) -> dict[str, int]:
    return {"human": human, "ai": ai, "total": total}


_LISTS = {
    "feedback": _List(
        "/feedback", "feedback", 50, 100, "cursor", _list_feedback, filters=("source", "status")
    ),
    "feedback_by_page": _List(
        "/feedback/by-page",
        "feedback",
        10,
        100,
        "none",
        _list_feedback_by_page,
        filters=("source", "status"),
    ),
    "searches": _List("/searches", "searches", 50, 100, "cursor", _list_searches, has_more=False),
    "views": _List("/views", "views", 50, 250, "offset", _list_views),
    "visitors": _List("/visitors", "visitors", 50, 250, "offset", _list_visitors),
}
_PATHS = {
    "/assistant": "conversations",
    "/assistant/caller-stats": "caller_stats",
    **{spec.path: name for name, spec in _LISTS.items()},
}
ENDPOINTS = ("conversations", "threads", "caller_stats", *_LISTS)
