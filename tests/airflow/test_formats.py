"""CSV and Parquet exports have the rows of the JSON lines, in every reader."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.fields import CONTEXT, Field, Kind
from tests.airflow.test_operators import (
    MONTH,
    WINDOWED,
    _export,
    _manifest,
    _operator,
    _refusal,
    _rows,
)
from tests.support.exported import read_export

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_docsanalytics.simulator import Simulator

Rows = list[dict[str, Any]]
EXTRA = Field("_extra", Kind.TEXT)
CLONE = Path(__file__).resolve().parent.parent.parent
DAYS = {"date_from": "2026-01-10", "date_to": "2026-01-14"}
EMPTY = {"date_from": "2020-01-01", "date_to": "2020-01-02"}
FORMATS = [
    ("csv", None),
    ("csv", "gzip"),
    ("csv", "zstd"),
    ("parquet", None),
    ("parquet", "gzip"),
    ("parquet", "zstd"),
]
WHICH = pytest.mark.parametrize(("file_format", "compression"), FORMATS)


def _columns(endpoint: str) -> list[Field]:
    platform = VYOM if endpoint in VYOM.endpoints else MINTLIFY
    ours = [field for field in CONTEXT if platform is MINTLIFY or field.name != "_project_id"]
    if endpoint == "threads":
        ours = ours[:1]
    return [*ours, *platform.endpoint(endpoint).fields, EXTRA]


def _names(path: Path) -> list[str]:
    """Return the export's files, each proved against the manifest, and no other lying there."""
    manifest = _manifest(path)
    for file in manifest["files"]:
        content = (path / file["name"]).read_bytes()
        assert file["bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["rows"] == len(_duckdb([str(path / file["name"])]))
    assert manifest["rows"] == sum(file["rows"] for file in manifest["files"])
    names = [file["name"] for file in manifest["files"]]
    assert sorted(entry.name for entry in path.iterdir()) == sorted(["_manifest.json", *names])
    return [str(path / name) for name in names]


def _duckdb(files: list[str]) -> Rows:
    read = "read_parquet" if files[0].endswith(".parquet") else "read_csv"
    options = "" if read == "read_parquet" else ", all_varchar=true, allow_quoted_nulls=false"
    found = duckdb.execute(f"FROM {read}($1{options})", [files])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _pandas(files: list[str]) -> Rows:
    if files[0].endswith(".parquet"):
        frames = [pd.read_parquet(file, dtype_backend="pyarrow") for file in files]
    else:
        frames = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files]
    return [row for frame in frames for row in frame.to_dict("records")]


def _polars(files: list[str]) -> Rows:
    if files[0].endswith(".parquet"):
        return pl.read_parquet(files).to_dicts()
    return [row for file in files for row in pl.read_csv(file, infer_schema=False).to_dicts()]


def _cell(field: Field, value: Any) -> Any:
    """Return a cell as Python has it: CSV's is text, and pandas has its own nothing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str) and field.kind is not Kind.TEXT:
        if not value:
            return None
        if field.kind is Kind.TIMESTAMP:
            return datetime.fromisoformat(value)
        value = json.loads(value)
    if field.kind is Kind.OBJECTS:
        return [_inner(field, element) for element in value]
    return _inner(field, value) if field.kind is Kind.OBJECT else value


def _inner(field: Field, value: dict[str, Any]) -> dict[str, Any]:
    return {inner.name: _cell(inner, value[inner.name]) for inner in field.fields}


def _as_columns(columns: list[Field], rows: Rows) -> Rows:
    """Return rows as a format with columns has them: every column there, instants as such."""
    return [
        {column.name: _as_cell(column, row.get(column.name)) for column in columns} for row in rows
    ]


def _as_cell(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.kind is Kind.TIMESTAMP:
        return datetime.fromisoformat(value).astimezone(UTC)
    if field.kind is Kind.OBJECTS:
        return [_as_columns(list(field.fields), [element])[0] for element in value]
    return _as_columns(list(field.fields), [value])[0] if field.kind is Kind.OBJECT else value


def _read_back(read: Callable[[list[str]], Rows], columns: list[Field], files: list[str]) -> Rows:
    found = read(files)
    assert all(list(row) == [column.name for column in columns] for row in found)
    return [{column.name: _cell(column, row[column.name]) for column in columns} for row in found]


READERS = {"duckdb": _duckdb, "pandas": _pandas, "polars": _polars}


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.parametrize("endpoint", [*WINDOWED, "threads"])
def test_every_reader_reads_the_rows_of_the_json_lines(
    connections: Simulator, tmp_path: Path, endpoint: str, file_format: str
) -> None:
    turns, _ = connections.truth("conversations", *DAYS.values())
    arguments = {"thread_ids": [row["id"] for row in turns[:12]]} if endpoint == "threads" else DAYS
    _export(endpoint, tmp_path / "jsonl", **arguments)
    _export(endpoint, tmp_path / "other", file_format=file_format, pages_per_file=2, **arguments)
    columns = _columns(endpoint)
    expected = _as_columns(columns, _rows(tmp_path / "jsonl"))
    files = _names(tmp_path / "other")
    assert expected
    for name, read in READERS.items():
        if (name, file_format) == ("pandas", "csv"):  # it cannot tell null from text of no length
            nothing = [
                {key: None if value == "" else value for key, value in row.items()}
                for row in _read_back(read, columns, files)
            ]
            assert nothing == expected, name
        else:
            assert _read_back(read, columns, files) == expected, name


@WHICH
def test_every_compression_reads_back_over_several_files(
    connections: Simulator, tmp_path: Path, file_format: str, compression: str | None
) -> None:
    options = {"file_format": file_format, "compression": compression, "pages_per_file": 4}
    result = _export("feedback", tmp_path / "new", **options)
    _export("feedback", tmp_path / "jsonl")
    files = _names(tmp_path / "new")
    assert len(files) == result["files"] == 7
    columns = _columns("feedback")
    expected = _as_columns(columns, _rows(tmp_path / "jsonl"))
    assert _read_back(_duckdb, columns, files) == expected
    manifest = _manifest(tmp_path / "new")
    assert (manifest["file_format"], manifest["compression"]) == (file_format, compression)
    assert manifest["drift"] == {}


@WHICH
@pytest.mark.parametrize("endpoint", ["searches", "tokens_summary"])
def test_an_export_without_rows_has_every_column(
    connections: Simulator, tmp_path: Path, endpoint: str, file_format: str, compression: str | None
) -> None:
    options = {"file_format": file_format, "compression": compression}
    assert _export(endpoint, tmp_path / "empty", **options, **EMPTY)["files"] == 1
    _export(endpoint, tmp_path / "full", **options)
    columns = {}
    for name in ("empty", "full"):
        (file, *_) = _names(tmp_path / name)
        read = "read_parquet($1)" if file_format == "parquet" else "read_csv($1, all_varchar=true)"
        found = duckdb.execute(f"DESCRIBE FROM {read}", [file]).fetchall()
        columns[name] = [(column[0], column[1]) for column in found]
    assert columns["empty"] == columns["full"]
    assert [name for name, _ in columns["empty"]] == [one.name for one in _columns(endpoint)]


def test_threads_without_ids_have_every_column_too(connections: Simulator, tmp_path: Path) -> None:
    _export("threads", tmp_path, thread_ids=[], file_format="parquet")
    assert list(pl.read_parquet(_names(tmp_path)).columns) == [
        "_project_id",
        "threadId",
        "createdAt",
        "messages",
        "_extra",
    ]
    assert connections.requests == []


def test_parquet_columns_have_the_types_of_the_endpoint_table(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("conversations", tmp_path, file_format="parquet", **EMPTY)
    found = duckdb.execute("DESCRIBE FROM read_parquet($1)", [_names(tmp_path)]).fetchall()
    types = {column[0]: column[1] for column in found}
    assert types["timestamp"] == types["_date_from"] == "TIMESTAMP WITH TIME ZONE"
    assert types["sources"] == "STRUCT(title VARCHAR, url VARCHAR)[]"
    assert types["response"] == types["_extra"] == "VARCHAR"


@WHICH
def test_an_object_store_holds_the_bytes_that_a_disk_does(
    connections: Simulator,
    lake: ObjectStoragePath,
    tmp_path: Path,
    file_format: str,
    compression: str | None,
) -> None:
    options = {"file_format": file_format, "compression": compression, "pages_per_file": 4}
    place = f"columns/{file_format}/{compression}"
    _export("feedback", tmp_path, **options)
    _operator("feedback", f"s3://aws_lake@bucket/{place}", **options).execute({})
    stored = list(read_export(lake / place).parts)
    assert len(stored) == 7
    assert stored == [Path(name).read_bytes() for name in _names(tmp_path)]


@WHICH
def test_an_interrupted_export_resumes_and_has_the_same_rows(
    connections: Simulator, tmp_path: Path, file_format: str, compression: str | None
) -> None:
    options = {"file_format": file_format, "compression": compression, "pages_per_file": 2}
    _export("feedback", tmp_path / "undisturbed", **options)
    connections.clear_requests()
    connections.add_faults([{"kind": "html", "match": {"endpoint": "feedback", "nth": 8}}])
    with pytest.raises(BadResponse):
        _export("feedback", tmp_path / "new", **options)
    assert not (tmp_path / "new" / "_manifest.json").exists()
    _export("feedback", tmp_path / "new", **options)
    answered = [
        entry["query"].get("cursor") for entry in connections.requests if not entry["fault"]
    ]
    assert len(answered) == len(set(answered)) == 25
    assert _duckdb(_names(tmp_path / "new")) == _duckdb(_names(tmp_path / "undisturbed"))


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_rows_that_drift_lose_nothing_and_are_all_reported(
    connections: Simulator, tmp_path: Path, file_format: str
) -> None:
    """The only odd row is the 777th of a page of 1000."""
    change = {"kind": "set_in_rows", "match": {"endpoint": "conversations"}, "every": 777}
    connections.add_faults([{**change, "key": "query", "value": {"text": "how"}}])
    connections.add_faults([{**change, "key": "sources", "value": [{"url": "u", "rank": 1}]}])
    _export("conversations", tmp_path, file_format=file_format)
    assert _manifest(tmp_path)["drift"] == {
        "new": ["sources.rank"],
        "missing": ["sources.title"],
        "types": ["query: object instead of text"],
    }
    odd = [
        (number, row["query"], json.loads(row["_extra"]))
        for number, row in enumerate(_duckdb(_names(tmp_path)))
        if row["_extra"]
    ]
    assert [(number, extra) for number, _, extra in odd] == [
        (776, {"query": {"text": "how"}}),
        (1776, {"sources": [{"url": "u", "rank": 1}]}),
    ]
    assert [query is None for _, query, _ in odd] == [True, False]


def test_formulas_are_escaped_on_request(connections: Simulator, tmp_path: Path) -> None:
    formula = '=HYPERLINK("http://evil.example","click")'
    change = {"kind": "set_in_rows", "match": {"endpoint": "feedback"}, "times": None}
    connections.add_faults([{**change, "key": "comment", "value": formula}])
    for name, escape in (("plain", False), ("escaped", True)):
        _export("feedback", tmp_path / name, file_format="csv", escape_formulas=escape)
    comments = {
        name: {row["comment"] for row in _duckdb(_names(tmp_path / name))}
        for name in ("plain", "escaped")
    }
    assert comments == {"plain": {formula}, "escaped": {"'" + formula}}
    assert "escape_formulas" not in _manifest(tmp_path / "plain")
    assert _manifest(tmp_path / "escaped")["escape_formulas"] is True
    assert "different export" in _refusal("feedback", tmp_path / "escaped", file_format="csv")


def test_another_format_replaces_the_first_only_on_request(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("searches", tmp_path, compression="gzip")
    assert "different export" in _refusal("searches", tmp_path, file_format="parquet")
    _export("searches", tmp_path, file_format="parquet", if_exists="replace")
    assert [file.endswith(".parquet") for file in _names(tmp_path)] == [True]


@pytest.mark.parametrize(
    ("options", "package"),
    [
        ({"file_format": "parquet"}, "pyarrow"),
        ({"compression": "zstd"}, "zstandard"),
        ({"file_format": "csv", "compression": "zstd"}, "zstandard"),
    ],
)
def test_a_missing_package_is_named_before_the_first_request(
    connections: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    package: str,
) -> None:
    extra = {"pyarrow": "parquet", "zstandard": "zstd"}[package]
    monkeypatch.setitem(sys.modules, package, None)
    message = _refusal("views", tmp_path / "out", **options)
    assert f"pip install 'airflow-provider-docsanalytics[{extra}]'" in message
    assert connections.requests == []
    assert not (tmp_path / "out").exists()


def test_zstd_in_parquet_needs_no_other_package(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    _export("searches", tmp_path, file_format="parquet", compression="zstd", **MONTH)
    assert _names(tmp_path)
