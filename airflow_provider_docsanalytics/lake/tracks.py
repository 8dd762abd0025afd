"""Tracks: the exports of one series whose windows should follow each other."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.api.paging import CursorPaging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from airflow_provider_docsanalytics.lake.catalog import Export, Series
    from airflow_provider_docsanalytics.window import DateWindow

_DIGITS = re.compile(r"[0-9]+")
_FEWEST_STEPS = 2
_REGULAR_SHARE = 0.6
_WIDER = 2
_SEVERAL = 3
_AROUND = 9
"""Windows on each side of one that show what is usual there: how often a series is exported may
change."""


class Habit(NamedTuple):
    """What is usual in a stretch of windows.

    Attributes:
        step: the time from the start of one window to the next.
        length: of a window.
        overlaps: whether several are longer than the time between them, as with ``lookback``. One
            that is may be a mistake.
    """

    step: timedelta
    length: timedelta
    overlaps: bool


@dataclass(frozen=True)
class Track:
    """Exports with windows, in the order of these.

    Attributes:
        every: how often the series is exported, if that is known and not to be learned.
    """

    series: Series
    exports: tuple[Export, ...]
    every: timedelta | None = None

    @cached_property
    def windows(self) -> tuple[DateWindow, ...]:
        """The window of each export."""
        return tuple(export.window for export in self.exports if export.window)

    @cached_property
    def length(self) -> timedelta:
        """The usual length of a window."""
        return _usual(map(_length, self.windows))

    @property
    def has_events(self) -> bool:
        """Whether each row is an event with one instant, so that it is in one window only."""
        return _has_events(self.series)

    def habits(self, number: int) -> list[Habit]:
        """Return what is usual before the window of this number, and from it on.

        What neither shows, because there are too few or they are irregular, all windows show.
        Empty if these are irregular, too.
        """
        before = _habit(self.windows[max(0, number - _AROUND) : number])
        after = _habit(self.windows[number : number + _AROUND])
        return [habit for habit in (before, after) if habit] or self._habits

    @cached_property
    def _habits(self) -> list[Habit]:
        return [habit] if (habit := _habit(self.windows)) else []

    def steps(self, number: int) -> list[timedelta]:
        """Return the usual steps of :meth:`habits`, or the one that is known."""
        return [self.every] if self.every else [habit.step for habit in self.habits(number)]

    def is_wide(self, number: int) -> bool:
        """Whether a window is longer than usual, and only few around it are."""
        length = _length(self.windows[number])
        around = self.windows[max(0, number - _AROUND) : number + _AROUND]
        alike = sum(_length(window) * 1.5 > length for window in around)
        return length > self.length * 1.5 and alike < _SEVERAL

    def samples(self, number: int) -> bool:
        """Whether windows around this one are usually shorter than the time between them."""
        if self.every:
            return self.length < self.every / 1.5
        habits = self.habits(number)
        return bool(habits) and all(habit.length < habit.step / 1.5 for habit in habits)

    def overlaps_by_design(self, number: int) -> bool:
        """Whether windows before this one, or from it on, usually overlap."""
        return any(habit.overlaps for habit in self.habits(number))


def _length(window: DateWindow) -> timedelta:
    return window.end - window.start


def _habit(windows: Sequence[DateWindow]) -> Habit | None:
    """Return what is usual in these windows; ``None`` if their starts are irregular, or few."""
    starts = sorted({window.start for window in windows})
    steps = [later - earlier for earlier, later in pairwise(starts)]
    if len(steps) < _FEWEST_STEPS:
        return None
    usual = _usual(steps)
    # A tenth more or less: days of 23 and 25 hours, months of 28 to 31 days.
    regular = sum(abs(step - usual) <= usual / 10 for step in steps)
    if regular < _REGULAR_SHARE * len(steps):
        return None
    lengths = [_length(window) for window in windows]
    wide = sum(length > usual * 1.5 for length in lengths)
    return Habit(usual, _usual(lengths), wide >= _SEVERAL)


def tracks_of(exports: Iterable[Export], every: timedelta | None) -> list[Track]:
    """Return the tracks of all exports with a window.

    Exports of one series are one track, wherever they are stored. Only of counts over a window
    there may be several: daily views and, in directories of another pattern, monthly ones of the
    same time, which are other figures and cannot be added up.
    """
    by_series: dict[Series, list[Export]] = defaultdict(list)
    for export in exports:
        if export.window is not None:
            by_series[export.series].append(export)
    return [
        Track(series, tuple(sorted(group, key=by_window)), every)
        for series, members in by_series.items()
        for group in _joined(_groups(series, members))
    ]


def pattern_of(path: str) -> str:
    """Return what directories of one path template have in common."""
    return _DIGITS.sub("#", path)


def _groups(series: Series, exports: list[Export]) -> Iterator[list[Export]]:
    if _has_events(series) or series.table_row is None:
        yield exports
        return
    patterns: dict[str, list[Export]] = defaultdict(list)
    for export in exports:
        patterns[pattern_of(export.path)].append(export)
    group: list[Export] = []
    narrowest = timedelta.max
    for members in sorted(patterns.values(), key=_usual_length):
        length = _usual_length(members)
        if group and length >= narrowest * _WIDER:
            yield group
            group = []
        if not group:
            narrowest = length
        group += members
    yield group


def _joined(groups: Iterable[list[Export]]) -> list[list[Export]]:
    """Join groups that follow each other in time: the series is exported more or less often now."""
    joined: list[list[Export]] = []
    for group in sorted(groups, key=lambda group: min(map(by_window, group))):
        start = min(each.window.start for each in group if each.window)
        ended = (each for each in joined if _end(each) <= start)
        if (earlier := next(ended, None)) is not None:
            earlier.extend(group)
        else:
            joined.append(list(group))
    return joined


def _end(group: list[Export]) -> datetime:
    return max(each.window.end for each in group if each.window)


def _has_events(series: Series) -> bool:
    paging = series.table_row and series.table_row.paging
    return isinstance(paging, CursorPaging) and paging.events


def _usual_length(exports: list[Export]) -> timedelta:
    return _usual(_length(each.window) for each in exports if each.window)


def _usual(values: Iterable[timedelta]) -> timedelta:
    """Return the most common value, the shortest of several."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))


def by_window(export: Export) -> tuple[Any, ...]:
    """Return what exports are sorted by; those without a window come first."""
    window = export.window
    return (
        (window.start.timestamp(), window.end.timestamp(), export.path)
        if window
        else (-inf, -inf, export.path)
    )
