"""The queries of the documentation, over days whose rows differ in form."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from airflow_provider_docsanalytics.export.documents import Manifest
from tests.airflow.test_operators import _export, _manifest

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
POLARS = tuple(int(part) for part in pl.__version__.split(".")[:2])
FIRST = date(2026, 1, 10)
HUGE = "x" * 3_000_000
ODD: dict[str, dict[str, Any]] = {
    "as usual": {},
    "a new field": {"key": "language", "value": "en"},
    "no rows": {},
    "a huge cell": {"key": "query", "value": HUGE},
    "half an emoji": {"key": "query", "value": "half \ud83d"},
    "half an emoji in a name": {"key": "half \ud83d", "value": 1},
    "a name of ours": {"key": "_project_id", "value": "other"},
    "another type": {"key": "query", "value": {"text": 1}},
}
EVERY = {"a huge cell": 50}
"""Each so many rows are odd; else all of the day's."""
FORMS = {
    "turns": {"file_format": "parquet"},
    "turns_csv": {"file_format": "csv", "compression": "gzip"},
    "turns_jsonl": {"file_format": "jsonl", "compression": "gzip"},
}


def _day(name: str) -> date:
    return date(2020, 1, 1) if name == "no rows" else FIRST + timedelta(days=list(ODD).index(name))


@pytest.fixture
def days(connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Export each day in each form; return the day's rows."""
    monkeypatch.chdir(tmp_path)
    rows: dict[str, int] = {}
    for name, change in ODD.items():
        day = _day(name)
        window = {"date_from": str(day), "date_to": str(day + timedelta(days=1))}
        for form, options in FORMS.items():
            if change:
                match = {"endpoint": "conversations"}
                fault = {"kind": "set_in_rows", "match": match, "every": EVERY.get(name, 1)}
                connections.add_faults([{**fault, **change}])
            result = _export("conversations", tmp_path / form / f"dt={day}", **options, **window)
            rows[str(day)] = result["rows"]
    return rows


def _queries(page: str, language: str = "sql") -> list[str]:
    text = (DOCS / f"{page}.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_each_query_of_the_formats_page_finds_every_row_of_every_day(
    connections: Simulator, days: dict[str, int]
) -> None:
    _export(
        "views",
        Path("export").resolve(),
        file_format="parquet",
        date_from="2026-01-10",
        date_to="2026-01-14",
    )
    pages, sources, languages, csv, jsonl = (
        duckdb.sql(query).fetchall() for query in _queries("formats")
    )
    total, english = sum(days.values()), days[str(_day("a new field"))]
    assert total > english > 0
    views, _ = connections.truth("views", "2026-01-10", "2026-01-14")
    assert dict(pages) == {row["path"]: row["total"] for row in views}
    assert len(sources) > total
    assert dict(languages) == {"en": english, None: total - english}
    for found in (csv, jsonl):
        assert len(found) == total
        assert [language for *_, language in found].count("en") == english
        queries = [query for _, query, *_ in found]
        assert queries.count(HUGE) == days[str(_day("a huge cell"))] // EVERY["a huge cell"] > 0
        assert queries.count("half \ufffd") == days[str(_day("half an emoji"))]
    assert all(isinstance(moment, datetime) for moment, *_ in (*csv, *jsonl))


@pytest.mark.parametrize("only_the_empty_day", [False, True])
def test_each_query_of_the_storage_page_runs_on_every_day(
    days: dict[str, int],
    only_the_empty_day: bool,  # noqa: FBT001
) -> None:
    empty = str(_day("no rows"))
    lake = Path("turns_jsonl").resolve()
    every = f"dt={empty}" if only_the_empty_day else "dt=*"
    section = (DOCS / "storage.md").read_text().partition("### DuckDB")[2].partition("\n### ")[0]
    for day, rows in days.items():
        per_day, one, promised, overlapping = (
            duckdb.execute(
                query.replace("/lake/conversations", str(lake))
                .replace("dt=*", every)
                .replace("dt=2026-01-01", f"dt={day}")
            ).fetchall()
            for query in re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
        )
        there = {} if only_the_empty_day else {k: v for k, v in days.items() if v}
        assert {str(found): count for found, count in per_day} == there
        assert one == [(rows,)]
        assert promised == [(sum(there.values()),)]
        assert overlapping == []


def test_the_storage_pages_query_lists_exports_that_overlap(
    connections: Simulator, tmp_path: Path
) -> None:
    week, day, after = (
        _export("conversations", tmp_path / f"dt={start}", date_from=start, date_to=end)
        for start, end in (
            ("2026-01-10", "2026-01-17"),
            ("2026-01-12", "2026-01-13"),
            ("2026-01-17", "2026-01-18"),
        )
    )
    (query,) = (each for each in _queries("storage") if each.startswith("-- exports that overlap"))
    found = duckdb.sql(query.replace("/lake/conversations", str(tmp_path))).fetchall()
    assert found == [
        (
            str(tmp_path / "dt=2026-01-10" / "_manifest.json"),
            str(tmp_path / "dt=2026-01-12" / "_manifest.json"),
        )
    ]
    assert min(each["rows"] for each in (week, day, after)) > 0


def test_every_other_reader_reads_every_day_as_the_formats_page_says(days: dict[str, int]) -> None:
    (snippet,) = _queries("formats", "python")
    given = {"pandas": pd, "polars": pl, "pyarrow": pa, "json": json, "gzip": gzip}
    for day, rows in days.items():
        files = {
            f"{FORMS[form]['file_format']}_file": str(next(Path(form, f"dt={day}").glob("part-*")))
            for form in FORMS
        }
        for line in snippet.splitlines():
            if not rows and "read_ndjson" in line and (1, 28) <= POLARS < (1, 38):
                continue  # as the page says: these versions fail on a gzip file without rows
            found = eval(line, {**given, **files})  # noqa: S307 - of our own page
            assert len(found) == rows, (day, line)


def test_repaired_rows_are_counted_and_logged_once(
    days: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    for form in FORMS:
        columns = form != "turns_jsonl"
        for name in ODD:
            day = str(_day(name))
            manifest = _manifest(Path(form, f"dt={day}"))
            rewritten = name.startswith("half") or (name == "a name of ours" and not columns)
            assert manifest["repaired"] == (days[day] if rewritten else 0), (form, name)
    records = caplog.get_records("setup")
    said = [record for record in records if "every reader can parse" in record.getMessage()]
    assert len(said) == 2 * len(FORMS) + 1


def test_a_manifest_of_an_earlier_version_has_no_repairs(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("feedback", tmp_path, date_from="2026-01-10", date_to="2026-01-11")
    earlier = {name: value for name, value in _manifest(tmp_path).items() if name != "repaired"}
    assert msgspec.convert(earlier, Manifest).repaired == 0
