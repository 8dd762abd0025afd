"""The DuckDB and Spark queries of docs/storage.md, run as they stand there on local exports."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tests.support.export_trial import export
from tests.support.stores import Way
from tests.system.storage import odd_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import SparkSession

    from tests.support.report import Report
    from tests.support.simulator_process import Service

_DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "storage.md"
_DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


def run(report: Report, home: Path, service: Service) -> None:
    """Export two days in each form; compare what each query says with the service's rows."""
    days = [service.truth("conversations", *day) for day in pairwise(_DAYS)]
    counts = [len(rows) for rows in days]
    cited = Counter(source["url"] for rows in days for row in rows for source in row["sources"])
    expected = {
        "rows per day": counts,
        "rows of one export": counts[:1],
        "rows promised": [sum(counts)],
        "cited pages": sorted(cited.values(), reverse=True),
    }

    def check(reader: str, name: str, answer: Sequence[Sequence[Any]]) -> None:
        report.say(f"{reader}, {name}: {[tuple(row) for row in answer[:3]]}")
        report.check(
            f"{reader}, {name}: the service's, of {sum(expected[name])} in all",
            holds=[row[-1] for row in answer] == expected[name],
        )

    gzip, zstd = (_lake(home, compression=packing) for packing in ("gzip", "zstd"))
    for name, query in _queries("DuckDB"):
        with duckdb.connect() as database:
            check("DuckDB", name, database.execute(query.replace("/lake/", gzip)).fetchall())
    parquet = _lake(home, file_format="parquet")
    with _spark(home) as spark:
        odd_rows.run(report, spark)
        for name, query in _queries("Spark"):
            for lake in (parquet,) if "parquet" in query else (gzip, zstd):
                code = query.replace("/lake/", lake)
                answer = eval(code, {"spark": spark}).collect()  # noqa: S307 - of our own page
                check(f"Spark, {Path(lake).name}", name, answer)


def _lake(home: Path, **form: str) -> str:
    """Export the days in a form of their own; return the directory, as it stands in queries."""
    lake = home / "-".join(form.values())
    for day, following in pairwise(_DAYS):
        way = Way("none", "", f"file://{lake}")
        export(way, date_from=day, date_to=following, **form)
    return f"{lake}/"


def _queries(reader: str) -> list[tuple[str, str]]:
    """Return the name, its first line, and the text of every query."""
    section = _DOCUMENT.read_text().partition(f"### {reader}\n")[2].partition("\n### ")[0]
    found = re.findall(r"```\w+\n(?:--|#) ([^\n]+)\n(.*?)```", section, re.DOTALL)
    if len(found) != section.count("```") / 2 or not found:
        raise ValueError(f"{_DOCUMENT}: a query of {reader} without a name, or none at all")
    return found


@contextmanager
def _spark(home: Path) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .config("spark.sql.warehouse.dir", f"file://{home}/warehouse")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    try:
        yield session
    finally:
        session.stop()
