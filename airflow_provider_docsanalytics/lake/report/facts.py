"""What a lake says about one period: the models' rows, and a number for each day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from airflow_provider_docsanalytics.lake.connection import set_period
from airflow_provider_docsanalytics.lake.report.noise import Share, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

    from airflow_provider_docsanalytics.window import DateWindow

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_SHORTEST_DAY, _LONGEST_DAY = timedelta(hours=23), timedelta(hours=25)

_T = TypeVar("_T")
_Row = TypeVar("_Row", bound=NamedTuple)


class Usage(NamedTuple):
    """A row of ``assistant_usage``."""

    date: date
    caller: str
    questions: int
    answered: int | None
    unanswered: int | None


class Questions(NamedTuple):
    """A row of ``unanswered_questions``."""

    page: str | None
    category: str | None
    question: str | None
    asked: int
    callers: int
    unanswered: int
    repeated: int
    is_new: bool | None
    project: str


class Search(NamedTuple):
    """A row of ``searches_without_click``."""

    query: str
    hits: int
    prefixes: int
    previous_hits: int | None
    project: str


class PageQuality(NamedTuple):
    """A row of ``page_quality``."""

    page: str
    human_views: int
    ai_views: int
    helpful: int
    unhelpful: int
    questions: int
    project: str


class Calls(NamedTuple):
    """A row of ``call_usage``."""

    date: date
    assistant: str | None
    service: str | None
    calls: int | None
    minutes: float | None
    cost: float | None


class Windows(NamedTuple):
    """A row of ``completeness``."""

    platform: str
    owner: str
    endpoint: str
    expected_windows: int | None
    windows: int
    missing: int | None
    doubled: int
    last_export: datetime
    rows: int
    filters: str
    unreadable: int


@dataclass(frozen=True, slots=True)
class Daily(Generic[_T]):
    """A number of a period.

    Attributes:
        days: for each day; ``None`` for one that no export covers by itself.
        total: of all exports of the period.
    """

    days: list[_T | None]
    total: _T


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a report: ``[start, end)``."""

    start: datetime
    end: datetime

    @property
    def days(self) -> list[date]:
        """Each day that starts in the period."""
        number = max(-(-(self.end - self.start) // _DAY), 1)
        return [self.start.date() + place * _DAY for place in range(number)]

    @property
    def before(self) -> Period:
        """The period before it, of the same length."""
        return Period(self.start - (self.end - self.start), self.start)


def period_of(window: DateWindow | None, connection: DuckDBPyConnection) -> Period | None:
    """Return the period of a report.

    Without a window it is the last week, Monday to Sunday, that had ended when the lake's last
    window did; where the lake has no day of it, the week of its last day; of a lake without exports
    there is none.
    """
    if window is not None:
        return Period(window.start, window.end)
    first, last = _one_row(connection, _TIME_OF_LAKE)
    if first is None or last is None:
        return None
    end = _monday(last)
    if end <= first:
        end = _monday(last - timedelta(milliseconds=1)) + _WEEK
    return Period(end - _WEEK, end)


def _monday(instant: datetime) -> datetime:
    day = instant.astimezone(UTC).date()
    return datetime.combine(day - timedelta(days=day.weekday()), time(), UTC)


class Facts:
    """One period of a lake.

    Args:
        connection: of :func:`.connection.connect`; its period is set to this one.
        period: what is read.
    """

    def __init__(self, connection: DuckDBPyConnection, period: Period) -> None:
        set_period(connection, period.start, period.end)
        self.period = period
        read = _Reader(connection)
        self.usage = read.model(Usage, "assistant_usage")
        self.questions = read.model(Questions, "unanswered_questions")
        self.searches = read.model(Search, "searches_without_click")
        self.pages = read.model(PageQuality, "page_quality")
        self.calls = read.model(Calls, "call_usage")
        self.completeness = read.model(Windows, "completeness")
        self._covered, self._owners = read.covered_days(period)
        self._clicks = read.by_day(_CLICKS)
        self._views = read.by_day(_VIEWS)
        self._add_votes()
        self._votes = read.by_day(_VOTES)

    def _add_votes(self) -> None:
        """Add what votes come from as if it was an endpoint: of each project what it has."""
        by_page = self._owners.get("feedback_by_page", set())
        others = self._owners.get("feedback", set()) - by_page
        used = {"feedback_by_page": by_page, "feedback": others}
        days = [self._covered[endpoint] for endpoint, owners in used.items() if owners]
        if days:
            self._covered["votes"] = set.intersection(*days)
            self._owners["votes"] = {f"{each}: {one}" for each in used for one in used[each]}

    def has(self, *endpoints: str) -> bool:
        """Whether the lake has exports of one of these endpoints in the period."""
        return any(endpoint in self._covered for endpoint in endpoints)

    def is_like(self, other: Facts, *endpoints: str) -> bool:
        """Whether another period has exports of these endpoints of the same projects."""
        return all(self._owners.get(each) == other._owners.get(each) for each in endpoints)

    @cached_property
    def asked(self) -> Daily[int]:
        """The questions."""
        return self._counts(
            {day: sum(row.questions for row in rows) for day, rows in self._all_turns().items()},
            "conversations",
            "caller_stats",
        )

    @cached_property
    def answered(self) -> Daily[Share]:
        """The answered ones of the questions that have a status."""
        shares = {
            day: Share(
                sum(row.answered or 0 for row in rows),
                sum((row.answered or 0) + (row.unanswered or 0) for row in rows),
            )
            for day, rows in self._all_turns().items()
        }
        return self._shares(shares, "conversations")

    @cached_property
    def clicked(self) -> Daily[Share]:
        """The searches that led to a click."""
        return self._shares({day: Share(*row) for day, row in self._clicks.items()}, "searches")

    @cached_property
    def human(self) -> Daily[int]:
        """The views of people."""
        return self._counts({day: row[0] for day, row in self._views.items()}, "views")

    @cached_property
    def ai(self) -> Daily[int]:
        """The views of AI."""
        return self._counts({day: row[1] for day, row in self._views.items()}, "views")

    @property
    def definitions(self) -> dict[date, int]:
        """Which definition of AI the views of a day have."""
        return {day: row[2] for day, row in self._views.items()}

    @cached_property
    def unhelpful(self) -> Daily[Share]:
        """The votes that a page did not help."""
        return self._shares({day: Share(*row) for day, row in self._votes.items()}, "votes")

    @cached_property
    def called(self) -> Daily[int]:
        """The calls of the voice assistants."""
        calls: dict[date, int] = defaultdict(int)
        for row in self.calls:
            if row.assistant is None and row.service is None:
                calls[row.date] += row.calls or 0
        return self._counts(calls, "dashboard")

    def _all_turns(self) -> dict[date, list[Usage]]:
        result: dict[date, list[Usage]] = defaultdict(list)
        for row in self.usage:
            if row.caller == "total":
                result[row.date].append(row)
        return result

    def _counts(self, values: dict[date, int], *endpoints: str) -> Daily[int]:
        return Daily(self._daily(values, 0, *endpoints), sum(values.values()))

    def _shares(self, values: dict[date, Share], endpoint: str) -> Daily[Share]:
        return Daily(self._daily(values, Share(0, 0), endpoint), total(values.values()))

    def _daily(self, values: dict[date, _T], nothing: _T, *endpoints: str) -> list[_T | None]:
        """Return a value for each day, ``None`` for days of which there is no whole export."""
        days = set[date]().union(*(self._covered.get(each, set()) for each in endpoints))
        return [values.get(day, nothing) if day in days else None for day in self.period.days]


_TIME_OF_LAKE = """
    SELECT
      min(CAST(date AS TIMESTAMPTZ)),
      max(CASE WHEN is_short THEN date_to ELSE CAST(date AS TIMESTAMPTZ)
        + to_days(CAST(round(EXTRACT(EPOCH FROM date_to - date_from) / 86400) AS INTEGER)) END)
    FROM (SELECT *, date_to - date_from < INTERVAL 23 HOURS AS is_short FROM exports)
    WHERE counts"""
"""By the dates of windows, wherever they are midnight."""
_CLICKS = """
    SELECT _date, CAST(sum(round(hits * ctr / 100)) AS BIGINT), sum(hits) FROM searches
    WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
    GROUP BY _date"""
_VIEWS = "SELECT date, sum(human), sum(ai), max(definition) FROM human_and_ai_views GROUP BY date"
_VOTES = """
    SELECT _date, sum(unhelpful), sum(votes) FROM (
      SELECT _date, "thumbsDown" AS unhelpful, "thumbsDown" + "thumbsUp" AS votes
      FROM feedback_by_page
      WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
      UNION ALL
      SELECT _date, CASE WHEN helpful THEN 0 ELSE 1 END, 1 FROM feedback
      WHERE helpful IS NOT NULL
        AND "createdAt" >= getvariable('date_from') AND "createdAt" < getvariable('date_to')
        AND _project_id NOT IN (
          SELECT owner FROM exports WHERE endpoint = 'feedback_by_page' AND counts
          AND belongs(date_from, date_to, getvariable('date_from'), getvariable('date_to')))
    ) GROUP BY _date"""
"""As ``page_quality`` counts them: each project by page, if it has that."""
_COVERED = """
    SELECT endpoint, owner, date, date_to - date_from, is_event FROM exports WHERE counts
    AND (belongs(date_from, date_to, getvariable('date_from'), getvariable('date_to'))
      OR is_event AND date_from < getvariable('date_to') AND date_to > getvariable('date_from'))"""


class _Reader:
    """Reads a lake for the period that is set."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection

    def model(self, kind: Callable[..., _Row], name: str) -> list[_Row]:
        """Return the rows of a model, in its order."""
        columns = ", ".join(kind._fields)  # type: ignore[attr-defined] # a NamedTuple's
        rows = self._connection.execute(f"SELECT {columns} FROM {name}")  # noqa: S608 - our names
        return [kind(*row) for row in rows.fetchall()]

    def by_day(self, query: str) -> dict[date, tuple[int, ...]]:
        """Return the numbers of each day."""
        rows = self._connection.execute(query).fetchall()
        return {day: tuple(int(each or 0) for each in numbers) for day, *numbers in rows}

    def covered_days(self, period: Period) -> tuple[dict[str, set[date]], dict[str, set[str]]]:
        """Return the days of each endpoint that has exports, and its projects or accounts.

        A day counts if it is whole for each of them. Counts over several days cover none of their
        days: nobody knows what was when. Events are counted by their own instants.
        """
        in_period = set(period.days)
        lengths: dict[tuple[str, str], dict[date, timedelta]] = defaultdict(dict)
        for endpoint, owner, day, length, is_event in self._connection.execute(_COVERED).fetchall():
            spread = is_event and length > _LONGEST_DAY
            parts = _by_day(day, length) if spread else {day: length}
            if is_event and in_period.isdisjoint(parts):
                continue
            days = lengths[endpoint, owner]
            for each, part in parts.items() if spread or length <= _LONGEST_DAY else ():
                days[each] = days.get(each, timedelta()) + part
        covered: dict[str, set[date]] = {}
        owners: dict[str, set[str]] = defaultdict(set)
        for (endpoint, owner), days in lengths.items():
            whole = {day for day, length in days.items() if length >= _SHORTEST_DAY}
            covered[endpoint] = covered[endpoint] & whole if endpoint in covered else whole
            owners[endpoint].add(owner)
        return covered, owners


def _by_day(first: date, length: timedelta) -> dict[date, timedelta]:
    """Return the days of a window that starts at midnight; the clock may change in it."""
    return {first + place * _DAY: _DAY for place in range((length + _DAY / 2) // _DAY)}


def _one_row(connection: DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # of an aggregate there is always one
    return row
