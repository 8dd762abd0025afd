"""The documentation's tables of endpoints and their cost, generated from the code's tables.

A page marks the place: ``<!-- table: endpoints -->`` on a line of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.paging import (
    CursorPaging,
    OffsetPaging,
    SinglePaging,
    ThreadPaging,
)
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.api.window_split import WindowSplitPaging
from airflow_provider_docsanalytics.fields import EXTRA, Field, Kind
from airflow_provider_docsanalytics.lake.schema import DIALECTS, column_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Filter, Platform

DOCS = Path(__file__).resolve().parent
PLATFORMS = (MINTLIFY, VYOM)
HOW = {
    CursorPaging: "by cursor",
    OffsetPaging: "by offset",
    SinglePaging: "one response",
    WindowSplitPaging: "by splitting the window",
    ThreadPaging: "one request each",
}
ANSWERS = {
    "conversations": "What do people ask the assistant, and what stays unanswered?",
    "threads": "How did a conversation go, message by message?",
    "caller_stats": "Who asks: people on the site, the API, or something else?",
    "feedback": "What do readers say about a page, a code block or a response?",
    "feedback_by_page": "Which pages help, and which do not?",
    "searches": "What do people search for, and do they click a result?",
    "views": "Which pages are read, by people and by AI?",
    "visitors": "How many different readers does a page have, people and AI?",
    "calls_by_assistant": "Which assistant takes how many calls, and how long are they?",
    "calls_by_phone_number": "Which phone number is called how often, and for how long?",
    "calls_by_service": "Through which service do calls come?",
    "calls_by_time": "How do calls develop from hour to hour, day to day or week to week?",
    "dashboard": "How many calls are there in all, and how long is an average one?",
    "tokens_summary": "How many tokens do calls use in all, and what do they cost?",
    "tokens_by_model": "Which model of which provider uses how many tokens, at what cost?",
}
"""The question that each endpoint answers."""
NONE = "\N{EN DASH}"
QUOTA_PER_HOUR = 100
_PLACE = re.compile(r"^<!-- table: (\w+) -->$", re.MULTILINE)


def filled(page: str, text: str) -> str:
    """Return a page's text with every table in its place."""

    def table(place: re.Match[str]) -> str:
        if place[1] not in TABLES:
            raise ValueError(f"{page}: no table {place[1]!r}; known: {', '.join(TABLES)}")
        return "\n".join(TABLES[place[1]]())

    return _PLACE.sub(table, text)


def answers() -> Iterator[str]:
    """Yield each question, and the endpoint that answers it."""
    yield from _header("question", "endpoint")
    for platform in PLATFORMS:
        for name in platform.endpoints:
            yield _row(ANSWERS[name], f"[`{name}`](#{name.replace('_', '-')}) ({platform.title})")


def endpoint_rows() -> Iterator[str]:
    """Yield one line for each endpoint of both platforms."""
    yield from _header(
        "endpoint", "rows per request", "paging", "filters", "totals in the manifest"
    )
    for endpoint in _endpoints():
        yield _row(
            f"`{endpoint.name}`",
            _rows_per_request(endpoint) or "all",
            HOW[type(endpoint.paging)],
            _names(endpoint.filters),
            _names(endpoint.totals),
        )


def costs() -> Iterator[str]:
    """Yield the requests that each of Mintlify's endpoints costs, by the number of rows."""
    sizes = (100, 1_000, 10_000, 100_000)
    yield from _header("endpoint", *(f"{size:,} rows" for size in sizes))
    for endpoint in MINTLIFY.endpoints.values():
        per_request = _rows_per_request(endpoint)
        requests = [-(-size // per_request) if per_request else 1 for size in sizes]
        least = "at least " if isinstance(endpoint.paging, WindowSplitPaging) else ""
        yield _row(f"`{endpoint.name}`", *(f"{least}{count:,}" for count in requests))


def pokes() -> Iterator[str]:
    """Yield what waiting costs: requests an hour, by the interval."""
    yield from _header("`poke_interval`", "requests an hour", f"of the {QUOTA_PER_HOUR}")
    for minutes, remark in ((15, " (default)"), (5, ""), (1, "")):
        count = 60 // minutes
        yield _row(f"{minutes} min{remark}", str(count), f"{count * 100 // QUOTA_PER_HOUR} %")


def types() -> Iterator[str]:
    """Yield the column type of each kind of field, by the dialect of ``docsanalytics schema``."""
    fields = [Field("x", kind, fields=(Field("url", Kind.TEXT),)) for kind in Kind]
    yield from _header("in the endpoint table", *DIALECTS)
    for name, field in [*((field.kind.value, field) for field in fields), ("`_extra`", EXTRA)]:
        yield _row(name, *(f"`{column_type(field, dialect)}`" for dialect in DIALECTS))


def sections(platform: Platform) -> Iterator[str]:
    """Yield a section for each endpoint: its path, reading, filters, totals and fields."""
    for endpoint in platform.endpoints.values():
        yield f"\n### `{endpoint.name}`\n"
        yield f"{ANSWERS[endpoint.name]}\n"
        yield from _header("about", "")
        yield _row("path", f"`{endpoint.path}`")
        yield _row("paging", f"{HOW[type(endpoint.paging)]}{_at_most(endpoint)}")
        yield _row("window", "`date_from`, `date_to`" if endpoint.windowed else "none")
        for name, known in endpoint.filters.items():
            yield _row(f"filter `{name}`", _values(known))
        if endpoint.totals:
            yield _row("totals in the manifest", _names(endpoint.totals))
        yield from _fields(endpoint.fields)


def _fields(fields: Iterable[Any]) -> Iterator[str]:
    lines = [line for field in fields for line in _field(field, "")]
    if lines:
        yield ""
        yield from _header("field", "type", "remarks")
        yield from lines


def _field(field: Any, within: str) -> Iterator[str]:
    name = within + field.name
    remarks = [
        "may be `null`" if field.null else "",
        "may be absent" if field.optional else "",
        ", ".join(f"`{value}`" for value in field.values),
    ]
    yield _row(f"`{name}`", field.kind.value, "; ".join(filter(None, remarks)))
    for member in field.fields:
        yield from _field(member, f"{name}.")


def _endpoints() -> Iterator[Endpoint]:
    for platform in PLATFORMS:
        yield from platform.endpoints.values()


def _rows_per_request(endpoint: Endpoint) -> int:
    """Return the most rows of one request; 0 if one request returns all rows."""
    return 1 if endpoint.by_id else endpoint.page_size


def _at_most(endpoint: Endpoint) -> str:
    size = endpoint.page_size
    return f", up to {size:,} rows a request" if size else ""


def _values(known: Filter) -> str:
    values = ", ".join(f"`{value}`" for value in known.values) or "any text"
    return f"{values}; several at once" if known.many else values


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or NONE


def _header(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield "|" + "---|" * len(titles)


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "endpoints": endpoint_rows,
    "answers": answers,
    "mintlify": lambda: sections(MINTLIFY),
    "vyom": lambda: sections(VYOM),
    "costs": costs,
    "pokes": pokes,
    "types": types,
}
