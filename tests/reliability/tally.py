"""Adds up the runs of one case."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.reliability.cases import Case

if TYPE_CHECKING:
    from tests.reliability.children import Ended
    from tests.reliability.exports import Exports

_MOST_BROKEN = 5


class Tally:
    """The sum over the runs of one case.

    Args:
        name: the case.
        expected: the rows that every run should end with.
        allowed_again: how many pages a run may ask for a second time; ``None``: any.
    """

    def __init__(self, name: str, expected: list[bytes], allowed_again: int | None) -> None:
        self._name = name
        self._expected = expected
        self._allowed_again = allowed_again
        self.runs = self._lost = self._doubled = self._again = 0
        self._saw: Counter[str] = Counter()
        self._broken: list[str] = []

    def finish(self, last: Ended, exports: Exports, what: str) -> None:
        """Add a run whose last attempt should have got through."""
        if last.saw != "complete":
            self.complain(f"{what}: {last.saw} {last.text}")
        self.add(last.saw, exports, what)

    def add(
        self, saw: str, exports: Exports, what: str, expected: list[bytes] | None = None
    ) -> None:
        """Add a run by what lies in the place now, and by what the user saw."""
        again = exports.asked_again()
        verdict = exports.judge(self._expected if expected is None else expected)
        self.runs += 1
        self._lost += verdict.lost
        self._doubled += verdict.doubled
        self._again = max(self._again, again)
        self._saw[saw] += 1
        self.complain(*(f"{what}: {each}" for each in verdict.wrong))
        if self._allowed_again is not None and again > self._allowed_again:
            self.complain(f"{what}: {again} pages asked again")

    def complain(self, *broken: str) -> None:
        """Note promises that did not hold."""
        self._broken += broken

    def case(self) -> Case:
        """Return the line of the table."""
        if not self.runs:
            self._broken.append("nothing was tried")
        saw = ", ".join(f"{count:,} {what}" for what, count in self._saw.most_common())
        return Case(
            self._name,
            self.runs,
            self._lost,
            self._doubled,
            self._again,
            saw,
            tuple(self._broken[:_MOST_BROKEN]),
        )
