"""Rows in columns: what does not fit is kept, whatever the format."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.export.formats.parquet import ROW_GROUP_BYTES
from airflow_provider_docsanalytics.export.readable import readable
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = {"_project_id": "p", "_date_from": "2026-01-01T00:00:00.000Z"}
FIELDS = (
    Field("id", Kind.TEXT),
    Field("at", Kind.TIMESTAMP),
    Field("hits", Kind.INTEGER),
    Field("ctr", Kind.NUMBER),
    Field("ok", Kind.BOOLEAN),
    Field("sources", Kind.OBJECTS, fields=(Field("title", Kind.TEXT), Field("url", Kind.TEXT))),
    Field("range", Kind.OBJECT, fields=(Field("from", Kind.TEXT),)),
)
NAMES = ["_project_id", "_date_from", *(field.name for field in FIELDS), "_extra"]
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def _written(file_format: str, *rows: bytes, **options: Any) -> bytes:
    sink = io.BytesIO()
    encoder = OutputFormat(file_format, None, CONTEXT, FIELDS, **options).encoder(sink)
    for row in rows:
        encoder.write(readable([row]).rows)
    encoder.close()
    return sink.getvalue()


def _parquet(*rows: bytes) -> list[dict[str, Any]]:
    content = io.BytesIO(_written("parquet", *rows))
    cells: list[dict[str, Any]] = parquet.read_table(content).to_pylist()
    return cells


SPELT: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: {"true": True, "false": False}.__getitem__,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.OBJECT: json.loads,
    Kind.OBJECTS: json.loads,
}
KINDS = {field.name: field.kind for field in FIELDS} | {"_date_from": Kind.TIMESTAMP}


def _csv(*rows: bytes) -> list[dict[str, Any]]:
    text = _written("csv", *rows).decode()
    return [
        {
            name: SPELT[KINDS.get(name, Kind.TEXT)](cell) if cell else None
            for name, cell in row.items()
        }
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
    ]


READERS = pytest.mark.parametrize("read", [_csv, _parquet])


@READERS
def test_a_row_as_the_table_has_it_is_its_values(read: Any) -> None:
    row = rb"""{"id":"say \"a\",\r\n\u00e9\ud83d\ude00","at":"2026-01-01T05:30:00.000+05:30",
        "hits":9223372036854775807,"ctr":1.50,"ok":true,
        "sources":[{"title":"T","url":"u"},{"title":null}],"range":{"from":"x"}}"""
    assert read(row) == [
        {
            "_project_id": "p",
            "_date_from": NEW_YEAR,
            "id": 'say "a",\r\né\U0001f600',
            "at": NEW_YEAR,
            "hits": 2**63 - 1,
            "ctr": 1.5,
            "ok": True,
            "sources": [{"title": "T", "url": "u"}, {"title": None, "url": None}],
            "range": {"from": "x"},
            "_extra": None,
        }
    ]


@READERS
@pytest.mark.parametrize("row", [b"{}", b'{"id":null,"hits":null,"sources":null,"range":null}'])
def test_what_is_absent_or_null_is_null(read: Any, row: bytes) -> None:
    ours = {"_project_id": "p", "_date_from": NEW_YEAR}
    assert read(row) == [dict.fromkeys(NAMES) | ours]
    assert list(read(row)[0]) == NAMES


LONG = "9" * 30
MISFITS = [
    ('"new": 1.50', {}, '{"new":1.50}'),
    ('"new":null,"a b":[1, 2]', {}, '{"new":null,"a b":[1, 2]}'),
    ('"_extra":1,"_project_id":"other"', {}, '{"_extra":1,"_project_id":"other"}'),
    ('"hits":"many"', {}, '{"hits":"many"}'),
    ('"hits":1.5', {}, '{"hits":1.5}'),
    (f'"hits":{LONG}', {}, f'{{"hits":{LONG}}}'),
    ('"ctr":1e999', {}, '{"ctr":1e999}'),
    ('"ok":1', {}, '{"ok":1}'),
    ('"at":"yesterday"', {}, '{"at":"yesterday"}'),
    ('"at":"2026-01-01T00:00:00"', {}, '{"at":"2026-01-01T00:00:00"}'),
    ('"sources":["u"]', {}, '{"sources":["u"]}'),
    ('"sources":{"url":"u"}', {}, '{"sources":{"url":"u"}}'),
    ('"range":[]', {}, '{"range":[]}'),
    (
        '"sources":[{"url":"u","rank":1},{"title":"t"}],"hits":3',
        {"sources": [{"title": None, "url": "u"}, {"title": "t", "url": None}], "hits": 3},
        '{"sources":[{"url":"u","rank":1},{"title":"t"}]}',
    ),
    ('"range":{"from":"x","to":"y"}', {"range": {"from": "x"}}, '{"range":{"from":"x","to":"y"}}'),
    (
        '"sources":[{"url":"u"},{"title":1}]',
        {"sources": [{"title": None, "url": "u"}, {"title": None, "url": None}]},
        '{"sources":[{"url":"u"},{"title":1}]}',
    ),
    (
        '"at":"2025-12-31T23:59:59.9999999Z"',
        {"at": datetime(2025, 12, 31, 23, 59, 59, 999999, UTC)},
        '{"at":"2025-12-31T23:59:59.9999999Z"}',
    ),
    ('"at":"9999-12-31T23:59:59-14:00"', {}, '{"at":"9999-12-31T23:59:59-14:00"}'),
    ('"at":"0001-01-01T00:00:00+14:00"', {}, '{"at":"0001-01-01T00:00:00+14:00"}'),
    ('"at":"2026-01-01T00:00:60Z"', {}, '{"at":"2026-01-01T00:00:60Z"}'),
    ('"at":"2026-01-01T24:00:00Z"', {}, '{"at":"2026-01-01T24:00:00Z"}'),
    ('"ctr":0.12345678901234567', {"ctr": 0.12345678901234567}, '{"ctr":0.12345678901234567}'),
    ('"ctr":9007199254740993', {"ctr": 2.0**53}, '{"ctr":9007199254740993}'),
    ('"ctr":1e-400', {"ctr": 0.0}, '{"ctr":1e-400}'),
    ('"hits":1e19', {}, '{"hits":1e19}'),
    ('"hits":1,"hits":2', {"hits": 2}, '{"hits__1":1}'),
    ('"new":1,"new":2', {}, '{"new__1":1,"new":2}'),
    (
        '"range":{"from":"x","from":"y"}',
        {"range": {"from": "y"}},
        '{"range":{"from__1":"x","from":"y"}}',
    ),
]


@READERS
@pytest.mark.parametrize(("members", "cells", "extra"), MISFITS)
def test_what_fits_into_no_column_is_kept_as_it_came(
    read: Any, members: str, cells: dict[str, Any], extra: str
) -> None:
    (row,) = read(b'{"id":"a",' + members.encode() + b"}")
    ours = {"_project_id": "p", "_date_from": NEW_YEAR, "id": "a"}
    assert row == dict.fromkeys(NAMES) | ours | cells | {"_extra": extra}


@READERS
@pytest.mark.parametrize(
    ("members", "cells"),
    [
        ('"hits":12.0', {"hits": 12}),
        ('"hits":1.2e1', {"hits": 12}),
        ('"hits":-0.0', {"hits": 0}),
        ('"ctr":33.333333333333336', {"ctr": 33.333333333333336}),
        ('"ctr":1E2', {"ctr": 100.0}),
        ('"at":"2026-01-01T00:00:00.000000000Z"', {"at": NEW_YEAR}),
        ('"at":"9999-12-31T23:59:59Z"', {"at": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)}),
        (r'"at":"\u0032026-01-01T00:00:00Z"', {"at": NEW_YEAR}),
    ],
)
def test_what_fits_in_other_letters_is_no_misfit(
    read: Any, members: str, cells: dict[str, Any]
) -> None:
    (row,) = read(b"{%s}" % members.encode())
    ours = {"_project_id": "p", "_date_from": NEW_YEAR}
    assert row == dict.fromkeys(NAMES) | ours | cells


@READERS
def test_half_a_character_is_replaced_in_the_column_and_in_extra(read: Any) -> None:
    (row,) = read(rb'{"id":"cut \ud83d","hits":1,"new\ude00":"\ud83d"}')
    assert (row["id"], row["hits"]) == ("cut \ufffd", 1)
    assert row["_extra"] == '{"new\ufffd":"\ufffd"}'


@READERS
def test_a_row_of_any_depth_keeps_its_fields(read: Any) -> None:
    row = b'{"id":"a","deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    (cells,) = read(row)
    assert cells["id"] == "a"
    inner = json.loads(cells["_extra"])["deep"]
    while isinstance(inner, list):
        (inner,) = inner
    assert inner.strip("[]") == ""
    assert len(inner) == 2 * (50_000 - 63)


@READERS
@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-01T00:00:00.123456Z", NEW_YEAR.replace(microsecond=123456)),
        ("2026-01-01 00:00:00.120Z", NEW_YEAR.replace(microsecond=120000)),
        ("2025-12-31T23:00:00-01:00", NEW_YEAR),
    ],
)
def test_timestamps_are_instants_of_utc(read: Any, text: str, instant: datetime) -> None:
    assert read(b'{"at":"%s"}' % text.encode())[0]["at"] == instant


def test_in_csv_a_null_is_nothing_and_empty_text_is_quoted() -> None:
    header, empty, null = _written("csv", b'{"id":""}', b"{}").splitlines()
    assert header == ",".join(NAMES).encode()
    assert empty == b'"p",2026-01-01T00:00:00.000Z,"",,,,,,,'
    assert null == b'"p",2026-01-01T00:00:00.000Z,,,,,,,,'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", r"\t=1", r"\r=1"])
def test_formulas_are_escaped_only_on_request(text: str) -> None:
    row = b'{"id":"%s","ctr":-1,"new":"=1"}' % text.encode()
    (plain,) = _csv(row)
    assert plain["id"] == json.loads(f'"{text}"')
    escaped = _written("csv", row, escape_formulas=True).decode()
    (cells,) = csv.DictReader(io.StringIO(escaped, newline=""))
    assert cells["id"] == "'" + plain["id"]
    assert (cells["ctr"], cells["_extra"]) == ("-1.0", plain["_extra"])


@pytest.mark.parametrize("text", ["a=1", " =1", "'", ""])
def test_other_text_is_never_escaped(text: str) -> None:
    row = b'{"id":"%s"}' % text.encode()
    assert _written("csv", row, escape_formulas=True) == _written("csv", row)


def test_escaping_is_for_csv_alone() -> None:
    with pytest.raises(ConfigError, match=r"file_format='parquet'\.\nRemove escape_formulas.*csv"):
        OutputFormat("parquet", None, CONTEXT, FIELDS, escape_formulas=True)


def test_parquet_is_written_in_row_groups_of_a_bounded_size() -> None:
    rows = [b'{"id":"%s"}' % (b"x" * (ROW_GROUP_BYTES // 4))] * 10
    content = _written("parquet", *rows)
    file = parquet.ParquetFile(io.BytesIO(content))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 2]
    assert file.metadata.num_rows == 10


def test_parquet_has_statistics_by_which_engines_skip_row_groups_but_not_of_text() -> None:
    rows = (b'{"id":"a","at":"2026-01-01T00:00:00Z","hits":1}', b'{"hits":7,"ctr":0.5,"ok":true}')
    group = parquet.ParquetFile(io.BytesIO(_written("parquet", *rows))).metadata.row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    assert {name for name, column in columns.items() if column.is_stats_set} == {
        "_date_from",
        "at",
        "hits",
        "ctr",
        "ok",
    }
    assert (columns["hits"].statistics.min, columns["hits"].statistics.max) == (1, 7)
    coded = {name for name, column in columns.items() if column.has_dictionary_page}
    assert {"id", "hits", "sources.list.element.title", "range.from"} <= coded
    assert "_extra" not in coded


@pytest.mark.parametrize(
    ("compression", "codec"), [(None, "SNAPPY"), ("gzip", "GZIP"), ("zstd", "ZSTD")]
)
def test_parquet_is_compressed_inside(compression: str | None, codec: str) -> None:
    layout = OutputFormat("parquet", compression, CONTEXT, FIELDS)
    sink = io.BytesIO()
    encoder = layout.encoder(sink)
    encoder.write([b'{"id":"a"}'])
    encoder.close()
    assert parquet.ParquetFile(sink).metadata.row_group(0).column(2).compression == codec
    assert layout.suffix == ".parquet"
    assert layout.compressed(sink) is None
