"""What a backfill costs before it runs: requests, hours of quota, and what would be cheaper.

An export of one window costs ⌈rows ÷ page⌉ requests, at least one. How many rows a window will have
is estimated from past windows of the same endpoint: their rows per day, weekday by weekday. Only
rows with moments of their own add up so: for counts and halved windows of another length than the
past ones there is no more than a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from statistics import mean, quantiles
from typing import TYPE_CHECKING, Literal, TypeAlias

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_docsanalytics.quota.account import Quota

DAY = timedelta(days=1)
_WEEK, _MONTH = 7 * DAY, 30 * DAY
_LONGEST = 100_000
"""Windows of one endpoint; more are not a plan."""
_ALIKE = 0.05
"""How much two windows of one length may differ: days have 23 to 25 hours."""
_ROUNDING = 1e-9
Basis = Literal["past exports", "past exports of other windows", "one window", "nothing"]
_Summary: TypeAlias = "Callable[[Sequence[float]], float]"


@dataclass(frozen=True, slots=True)
class Past:
    """A window that was exported: its rows, and the requests that this took."""

    start: datetime
    end: datetime
    rows: int
    requests: int

    @property
    def days(self) -> float:
        """Its length in days."""
        return (self.end - self.start) / DAY


@dataclass(frozen=True, slots=True)
class Costs:
    """What is known of an endpoint.

    Attributes:
        page_size: rows per request; 0 if one request returns them all.
        events: whether each row has its own moment, so that a wide window holds the same rows as
            many narrow ones.
        splits: whether a window is halved until each part fits into one answer.
        past: windows that were exported, if any.
        at_least: whether the past is the first page of one window, and there are more.
    """

    endpoint: str
    page_size: int
    events: bool = False
    splits: bool = False
    past: tuple[Past, ...] = ()
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one endpoint costs over the range.

    Attributes:
        requests: expected; the least possible if ``high`` is ``None``, as many as there may be if
            ``basis`` is other windows.
        high: if all windows are like the busiest tenth of the past ones; ``None`` if nobody knows.
        basis: what it is estimated from.
    """

    endpoint: str
    windows: int
    requests: int
    high: int | None
    basis: Basis


def windows_of(start: datetime, end: datetime, every: timedelta) -> list[tuple[datetime, datetime]]:
    """Return the windows of a backfill: each ``every`` long, the last one perhaps shorter."""
    if end <= start or every <= timedelta(0):
        raise ConfigError(
            f"There is no window from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}.\n"
            "Write a start before the end, and a length of more than 0."
        )
    if (end - start) / every > _LONGEST:
        raise ConfigError(
            f"From {start:%Y-%m-%d} to {end:%Y-%m-%d}, there are more than {_LONGEST:,} windows.\n"
            "Use a longer window, or a shorter range."
        )
    starts = [start + number * every for number in range(ceil((end - start) / every))]
    return [(each, min(each + every, end)) for each in starts]


def estimate(costs: Costs, windows: Sequence[tuple[datetime, datetime]]) -> Estimate:
    """Return what an endpoint costs, by its past windows; without any, one request a window."""
    if not costs.past:
        return Estimate(costs.endpoint, len(windows), len(windows), None, "nothing")
    expected = sum(_requests(costs, *window, mean) for window in windows)
    if costs.at_least:
        return Estimate(costs.endpoint, len(windows), round(expected), None, "one window")
    high = sum(_requests(costs, *window, _busiest) for window in windows)
    basis: Basis = "past exports" if len(costs.past) > 1 else "one window"
    adds_up = costs.events or not (costs.splits or costs.page_size)
    whole = windows[: len(windows) - 1 or 1]  # the last one may be shorter
    if not adds_up and any(not _alike(costs.past, *window) for window in whole):
        basis = "past exports of other windows"
        if costs.splits:  # halving may end just short of what would have fitted
            high = 2 * high + len(windows)
    return Estimate(
        costs.endpoint, len(windows), round(expected), round(max(high, expected)), basis
    )


def wider(
    costs: Costs, start: datetime, end: datetime, every: timedelta
) -> Iterator[tuple[str, int]]:
    """Yield cheaper ways to read an endpoint whose rows have moments of their own.

    None without past windows: nobody knows how many pages a wide one has.
    """
    if not costs.events or not costs.past or costs.at_least:
        return
    now = estimate(costs, windows_of(start, end, every)).requests
    for name, length in (
        ("by week", _WEEK),
        ("by 30 days", _MONTH),
        ("in one window", end - start),
    ):
        if every < length <= end - start:
            requests = estimate(costs, windows_of(start, end, length)).requests
            if requests < now:
                yield name, requests


def hours(requests: int, quota: Quota, share: float) -> float:
    """Return how long so many requests take, if nobody else uses this share of the quota."""
    at_once = max(1, int(quota.limit * share + 1e-9))
    return max(0, ceil(requests / at_once) - 1) * quota.period_s / 3600


def _requests(costs: Costs, start: datetime, end: datetime, of: _Summary) -> float:
    """Return the requests of one window, at least one.

    Past windows of the same length and weekday had as many. For other lengths, their rows per day
    tell how many pages there are.
    """
    if same := _alike(costs.past, start, end):
        return max(1.0, of([each.requests for each in _of_weekday(same, start)]))
    if costs.splits:
        # Of n parts, n - 1 were asked for in vain as halves of a wider one.
        parts = of([(each.requests + 1) / 2 / each.days for each in costs.past])
        return max(1.0, 2 * parts * ((end - start) / DAY) - 1)
    if not costs.page_size:  # whatever the window, one response has all rows
        return max(1.0, of([each.requests for each in costs.past]))
    shortest = timedelta(0) if costs.events else min(each.end - each.start for each in costs.past)
    rows = sum(
        of([past.rows / past.days for past in _of_weekday(costs.past, day)]) * ((until - day) / DAY)
        for day, until in windows_of(start, max(end, start + shortest), DAY)
    )
    return max(1, ceil(rows / costs.page_size - _ROUNDING))


def _alike(past: Sequence[Past], start: datetime, end: datetime) -> list[Past]:
    """Return the windows of the same length."""
    return [each for each in past if abs((each.end - each.start) / (end - start) - 1) < _ALIKE]


def _of_weekday(past: Sequence[Past], day: datetime) -> Sequence[Past]:
    """Return the windows that begin on the weekday of ``day``, or all if there is none."""
    return [each for each in past if each.start.weekday() == day.weekday()] or past


def _busiest(values: Sequence[float]) -> float:
    """Return the 90th percentile."""
    return quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
