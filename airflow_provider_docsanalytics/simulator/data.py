"""The data set of both services: its parameters, and the events that all responses are made of."""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow_provider_docsanalytics.simulator import values
from airflow_provider_docsanalytics.simulator.calls import Call, Usage, usage_of
from airflow_provider_docsanalytics.simulator.conversations import Turns
from airflow_provider_docsanalytics.simulator.values import DAY_MS, Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOURCES = ("code_snippet", "contextual", "agent", "thumbs_only")
STATUSES = ("pending", "in_progress", "resolved", "dismissed")
RESOLUTIONS = ("answered", "unanswered")

_DEFAULT_SPAN = timedelta(days=30)
_MIN_GAP_MS = 10
_MAX_FEEDBACK = 20_000
_MAX_SEARCHES = 40_000
_MAX_VIEWS = 60_000
_MAX_CALLS = 5_000
_SEARCH_TERMS = 450
_USELESS_TERM_EVERY = 15
_MIDNIGHT_EVERY = 20
_PASSTHROUGH_EVERY = 25
_SERVICES = ("exotel", "exotel", "twilio", "web", "web", "google_meet", "unknown")
_JITTER = 0.9  # of the gap between two events, so that no two share a millisecond


@dataclass(frozen=True, slots=True)
class Config:
    """The data set's parameters; equal ones give equal data.

    ``start`` and ``end`` are ISO dates or instants in UTC, half-open. The default is the 30 days up
    to the end of the current day, so that yesterday is complete.
    """

    rows: int = 2500
    """Conversation turns; the events of the other endpoints are in proportion, up to a maximum."""
    pages: int = 610
    """Distinct documentation pages."""
    seed: int = 1
    start: str | None = None
    end: str | None = None
    legacy_schema: bool = False
    """Conversations without ``resolutionStatus``, ``responseType`` and ``pageUrl``."""
    row_bytes: int | None = None
    """Pad a conversation row to this size; by default rows are as long as their text."""

    def window(self) -> Window:
        """Return the range of all data.

        Raises:
            ValueError: A number or a date is invalid, or the range is too short for the rows.
        """
        if self.rows < 0 or self.pages < 1:
            raise ValueError(
                f"A data set of rows={self.rows} and pages={self.pages} is impossible.\n"
                "Set rows to at least 0 and pages to at least 1."
            )
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        end_ms = values.parse_instant(self.end or tomorrow.isoformat())
        span_ms = _DEFAULT_SPAN // timedelta(milliseconds=1)
        start_ms = values.parse_instant(self.start) if self.start else end_ms - span_ms
        if end_ms - start_ms < max(1, self.rows * _MIN_GAP_MS):
            raise ValueError(
                f"rows={self.rows} does not fit between start={self.start} and end={self.end}.\n"
                f"Make the range longer: each row needs {_MIN_GAP_MS} ms."
            )
        return Window(start_ms, end_ms)


class Feedback(NamedTuple):
    """One entry; ``createdAt`` of its row is its time or null."""

    instant_ms: int
    row: dict[str, Any]


class Search(NamedTuple):
    """A search for a term, and the page that was opened, if any."""

    instant_ms: int
    term: int
    page: int | None


class View(NamedTuple):
    """A view of a page by a visitor, human or AI."""

    instant_ms: int
    page: int
    visitor: int
    is_ai: bool


_Event = TypeVar("_Event", Feedback, Search, View, Call, Usage)


class Dataset:
    """Everything that the services return. All but the turns is made on first use."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.window = config.window()
        self.cursor_age = 0
        self.turns = Turns(
            self._times("turns", config.rows),
            seed=config.seed,
            pages=config.pages,
            legacy_schema=config.legacy_schema,
            row_bytes=config.row_bytes,
        )

    @cached_property
    def feedback(self) -> list[Feedback]:
        """Feedback entries, oldest first."""
        rng = self._random("feedback")
        times = self._times("feedback times", min(self.config.rows, _MAX_FEEDBACK))
        return [
            Feedback(instant_ms, self._feedback_row(rng, number, instant_ms))
            for number, instant_ms in enumerate(times)
        ]

    @cached_property
    def searches(self) -> list[Search]:
        """Search events, oldest first. Some terms never lead to a page."""
        rng = self._random("searches")
        searches = []
        count = min(4 * self.config.rows, _MAX_SEARCHES)
        for instant_ms in self._times("search times", count):
            term = int(_SEARCH_TERMS * rng.random() ** 2)
            page = self._page(rng) if rng.random() < 0.6 else None
            searches.append(
                Search(instant_ms, term, page if (term + 1) % _USELESS_TERM_EVERY else None)
            )
        return searches

    @cached_property
    def views(self) -> list[View]:
        """View events, oldest first. Every fourth visitor is an AI, and a few count as both."""
        rng = self._random("views")
        count = min(8 * self.config.rows, _MAX_VIEWS)
        views = []
        for instant_ms in self._times("view times", count):
            visitor = rng.randrange(count // 5 + 1)
            is_ai = (visitor % 4 == 0) != (rng.random() < 0.03)
            views.append(View(instant_ms, self._page(rng), visitor, is_ai))
        return views

    @cached_property
    def calls(self) -> list[Call]:
        """Calls, oldest first. Every twentieth starts exactly at midnight UTC.

        Assistant 2 has another name in the first half of the range.
        """
        rng = self._random("calls")
        calls = []
        renamed_ms = sum(self.window) // 2
        times = self._times("call times", min(self.config.rows, _MAX_CALLS))
        for number, instant_ms in enumerate(times):
            midnight_ms = instant_ms - instant_ms % DAY_MS
            snaps = number % _MIDNIGHT_EVERY == 0 and midnight_ms >= self.window.start_ms
            service = rng.choice(_SERVICES)
            assistant = int(9 * rng.random() ** 2)
            is_old_name = assistant == 1 and instant_ms < renamed_ms
            is_passthrough = number % _PASSTHROUGH_EVERY == 1
            calls.append(
                Call(
                    midnight_ms if snaps else instant_ms,
                    round(rng.expovariate(1 / 240), 3),
                    None if is_passthrough else assistant,
                    None
                    if is_passthrough
                    else f"Assistant {assistant + 1}{' (trial)' * is_old_name}",
                    service,
                    _phone_number(service, rng.randrange(140)),
                )
            )
        return sorted(calls, key=_instant)

    @cached_property
    def usage(self) -> list[Usage]:
        """Usage records of the calls, oldest first."""
        return sorted(usage_of(self.calls, self._random("usage")), key=_instant)

    def _times(self, name: str, count: int) -> Iterator[int]:
        """Yield ascending instants, spread evenly over the range but for some jitter."""
        jitter = self._random(name).random
        start_ms, end_ms = self.window
        step = (end_ms - start_ms) / max(1, count)
        return (start_ms + int((number + _JITTER * jitter()) * step) for number in range(count))

    def _random(self, name: str) -> Random:
        return Random(f"{self.config.seed}:{name}")  # noqa: S311 - repeatable, not secret

    def _page(self, rng: Random) -> int:
        """Return a page; those with low numbers are the popular ones."""
        return int(self.config.pages * rng.random() ** 1.5)

    def _feedback_row(self, rng: Random, number: int, instant_ms: int) -> dict[str, Any]:
        awkward = values.AWKWARD[number % len(values.AWKWARD)]
        salt = values.ulid_salt(f"{self.config.seed}:feedback")
        source = rng.choices(SOURCES, (15, 55, 10, 20))[0]
        row: dict[str, Any] = {
            "id": values.make_ulid(instant_ms, salt, number),
            "path": values.page_path(self._page(rng)),
            "comment": None if number % 3 == 0 else values.sentence(rng, 9) + awkward,
            "createdAt": None if number % 50 == 7 else iso(instant_ms),
            "source": source,
            "status": rng.choices(STATUSES, (50, 15, 25, 10))[0],
        }
        if source == "contextual":
            row["helpful"] = rng.random() < 0.7
            row["contact"] = f"reader{number}@example.com" if rng.random() < 0.3 else None
        elif source == "code_snippet":
            row["code"] = f'client.get("/items?limit={number}")\n{awkward}'
            row["filename"], row["lang"] = rng.choice(
                (("example.py", "python"), (None, "bash"), ("app.ts", None), (None, None))
            )
        return row


def within(events: Sequence[_Event], window: Window) -> Sequence[_Event]:
    """Return the events of the window, in their order."""
    low = bisect_left(events, window.start_ms, key=_instant)
    return events[low : bisect_left(events, window.end_ms, key=_instant)]


def _instant(event: Feedback | Search | View | Call | Usage) -> int:
    return event.instant_ms


def _phone_number(service: str, line: int) -> str:
    if service == "web":
        return "WEB_CALL"
    return "UNKNOWN_PLATFORM" if service in ("unknown", "google_meet") else f"+1555010{line:04d}"
