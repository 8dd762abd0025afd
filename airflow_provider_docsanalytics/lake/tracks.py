"""Tracks: the exports of one series whose windows should follow each other."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.paging import CursorPaging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_docsanalytics.lake.catalog import Export, Series
    from airflow_provider_docsanalytics.window import DateWindow

_DIGITS = re.compile(r"[0-9]+")
_FEWEST_STEPS = 2
_REGULAR_SHARE = 0.6
_WIDER = 2


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
        return _usual(window.end - window.start for window in self.windows)

    @cached_property
    def step(self) -> timedelta | None:
        """The time from the start of one window to the next; ``None`` if there is no usual one."""
        return self.every or self._learned_step

    @cached_property
    def _learned_step(self) -> timedelta | None:
        starts = sorted({window.start for window in self.windows})
        steps = [later - earlier for earlier, later in pairwise(starts)]
        if len(steps) < _FEWEST_STEPS:
            return None
        usual = _usual(steps)
        # A tenth more or less: days of 23 and 25 hours, months of 28 to 31 days.
        regular = sum(abs(step - usual) <= usual / 10 for step in steps)
        return usual if regular >= _REGULAR_SHARE * len(steps) else None

    @property
    def has_events(self) -> bool:
        """Whether each row is an event with one instant, so that it is in one window only."""
        return _has_events(self.series)

    @property
    def overlaps_by_design(self) -> bool:
        """Whether windows are usually longer than the time between them, as with ``lookback``."""
        step = self._learned_step
        return step is not None and self.length > step * 1.5

    @property
    def samples(self) -> bool:
        """Whether windows are usually shorter than the time between them."""
        step = self._learned_step
        return step is not None and self.length < step / 1.5


def tracks_of(exports: Iterable[Export], every: timedelta | None) -> list[Track]:
    """Return the tracks of all exports with a window.

    Exports of one series are one track, wherever they are stored. Only of counts over a window
    there may be several: daily views and, in directories of another pattern, monthly ones, which
    are other figures and cannot be added up.
    """
    by_series: dict[Series, list[Export]] = defaultdict(list)
    for export in exports:
        if export.window is not None:
            by_series[export.series].append(export)
    return [
        Track(series, tuple(sorted(group, key=by_window)), every)
        for series, members in by_series.items()
        for group in _groups(series, members)
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


def _has_events(series: Series) -> bool:
    paging = series.table_row and series.table_row.paging
    return isinstance(paging, CursorPaging) and paging.events


def _usual_length(exports: list[Export]) -> timedelta:
    return _usual(each.window.end - each.window.start for each in exports if each.window)


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
