"""Random rows with everything that JSON allows, as Spark gives them back."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.export.formats import OutputFormat
from tests.reliability.differential import COMPRESSIONS, CONTEXT, FORMATS, ROWS, differences
from tests.reliability.odd_rows import FIELDS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.support.report import Report

_TYPES = (
    "_project_id string, id string, at string, hits bigint, ctr double, ok boolean, "
    "sources array<struct<title: string, url: string>>, range struct<`from`: string>"
)

_UTC = "CAST({0} AS STRING) || '+00:00'"
_INNER = _UTC.format("range.`from`")
_CELLS = (
    _UTC.format("at") + " AS at",  # Python has no year 0, where collect() may come by
    f"IF(range IS NULL, NULL, named_struct('from', {_INNER})) AS range",
    *("_project_id", "id", "hits", "ctr", "ok", "sources", "_extra"),
)


def run(report: Report, spark: SparkSession) -> None:
    """Compare every format and compression; JSON lines by the types of the fields."""
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
        layout = OutputFormat(form, compression, CONTEXT, FIELDS)
        wrong = differences(layout, "Spark", read, 0, typed=form == "jsonl")
        report.say(f"Spark, {form}, {compression}: {len(wrong)} of {ROWS} rows differ {wrong[:2]}")
        report.check(f"Spark, {form}, {compression}: every row as it was sent", holds=not wrong)
