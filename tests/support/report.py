"""What a suite measures and promises, and the table that it prints at its end."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Report:
    """Prints measurements and verdicts, and remembers the verdicts that failed.

    Attributes:
        rows: of the table, of all reports of this run.
    """

    rows: list[DataclassInstance] = []  # noqa: RUF012 - all reports' on purpose

    def __init__(self) -> None:
        self.failed: list[str] = []

    def say(self, text: str) -> None:
        """Print what was measured or is about to be."""
        print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)

    def check(self, promise: str, *, holds: bool) -> None:
        """Print whether a promise holds."""
        if not holds:
            self.failed.append(promise)
        print(f"{'holds' if holds else 'FAILS'}: {promise}", flush=True)

    def row(self, row: DataclassInstance) -> None:
        """Add a row to the table."""
        self.rows.append(row)


def table(rows: list[DataclassInstance]) -> list[str]:
    """Return the lines of a Markdown table: a column for each field of the first row."""
    columns = fields(rows[0])
    right = [column.type in ("int", "float") for column in columns]
    lines = [
        f"| {' | '.join(column.name for column in columns)} |",
        f"|{'|'.join('---:' if numbers else '---' for numbers in right)}|",
    ]
    return lines + [f"| {' | '.join(map(_cell, asdict(row).values()))} |" for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
