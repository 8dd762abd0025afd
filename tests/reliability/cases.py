"""One line of the reliability table, and how the table is printed."""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = ("case", "runs", "rows lost", "rows doubled", "pages asked again", "what the user saw")


@dataclass(frozen=True, slots=True)
class Case:
    """What many runs of one kind of trouble came to.

    Attributes:
        name: the trouble, with its variations in brackets.
        runs: how many times it was made.
        rows_lost: rows of an undisturbed export that are missing, over all runs.
        rows_doubled: rows that are there more often than in an undisturbed export.
        asked_again: the most pages that any one run asked the service for a second time.
        saw: what the user was shown: how often complete, and which errors.
        broken: promises that did not hold, one sentence each.
    """

    name: str
    runs: int
    rows_lost: int
    rows_doubled: int
    asked_again: int
    saw: str
    broken: tuple[str, ...] = ()


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
