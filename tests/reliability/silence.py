"""The rule of silence on simulated years: how often it is wrong, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.audit_silence import LEAST_EXPECTED, LEAST_IN_ONE, silences
from tests.reliability.summary import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_YEAR = 365
_SPREAD = 4
"""Days of equal expectation differ: a gamma distribution of this shape, then a Poisson. The
variance of 20 rows a day is 120, not 20."""
_RATES = (0.5, 1, 2, 5, 10, 30, 100, 1000)
"""Rows on an ordinary working day."""
_HOLIDAYS = {0, 5, 90, 93, 120, 128, 148, 185, 226, 275, 304, 330}
_CHRISTMAS, _SUMMER = range(357, 365), range(180, 240)


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        factor: what its rows are multiplied by on a day, counted from a Monday.
        allowed: false alarms a year: one in 50 years.
    """

    name: str
    factor: Callable[[int], float]
    allowed: float = 0.02


def _weekend(day: int, factor: float) -> float:
    return factor if day % 7 in (5, 6) else 1.0


def _holidays(day: int) -> float:
    return 0.1 if day in _HOLIDAYS or day in _CHRISTMAS else 1.0


KINDS = (
    Kind("the same every day", lambda _: 1.0),
    Kind("quiet weekends", lambda day: _weekend(day, 0.1)),
    Kind("no rows at weekends", lambda day: _weekend(day, 0.0)),
    Kind("quiet weekends and holidays", lambda day: _weekend(day, 0.2) * _holidays(day), 0.15),
    Kind("a slow decline to a fiftieth", lambda day: 0.02 ** (day / _YEAR)),
    Kind("a slow growth from a fiftieth", lambda day: 0.02 ** (1 - day / _YEAR)),
    Kind("half as much in summer", lambda day: 0.5 if day in _SUMMER else 1.0),
)


def _year(random: Random, kind: Kind, rate: float) -> list[int]:
    return [_rows(random, rate * kind.factor(day)) for day in range(_YEAR)]


def _rows(random: Random, expected: float) -> int:
    """Return a number of rows: negative binomial, as counts of people are."""
    if expected == 0:
        return 0
    mean = random.gammavariate(_SPREAD, expected / _SPREAD)
    if mean > 500:
        return round(mean)
    limit, product, count = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


def _found(rows: list[int]) -> list[tuple[int, int]]:
    counted = ((day % 7, count) for day, count in enumerate(rows))
    return [(first, last) for first, last, _ in silences(counted)]


def false_alarms(kind: Kind, years: int) -> Case:
    """Count the silences that are found where there is none."""
    random = Random(kind.name)  # noqa: S311 - repeatable
    alarms = dict.fromkeys(_RATES, 0)
    for rate in _RATES:
        for _ in range(years):
            alarms[rate] += len(_found(_year(random, kind, rate)))
    total = years * len(_RATES)
    most = max(alarms, key=lambda rate: alarms[rate])
    share = sum(alarms.values()) / total
    worst = f", most at {most:g} rows a day: {alarms[most] / years:.3f}" if alarms[most] else ""
    broken = (f"{share:.3f} false alarms a year",) if share > kind.allowed else ()
    return Case(f"silence: {kind.name}", total, f"{share:.4f} false alarms a year{worst}", broken)


def outages(rate: float, days: int, years: int) -> Case:
    """Count the outages that are found."""
    random = Random(f"{rate} {days}")  # noqa: S311 - repeatable
    found = 0
    for _ in range(years):
        rows = _year(random, KINDS[1], rate)
        start = random.randrange(60, _YEAR - days) // 7 * 7  # on a Monday
        rows[start : start + days] = [0] * days
        found += any(first <= start + days and last >= start for first, last in _found(rows))
    expected = rate * days * 5 / 7
    is_sure = expected >= 2 * (LEAST_EXPECTED if days > 1 else LEAST_IN_ONE)
    broken = ("not found",) if is_sure and found < _SURE * years else ()
    name = f"silence: an outage of {days} {'day' if days == 1 else 'days'}, {rate:g} rows a day"
    return Case(name, years, f"{found / years:.0%} found", broken)


_SURE = 0.95
"""The share that is found of outages in which twice the least is expected."""


def quick() -> Iterator[Case]:
    """Yield a few years."""
    yield from (false_alarms(kind, 40) for kind in KINDS)
    yield outages(30, 3, 40)


def cases() -> Iterator[Case]:
    """Yield all years."""
    yield from (false_alarms(kind, 100) for kind in KINDS)
    for rate in (2, 10, 30, 100):
        for days in (1, 3, 7, 14, 28):
            yield outages(rate, days, 100)
