"""What a backfill costs before it runs: requests, hours of quota, and what would be cheaper.

An export of one window costs ⌈rows ÷ page⌉ requests, at least one. How many rows a window will have
is estimated from past windows of the same endpoint: their rows per day, weekday by weekday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from statistics import mean, quantiles
from typing import TYPE_CHECKING, TypeAlias

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
        past: windows that were exported, if any.
    """

    endpoint: str
    page_size: int
    events: bool = False
    past: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one endpoint costs over the range.

    Attributes:
        requests: expected.
        high: if all windows are like the busiest tenth of the past ones.
        known: whether it is estimated from past windows; if not, it is the least possible.
    """

    endpoint: str
    windows: int
    requests: int
    high: int
    known: bool


def windows_of(start: datetime, end: datetime, every: timedelta) -> list[tuple[datetime, datetime]]:
    """Return the windows of a backfill: each ``every`` long, the last one perhaps shorter."""
    if end <= start or every <= timedelta(0):
        raise ConfigError(
            f"From {start} to {end}, every {every}: there is no window.\n"
            "Write a start before the end, and a length of more than 0."
        )
    if (end - start) / every > _LONGEST:
        raise ConfigError(
            f"From {start} to {end}, every {every}: more than {_LONGEST:,} windows.\n"
            "Use a longer window, or a shorter range."
        )
    starts = [start + number * every for number in range(ceil((end - start) / every))]
    return [(each, min(each + every, end)) for each in starts]


def estimate(costs: Costs, windows: Sequence[tuple[datetime, datetime]]) -> Estimate:
    """Return what an endpoint costs, by its past windows; without any, one request a window."""
    expected = sum(_requests(costs, *window, mean) for window in windows)
    high = sum(_requests(costs, *window, _busiest) for window in windows)
    known = bool(costs.past)
    return Estimate(
        costs.endpoint, len(windows), round(expected), round(max(high, expected)), known
    )


def wider(
    costs: Costs, start: datetime, end: datetime, every: timedelta
) -> Iterator[tuple[str, int]]:
    """Yield cheaper ways to read an endpoint whose rows have moments of their own.

    None without past windows: nobody knows how many pages a wide window has.
    """
    if not costs.events or not costs.past:
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
    if not costs.past:
        return 1
    length = end - start
    same = [each for each in costs.past if abs((each.end - each.start) / length - 1) < _ALIKE]
    if same:
        return max(1.0, of([each.requests for each in _of_weekday(same, start)]))
    if not costs.page_size:  # whatever the window, one response has all rows
        return max(1.0, of([each.requests for each in costs.past]))
    rows = sum(
        of([past.rows / past.days for past in _of_weekday(costs.past, day)]) * ((until - day) / DAY)
        for day, until in windows_of(start, end, DAY)
    )
    return max(1, ceil(rows / costs.page_size - _ROUNDING))


def _of_weekday(past: Sequence[Past], day: datetime) -> Sequence[Past]:
    """Return the windows that begin on the weekday of ``day``, or all if there is none."""
    return [each for each in past if each.start.weekday() == day.weekday()] or past


def _busiest(values: Sequence[float]) -> float:
    """Return the 90th percentile."""
    return quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
