"""The data set of both services: its parameters, and the events that all responses are made of."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_docsanalytics.simulator import site, values, words
from airflow_provider_docsanalytics.simulator.calls import Call, Usage, usage_of
from airflow_provider_docsanalytics.simulator.conversations import Turns
from airflow_provider_docsanalytics.simulator.feedback import Feedback, make_feedback
from airflow_provider_docsanalytics.simulator.questions import Texts
from airflow_provider_docsanalytics.simulator.searches import Search, make_searches
from airflow_provider_docsanalytics.simulator.values import DAY_MS, Window
from airflow_provider_docsanalytics.simulator.views import View, make_views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.simulator.site import Story

RESOLUTIONS = ("answered", "unanswered")

_DEFAULT_SPAN = timedelta(days=30)
_MIN_GAP_MS = 10
_MAX_FEEDBACK = 20_000
_MAX_SEARCHES = 40_000
_MAX_VIEWS = 60_000
_MAX_CALLS = 5_000
_MIDNIGHT_EVERY = 20
_PASSTHROUGH_EVERY = 25
_SERVICES = ("exotel", "exotel", "twilio", "web", "web", "google_meet", "unknown")


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
        if start_ms >= end_ms:
            raise ValueError(
                f"start={values.iso(start_ms)} is not before "
                f"end={values.iso(end_ms)}.\nCorrect them, or leave one out."
            )
        if end_ms - start_ms < max(1, self.rows * _MIN_GAP_MS):
            raise ValueError(
                f"rows={self.rows} does not fit between start={self.start} and end={self.end}.\n"
                f"Make the range longer: each row needs {_MIN_GAP_MS} ms."
            )
        return Window(start_ms, end_ms)

    def story(self) -> Story:
        """Return when the release and the outage are."""
        return site.make_story(self.window())


_Event = TypeVar("_Event", Feedback, Search, View, Call, Usage)


class Dataset:
    """Everything that the services return. All but the turns is made on first use."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.window = config.window()
        self.story = config.story()
        self.cursor_age = 0
        texts = Texts(
            seed=config.seed,
            pages=config.pages,
            legacy_schema=config.legacy_schema,
            row_bytes=config.row_bytes,
        )
        times = site.make_times(
            self.window,
            config.rows,
            self._random("turns"),
            more_from_ms=self.story.release_ms,
        )
        self.turns = Turns(times, texts, story=self.story, seed=config.seed)

    @cached_property
    def feedback(self) -> list[Feedback]:
        """Feedback entries, oldest first."""
        count = min(self.config.rows, _MAX_FEEDBACK)
        salt = values.ulid_salt(f"{self.config.seed}:feedback")
        entries = make_feedback(self.views, count, salt, self._random("feedback"))
        return sorted(entries, key=_instant)

    @cached_property
    def searches(self) -> list[Search]:
        """Search events, oldest first."""
        times = self._times("search times", min(4 * self.config.rows, _MAX_SEARCHES))
        return list(make_searches(times, self.story, self.config.pages, self._random("searches")))

    @cached_property
    def views(self) -> list[View]:
        """View events, oldest first."""
        times = self._times("view times", min(8 * self.config.rows, _MAX_VIEWS))
        return list(make_views(times, self.story, self.config.pages, self._random("views")))

    @cached_property
    def calls(self) -> list[Call]:
        """Calls, oldest first. Every twentieth starts exactly at midnight UTC.

        The second assistant has another name in the first half of the range.
        """
        rng = self._random("calls")
        calls = []
        renamed_ms = sum(self.window) // 2
        times = self._times("call times", min(self.config.rows, _MAX_CALLS))
        for number, instant_ms in enumerate(times):
            midnight_ms = instant_ms - instant_ms % DAY_MS
            snaps = number % _MIDNIGHT_EVERY == 0 and midnight_ms >= self.window.start_ms
            service = rng.choice(_SERVICES)
            assistant = int(len(words.ASSISTANTS) * rng.random() ** 2)
            is_old_name = assistant == 1 and instant_ms < renamed_ms
            is_passthrough = number % _PASSTHROUGH_EVERY == 1
            calls.append(
                Call(
                    midnight_ms if snaps else instant_ms,
                    round(rng.expovariate(1 / (150 + 40 * assistant)), 3),
                    None if is_passthrough else assistant,
                    None
                    if is_passthrough
                    else words.ASSISTANTS[assistant] + " (trial)" * is_old_name,
                    service,
                    _phone_number(service, rng.randrange(140)),
                )
            )
        return sorted(calls, key=_instant)

    @cached_property
    def usage(self) -> list[Usage]:
        """Usage records of the calls, oldest first."""
        return sorted(usage_of(self.calls, self._random("usage")), key=_instant)

    def _times(self, name: str, count: int) -> list[int]:
        return list(site.make_times(self.window, count, self._random(name)))

    def _random(self, name: str) -> Random:
        return Random(f"{self.config.seed}:{name}")  # noqa: S311 - repeatable, not secret


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
