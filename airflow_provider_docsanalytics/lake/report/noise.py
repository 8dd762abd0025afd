"""What is a change and what is noise, by one rule that the page states.

A difference between two periods is called a change only if there is enough to compare, and both
tests say so, each at :data:`LEVEL`:

- **by number**: chance alone gives such a difference in less than 1 of 100 cases. For counts, the
  conditional test of two Poisson rates (Przyborowski and Wilenski, 1940); for shares, Fisher's
  exact test. Both are exact: they claim too little rather than too much.
- **by day**: Student's paired t-test of each day against the same day of the period before, which
  is the same weekday where periods are weeks. Readers vary more from day to day than independent
  events do, and one busy day is not a change of a week.

If only the test by number says so, and one day differs from the others as its prediction by them
does in less than 1 of 100 cases (a t-test, Bonferroni's correction for the number of days), that
day is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, cos, exp, inf, lgamma, log, pi, sin, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LEVEL = 0.01
"""How often, at most, each test calls noise a change."""
SMALL = 20
"""With fewer events in both periods together, or in the base of a share, nothing is compared."""
FEWEST_DAYS = 5
"""With fewer pairs of days, nothing is compared."""

_T = TypeVar("_T")
Verdict = Literal["changed", "one day", "noise", "small", "unknown"]
"""``small``: too few events; ``unknown``: days are missing, or there are too few of them."""


class Comparison(NamedTuple):
    """How two periods compare; ``day`` is the place of the day if the verdict is ``one day``."""

    verdict: Verdict
    day: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, on one day or over a period."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share, from 0 to 1; of nothing it is 0."""
        return self.part / self.whole if self.whole else 0.0

    @property
    def least(self) -> float:
        """The share that is nearly certain: the lower end of Wilson's interval of 95 %.

        Ranks by share without letting 1 of 1 win.
        """
        if not self.whole:
            return 0.0
        z, n, p = 1.96, self.whole, self.value
        return (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)) / (
            1 + z * z / n
        )


def total(shares: Iterable[Share]) -> Share:
    """Return the share over several days."""
    days = list(shares)
    return Share(sum(each.part for each in days), sum(each.whole for each in days))


def compare_counts(before: Sequence[int | None], after: Sequence[int | None]) -> Comparison:
    """Compare two periods by the counts of their days.

    Args:
        before: events of each day; ``None`` for a day that is missing.
        after: the same of the period that follows, as many days.
    """
    first, second = _present(before), _present(after)
    if not _comparable(before, after):
        return Comparison("unknown")
    if sum(first) + sum(second) < SMALL:
        return Comparison("small")
    # Of logarithms, because busy days vary by more events than quiet ones; 0 has none.
    differences = [log((new + 0.5) / (old + 0.5)) for old, new in zip(first, second, strict=True)]
    return _compare(_p_of_counts(sum(first), sum(second)), differences)


def compare_shares(before: Sequence[Share | None], after: Sequence[Share | None]) -> Comparison:
    """Compare two periods by a share; arguments as for :func:`compare_counts`.

    Days without events have no share, and are left out of the comparison by day.
    """
    first, second = _present(before), _present(after)
    if not _comparable(before, after):
        return Comparison("unknown")
    pairs = [
        (place, new.value - old.value)
        for place, (old, new) in enumerate(zip(first, second, strict=True))
        if old.whole and new.whole
    ]
    if min(total(first).whole, total(second).whole) < SMALL or len(pairs) < FEWEST_DAYS:
        return Comparison("small")
    found = _compare(_p_of_shares(total(first), total(second)), [each for _, each in pairs])
    return found if found.day is None else found._replace(day=pairs[found.day][0])


def _present(days: Sequence[_T | None]) -> list[_T]:
    return [day for day in days if day is not None]


def _comparable(before: Sequence[object], after: Sequence[object]) -> bool:
    missing = None in before or None in after
    return not missing and len(before) == len(after) >= FEWEST_DAYS


def _compare(by_number: float, differences: Sequence[float]) -> Comparison:
    if by_number >= LEVEL:
        return Comparison("noise")
    if _p_of_mean(differences) < LEVEL:
        return Comparison("changed")
    day = _outlier(differences)
    return Comparison("noise") if day is None else Comparison("one day", day)


def _p_of_counts(one: int, other: int) -> float:
    """Return how likely equal rates differ at least so much, by a two-sided binomial test."""
    n, least = one + other, min(one, other)
    return min(
        1.0, 2 * exp(_log_comb(n, least) - n * log(2)) * _tail(least, lambda k: k / (n - k + 1))
    )


def _p_of_shares(one: Share, other: Share) -> float:
    """Return how likely equal shares differ at least so much, by Fisher's test, two-sided."""
    low, high = (one, other) if one.value <= other.value else (other, one)
    parts = low.part + high.part
    chance = exp(
        _log_comb(low.whole, low.part)
        + _log_comb(high.whole, high.part)
        - _log_comb(low.whole + high.whole, parts)
    )

    def ratio(k: int) -> float:
        return k * (high.whole - parts + k) / ((low.whole - k + 1) * (parts - k + 1))

    return min(1.0, 2 * chance * _tail(low.part, ratio))


def _tail(k: int, ratio: Callable[[int], float]) -> float:
    """Return the sum of the chances of 0 to ``k``, as a multiple of that of ``k``."""
    result = term = 1.0
    while k > 0 and term > result * 1e-17:
        term *= ratio(k)
        result += term
        k -= 1
    return result


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _p_of_mean(differences: Sequence[float]) -> float:
    """Return how likely the mean difference is at least so far from 0: a t-test, two-sided."""
    mean, n = fmean(differences), len(differences)
    return 1 - _within(_ratio(mean, stdev(differences) / sqrt(n)), n - 1)


def _outlier(differences: Sequence[float]) -> int | None:
    """Return the day that differs from all others, ``None`` if none does."""
    n = len(differences)
    middle = fmean(differences)
    day = max(range(n), key=lambda place: abs(differences[place] - middle))
    others = [each for place, each in enumerate(differences) if place != day]
    error = stdev(others) * sqrt(1 + 1 / len(others))
    chance = 1 - _within(_ratio(differences[day] - fmean(others), error), len(others) - 1)
    return day if chance * n < LEVEL else None


def _ratio(difference: float, error: float) -> float:
    if not difference:
        return 0.0
    return abs(difference) / error if error else inf


def _within(t: float, freedom: int) -> float:
    """Return the chance that Student's t is between ``-t`` and ``t``.

    Exact for a whole number of degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    result = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        result += term
        term *= cos(angle) ** 2 * (k - 1) / k
    result *= sin(angle)
    return 2 / pi * (angle + result) if odd else result
