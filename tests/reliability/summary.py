"""What runs of one fault come to: rows lost and doubled, broken promises, a line of the table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.exported import MANIFEST, Exported

if TYPE_CHECKING:
    from tests.reliability.children import Ended
    from tests.reliability.exports import Exports
    from tests.reliability.targets import Target

_HEAD = ("case", "runs", "rows lost", "rows doubled", "pages asked again", "what the user saw")
_MOST_BROKEN = 5


@dataclass(frozen=True, slots=True)
class Case:
    """What many runs of one fault came to.

    Attributes:
        name: the fault, with its variations in brackets.
        runs: how many times it was made.
        saw: what the user was shown: how often complete, and which errors.
        broken: promises that did not hold, one sentence each.
        rows_lost: rows of an undisturbed export that are missing, over all runs.
        rows_doubled: rows that are there more often than in an undisturbed export.
        asked_again: the most pages that any one run requested a second time.
    """

    name: str
    runs: int
    saw: str
    broken: tuple[str, ...] = ()
    rows_lost: int = 0
    rows_doubled: int = 0
    asked_again: int = 0


def heading() -> str:
    """Return the head of the Markdown table."""
    return f"| {' | '.join(_HEAD)} |\n|---|---:|---:|---:|---:|---|"


def line(case: Case) -> str:
    """Return a case as a line of it."""
    cells = (
        case.name,
        f"{case.runs:,}",
        f"{case.rows_lost:,}",
        f"{case.rows_doubled:,}",
        str(case.asked_again),
        case.saw,
    )
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rows lost and doubled, and what else is wrong, in words."""

    lost: int
    doubled: int
    wrong: tuple[str, ...]


def verify(target: Target, expected: list[bytes], temporary: str) -> Verdict:
    """Compare a directory with what it should hold.

    Args:
        target: the directory.
        expected: the rows, in order.
        temporary: a directory that only this export's process has used for temporary files.
    """
    names = target.names()
    if MANIFEST not in names:
        return Verdict(len(expected), 0, ("there is no manifest",))
    export = _read(target, names)
    found, wrong = export.lines, list(export.wrong)
    wrong += [f"stray: {name}" for name in names if name not in export.names]
    wrong += [f"in the temporary directory: {name}" for name in Path(temporary).iterdir()]
    there, should = Counter(found), Counter(expected)
    lost, doubled = (should - there).total(), (there - should).total()
    if not lost and not doubled and found != expected:
        wrong.append("the rows are in another order")
    return Verdict(lost, doubled, tuple(wrong))


def listed_rows(target: Target) -> tuple[list[bytes], list[str]]:
    """Return the rows that the manifest lists, and where it does not say what lies there."""
    export = _read(target, target.names())
    return export.lines, list(export.wrong)


def _read(target: Target, names: list[str]) -> Exported:
    """Return the export; a file that is gone is one without content."""
    return Exported.read(lambda name: target.read(name) if name in names else b"")


class Summary:
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
        """Add a run by what lies in the target now, and by what the user saw."""
        again = exports.asked_again()
        verdict = exports.verify(self._expected if expected is None else expected)
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
            saw,
            tuple(self._broken[:_MOST_BROKEN]),
            self._lost,
            self._doubled,
            self._again,
        )
