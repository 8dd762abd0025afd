"""DuckDB and Spark on local exports: the queries of docs/storage.md, and random rows."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.lake.schema import columns, table_of
from tests.reliability.differential import COMPRESSIONS, CONTEXT, FORMATS, ROWS, differences
from tests.reliability.odd_rows import FIELDS
from tests.support.stores import ConnectionStyle
from tests.system.storage.trial import export

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import SparkSession

    from tests.support.report import Report
    from tests.support.simulator_process import Service

_DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "storage.md"
_DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")
_TYPES = (
    "_project_id string, id string, at string, hits bigint, ctr double, ok boolean, "
    "sources array<struct<title: string, url: string>>, range struct<`from`: string>"
)
_UTC = "CAST({0} AS STRING) || '+00:00'"
_INNER = _UTC.format("range.`from`")
_CELLS = (
    _UTC.format("at") + " AS at",  # Python has no year 0, which collect() would need
    f"IF(range IS NULL, NULL, named_struct('from', {_INNER})) AS range",
    *("_project_id", "id", "hits", "ctr", "ok", "sources", "_extra"),
)


def run_duckdb(report: Report, home: Path, service: Service) -> None:
    """Export two days; compare what each query says with the service's rows."""
    lake = _lake(home, compression="gzip")
    for name, query in _queries("DuckDB"):
        with duckdb.connect() as database:
            result = database.execute(query.replace("/lake/", lake)).fetchall()
        _check(report, service, ("DuckDB", name), result)


def run_spark(report: Report, home: Path, service: Service) -> None:
    """Export two days in each format; compare as above, and random rows with what was sent."""
    gzip, zstd = (_lake(home, compression=packing) for packing in ("gzip", "zstd"))
    parquet = _lake(home, file_format="parquet")
    with _spark(home) as spark:
        _compare_odd_rows(report, spark)
        _check_tables(report, spark, f"{parquet}conversations/dt={_DAYS[0]}")
        for name, query in _queries("Spark"):
            for lake in (parquet,) if "parquet" in query else (gzip, zstd):
                code = query.replace("/lake/", lake)
                result = eval(code, {"spark": spark}).collect()  # noqa: S307 - of our own page
                _check(report, service, (f"Spark, {Path(lake).name}", name), result)


def _check(
    report: Report, service: Service, query: tuple[str, str], result: Sequence[Sequence[Any]]
) -> None:
    reader, name = query
    days = [service.truth("conversations", *day) for day in pairwise(_DAYS)]
    counts = [len(rows) for rows in days]
    cited = Counter(source["url"] for rows in days for row in rows for source in row["sources"])
    expected = {
        "rows per day": counts,
        "rows of one export": counts[:1],
        "rows promised": [sum(counts)],
        "exports that overlap": [],
        "cited pages": sorted(cited.values(), reverse=True),
    }[name]
    report.say(f"{reader}, {name}: {[tuple(row) for row in result[:3]]}")
    report.check(
        f"{reader}, {name}: the service's, of {sum(expected)} in all",
        holds=[row[-1] for row in result] == expected,
    )


def _compare_odd_rows(report: Report, spark: SparkSession) -> None:
    """Compare rows with everything that JSON allows, in every format and compression.

    JSON lines are read by the types of the fields.
    """
    spark.conf.set("spark.sql.session.timeZone", "UTC")

    def read(file: str) -> list[dict[str, Any]]:
        if ".jsonl" in file:
            frame = spark.read.schema(_TYPES).json(file)
        elif ".csv" in file:
            options = {"header": True, "multiLine": True, "escape": '"', "lineSep": "\n"}
            frame = spark.read.options(**options).csv(file)
        else:
            frame = spark.read.parquet(file).selectExpr(*_CELLS)
        return [row.asDict(recursive=True) for row in frame.collect()]

    for form, compression in product(FORMATS, COMPRESSIONS):
        output = OutputFormat(form, compression, CONTEXT, FIELDS)
        wrong = differences(output, "Spark", read, 0, typed=form == "jsonl")
        report.say(f"Spark, {form}, {compression}: {len(wrong)} of {ROWS} rows differ {wrong[:2]}")
        report.check(f"Spark, {form}, {compression}: every row as it was sent", holds=not wrong)


def _check_tables(report: Report, spark: SparkSession, export: str) -> None:
    """Create the tables of ``docsanalytics schema``; fill one with an export's rows."""
    for platform in (MINTLIFY, VYOM):
        for endpoint in platform.endpoints.values():
            spark.sql(table_of(platform, endpoint, "spark").rstrip(";"))
            found = spark.table(endpoint.name).columns
            expected = [field.name for field in columns(platform, endpoint)]
            report.check(f"Spark, table {endpoint.name}: every column", holds=found == expected)
    rows = spark.read.parquet(export)
    rows.write.insertInto("conversations")
    table = spark.table("conversations")
    report.check("Spark, table: the types of the files", holds=table.dtypes == rows.dtypes)
    same = table.count() == rows.count() > 0 and table.exceptAll(rows).isEmpty()
    report.check("Spark, table: every row of the export", holds=same)


def _lake(home: Path, **form: str) -> str:
    """Export the days in a form of their own; return the directory, as it stands in queries."""
    lake = home / "-".join(form.values())
    for day, following in pairwise(_DAYS):
        style = ConnectionStyle("none", "", f"file://{lake}")
        export(style, date_from=day, date_to=following, **form)
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
