"""The rows of a window behind every Mintlify endpoint whose rows can be listed at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import texts
from airflow_provider_docsanalytics.simulator.data import Dataset, View, within
from airflow_provider_docsanalytics.simulator.query import dump
from airflow_provider_docsanalytics.simulator.timestamps import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable


class Filters(NamedTuple):
    """The two filters of feedback; None lets everything pass."""

    source: str | None = None
    statuses: tuple[str, ...] | None = None


class Listing(NamedTuple):
    """Rendered rows in the order of the service, and the whole-response fields."""

    rows: list[bytes]
    totals: dict[str, Any]


def feedback(data: Dataset, window: Window, filters: Filters) -> Listing:
    """Return the entries, newest first."""
    return Listing([dump(row) for row in _feedback_rows(data, window, filters)[::-1]], {})


def feedback_by_page(data: Dataset, window: Window, filters: Filters) -> Listing:
    """Return the counts of every page with feedback, the busiest first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _feedback_rows(data, window, filters):
        page = counts[row["path"]]
        page["total"] += 1
        page["thumbsUp"] += row.get("helpful") is True
        page["thumbsDown"] += row.get("helpful") is False
        page["code"] += row["source"] == "code_snippet"
    columns = ("thumbsUp", "thumbsDown", "code", "total")
    rows = [
        {"path": path, **{column: page[column] for column in columns}}
        for path, page in counts.items()
    ]
    return Listing(_busiest_first(rows), {})


def searches(data: Dataset, window: Window, _: Filters) -> Listing:
    """Return the search terms, those with most hits first."""
    hits: Counter[int] = Counter()
    last: dict[int, int] = {}
    clicked: dict[int, Counter[int]] = defaultdict(Counter)
    for event in within(data.searches, window):
        hits[event.term] += 1
        last[event.term] = event.instant_ms
        if event.page is not None:
            clicked[event.term][event.page] += 1
    rows = [
        {
            "searchQuery": texts.search_term(term),
            "hits": count,
            "ctr": round(clicked[term].total() / count, 4),
            "topClickedPage": _top(clicked[term]),
            "lastSearchedAt": iso(last[term]),
        }
        for term, count in sorted(hits.items(), key=lambda item: (-item[1], item[0]))
    ]
    return Listing([dump(row) for row in rows], {"totalSearches": hits.total()})


def views(data: Dataset, window: Window, _: Filters) -> Listing:
    """Return the view counts of every page that was seen, the busiest first."""
    events = within(data.views, window)
    pages: dict[int, Counter[bool]] = defaultdict(Counter)
    for event in events:
        pages[event.page][event.is_ai] += 1
    rows = [
        {"path": texts.page_path(page), **_traffic(seen[False], seen[True], seen.total())}
        for page, seen in pages.items()
    ]
    ai = sum(event.is_ai for event in events)
    return Listing(_busiest_first(rows), {"totals": _traffic(len(events) - ai, ai, len(events))})


def visitors(data: Dataset, window: Window, _: Filters) -> Listing:
    """Return the distinct visitors of every page that was seen, the busiest first."""
    events = within(data.views, window)
    pages: dict[int, list[View]] = defaultdict(list)
    for event in events:
        pages[event.page].append(event)
    rows = [{"path": texts.page_path(page), **_distinct(seen)} for page, seen in pages.items()]
    return Listing(_busiest_first(rows), {"totals": _distinct(events)})


def _feedback_rows(data: Dataset, window: Window, filters: Filters) -> list[dict[str, Any]]:
    return [
        entry.row
        for entry in within(data.feedback, window)
        if filters.source in (None, entry.row["source"])
        and (filters.statuses is None or entry.row["status"] in filters.statuses)
    ]


def _busiest_first(rows: list[dict[str, Any]]) -> list[bytes]:
    return [dump(row) for row in sorted(rows, key=lambda row: (-row["total"], row["path"]))]


def _top(pages: Counter[int]) -> str | None:
    return texts.page_path(max(pages, key=lambda page: (pages[page], -page))) if pages else None


def _distinct(events: Iterable[View]) -> dict[str, int]:
    """Return how many visitors there were; who came as a human and as an AI is one in total."""
    humans = {event.visitor for event in events if not event.is_ai}
    machines = {event.visitor for event in events if event.is_ai}
    return _traffic(len(humans), len(machines), len(humans | machines))


def _traffic(human: int, ai: int, total: int) -> dict[str, int]:
    return {"human": human, "ai": ai, "total": total}
