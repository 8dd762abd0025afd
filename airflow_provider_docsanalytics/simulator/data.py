"""The data set behind both services: events, from which every endpoint's answer is derived."""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow_provider_docsanalytics.simulator import texts, ulid
from airflow_provider_docsanalytics.simulator.timestamps import DAY_MS, Window, iso
from airflow_provider_docsanalytics.simulator.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_docsanalytics.simulator.config import Config

SOURCES = ("code_snippet", "contextual", "agent", "thumbs_only")
STATUSES = ("pending", "in_progress", "resolved", "dismissed")
RESOLUTIONS = ("answered", "unanswered")

_MAX_FEEDBACK = 20_000
_MAX_SEARCHES = 40_000
_MAX_VIEWS = 60_000
_MAX_CALLS = 5_000
_SEARCH_TERMS = 450
_MIDNIGHT_EVERY = 20
_JITTER = 0.9  # of the gap between two events, so that no two share their millisecond


class Feedback(NamedTuple):
    """One entry, at the time that its ``createdAt`` names or hides."""

    instant_ms: int
    row: dict[str, Any]


class Search(NamedTuple):
    """Somebody searched for a term, and opened a page or none."""

    instant_ms: int
    term: int
    page: int | None


class View(NamedTuple):
    """A visitor, human or AI, saw a page."""

    instant_ms: int
    page: int
    visitor: int
    is_ai: bool


class Call(NamedTuple):
    """A call to a voice assistant."""

    instant_ms: int
    duration_s: float
    assistant: int
    service: str
    phone_number: str


_Event = TypeVar("_Event", Feedback, Search, View, Call)


class Dataset:
    """Everything that the services know; made when first asked for, apart from the turns."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.window = config.window()
        self.cursor_age = 0
        self.turns = Turns(config, self._times("turns", config.rows))

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
        """Search events, oldest first."""
        rng = self._random("searches")
        return [
            Search(
                instant_ms,
                int(_SEARCH_TERMS * rng.random() ** 2),
                self._page(rng) if rng.random() < 0.6 else None,
            )
            for instant_ms in self._times("search times", min(4 * self.config.rows, _MAX_SEARCHES))
        ]

    @cached_property
    def views(self) -> list[View]:
        """View events, oldest first. Every fourth visitor is an AI, and a few are seen as both."""
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
        """Calls, oldest first. Every twentieth starts on the stroke of midnight, UTC."""
        rng = self._random("calls")
        calls = []
        times = self._times("call times", min(self.config.rows, _MAX_CALLS))
        for number, instant_ms in enumerate(times):
            midnight_ms = instant_ms - instant_ms % DAY_MS
            snaps = number % _MIDNIGHT_EVERY == 0 and midnight_ms >= self.window.start_ms
            service = rng.choice(("exotel", "exotel", "twilio", "web", "web", "unknown"))
            calls.append(
                Call(
                    midnight_ms if snaps else instant_ms,
                    round(rng.expovariate(1 / 240), 3),
                    int(9 * rng.random() ** 2),
                    service,
                    _phone_number(service, rng.randrange(140)),
                )
            )
        return sorted(calls)

    def _times(self, name: str, count: int) -> Iterator[int]:
        """Yield instants that rise through the whole range, evenly but for some jitter."""
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
        awkward = texts.AWKWARD[number % len(texts.AWKWARD)]
        salt = ulid.salt(f"{self.config.seed}:feedback")
        source = rng.choices(SOURCES, (15, 55, 10, 20))[0]
        row: dict[str, Any] = {
            "id": ulid.make(instant_ms, salt, number),
            "path": texts.page_path(self._page(rng)),
            "comment": None if number % 3 == 0 else texts.sentence(rng, 9) + awkward,
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


def _instant(event: Feedback | Search | View | Call) -> int:
    return event.instant_ms


def _phone_number(service: str, line: int) -> str:
    if service == "web":
        return "WEB_CALL"
    return "UNKNOWN_PLATFORM" if service == "unknown" else f"+1555010{line:04d}"
