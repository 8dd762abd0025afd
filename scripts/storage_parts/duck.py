"""The DuckDB queries of docs/storage.md, run as they stand there on a local export."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from storage_parts.lakes import Way
from storage_parts.trial import export

if TYPE_CHECKING:
    from e2e_parts.report import Report

_DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "storage.md"
_DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


def run(report: Report, lake: Path) -> None:
    """Export two days; compare what each query says with the manifests."""
    way = Way("none", "", f"file://{lake}")
    for day, following in pairwise(_DAYS):
        export(way, date_from=day, date_to=following, compression="gzip")
    rows = [
        json.loads(manifest.read_text())["rows"]
        for manifest in sorted(lake.rglob("_manifest.json"))
    ]
    expected = {"rows per day": rows, "rows of one export": rows[:1], "rows promised": [sum(rows)]}
    for name, query in _queries():
        answer = _answer(query.replace("/lake/", f"{lake}/"))
        report.say(f"DuckDB, {name}: {answer}")
        report.check(
            f"DuckDB, {name}: the manifests' {expected[name]}",
            holds=[row[-1] for row in answer] == expected[name],
        )


def _queries() -> list[tuple[str, str]]:
    """Return the name, its first line, and the text of every query."""
    section = _DOCUMENT.read_text().partition("### DuckDB")[2].partition("\n### ")[0]
    return re.findall(r"```sql\n-- ([^\n]+)\n(.*?)```", section, re.DOTALL)


def _answer(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        return database.execute(query).fetchall()
