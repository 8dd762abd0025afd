from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from airflow_provider_docsanalytics.export.drift import MAX_FINDINGS, Drift, RowSchema
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.export.formats.table import INEXACT
from airflow_provider_docsanalytics.export.part import Part
from airflow_provider_docsanalytics.export.writer import SAMPLE
from airflow_provider_docsanalytics.fields import Field, Kind
from tests.reliability import odd_rows

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = (
    Field("ctr", Kind.NUMBER, optional=True),  # before fields that there must be
    Field("id", Kind.TEXT),
    Field("at", Kind.TIMESTAMP, null=True),
    Field("hits", Kind.INTEGER),
    Field("ok", Kind.BOOLEAN, null=True, optional=True),
    Field("status", Kind.TEXT, optional=True, values=("open", "closed")),
    Field("sources", Kind.OBJECTS, optional=True, fields=(Field("url", Kind.TEXT),)),
    Field("range", Kind.OBJECT, optional=True, fields=(Field("from", Kind.TEXT),)),
)
AS_PROMISED = b'{"id":"a","at":"2026-01-01T00:00:00Z","hits":1'


def _drift(*rows: bytes, sample: int | None = None) -> Drift:
    return RowSchema(FIELDS, sample).check(rows)


@pytest.mark.parametrize(
    "more",
    [
        b"",
        b',"ctr":1',
        b',"ctr":0.5,"ok":null,"status":"open","sources":[]',
        b',"sources":[{"url":"u"}],"range":{"from":"x"}',
        rb',"sources":[{"url":"\ud83d"}]',
        b',"ctr":33.333333333333336,"hits":12.0,"at":"2026-01-01T00:00:00.123456000Z"',
    ],
)
def test_rows_as_the_table_has_them_are_no_drift(more: bytes) -> None:
    null = b'{"id":"\\ud83d","at":null,"hits":1'
    assert _drift(AS_PROMISED + more + b"}", null + more + b"}") == Drift()
    assert not _drift(b"\n " + AS_PROMISED + more + b" }\n")


@pytest.mark.parametrize(
    ("more", "drift"),
    [
        (b'"language":"en"', Drift(new=("language",))),
        (b'"sources":[{"url":"u"},{"url":"u","rank":1}]', Drift(new=("sources.rank",))),
        (b'"sources":[{}],"range":{}', Drift(missing=("range.from", "sources.url"))),
        (b'"hits":"many"', Drift(types=("hits: text instead of integer",))),
        (b'"hits":1.5', Drift(types=("hits: number instead of integer",))),
        (b'"hits":true', Drift(types=("hits: boolean instead of integer",))),
        (b'"hits":9223372036854775808', Drift(types=(f"hits: {INEXACT}",))),
        (b'"hits":null', Drift(types=("hits: null instead of integer",))),
        (b'"ctr":1e999', Drift(types=(f"ctr: {INEXACT}",))),
        (b'"ctr":0.12345678901234567', Drift(types=(f"ctr: {INEXACT}",))),
        (b'"ctr":9007199254740993', Drift(types=(f"ctr: {INEXACT}",))),
        (b'"ctr":1e-400', Drift(types=(f"ctr: {INEXACT}",))),
        (b'"status":null', Drift(types=("status: null instead of text",))),
        (b'"at":"2026-01-01"', Drift(types=("at: text instead of timestamp",))),
        (b'"at":"2026-01-01T00:00:00"', Drift(types=("at: text instead of timestamp",))),
        (b'"at":1767225600', Drift(types=("at: number instead of timestamp",))),
        (
            b'"at":"2026-01-01T00:00:00.1234567Z"',
            Drift(types=("at: finer than microseconds",)),
        ),
        (
            b'"at":"9999-12-31T23:59:59-14:00"',
            Drift(types=("at: outside the years 1 to 9999 in UTC",)),
        ),
        (b'"sources":{"url":"u"}', Drift(types=("sources: object instead of list of objects",))),
        (b'"sources":["u"]', Drift(types=("sources: text in a list of objects",))),
        (b'"range":[]', Drift(types=("range: list instead of object",))),
        (b'"status":"archived"', Drift(values=("status: archived",))),
    ],
)
def test_what_is_different_is_named(more: bytes, drift: Drift) -> None:
    assert _drift(AS_PROMISED + b"}", AS_PROMISED + b"," + more + b"}") == drift


def test_a_field_that_is_gone_is_named_even_if_only_some_rows_lack_it() -> None:
    assert _drift(AS_PROMISED + b"}", b'{"id":"a","hits":1}') == Drift(missing=("at",))
    assert _drift(b"{}").missing == ("at", "hits", "id")


def test_findings_of_all_pages_are_put_together_each_once() -> None:
    one, other = Drift(new=("b",), values=("s: x",)), Drift(new=("a", "b"), missing=("c",))
    assert one | other == other | one == Drift(("a", "b"), ("c",), (), ("s: x",))
    assert one | Drift() == one
    assert bool(one)


def test_a_sample_is_spread_over_the_page_and_a_small_page_is_read_whole() -> None:
    rows = [AS_PROMISED + b',"n%d":1}' % number for number in range(1000)]
    seen = [int(name[1:]) for name in _drift(*rows, sample=10).new]
    assert sorted(seen) == list(range(0, 1000, 100))
    assert len(_drift(*rows[:10], sample=10).new) == 10
    assert len(_drift(*rows[:11], sample=10).new) == 6


def test_a_service_that_makes_up_names_cannot_fill_the_manifest() -> None:
    row = msgspec.json.encode({f"{number:03}" + "x" * 10_000: 1 for number in range(500)})
    drift = _drift(row)
    assert len(drift.new) == MAX_FINDINGS
    assert max(map(len, drift.new)) == 100
    assert len((drift | _drift(b'{"a":1}')).new) == MAX_FINDINGS


def test_names_and_values_that_are_half_characters_can_be_written() -> None:
    drift = _drift(AS_PROMISED + rb',"\ud83d":1,"status":"\ud83d"}')
    assert drift == Drift(new=(r"\ud83d",), values=(r"status: \ud83d",))
    assert msgspec.json.decode(str(drift), type=Drift) == drift


def test_half_a_character_for_an_instant_is_drift_and_no_crash() -> None:
    drift = _drift(rb'{"id":"a","at":"\ud83d","hits":1}')
    assert drift == Drift(types=("at: text instead of timestamp",))


def test_every_format_finds_the_same_drift(tmp_path: Path) -> None:
    random = Random(1)  # noqa: S311 - to be the same again
    pages = [[odd_rows.row(random, typed=False) for _ in range(SAMPLE)] for _ in range(20)]
    for rows in pages:
        found = []
        for file_format in ("jsonl", "csv", "parquet"):
            output_format = OutputFormat(file_format, None, {}, odd_rows.FIELDS)
            part = Part("part", (tmp_path / "spool").open("xb"), output_format)
            written = part.write(rows)
            part.close()
            drift = RowSchema(odd_rows.FIELDS, SAMPLE).check(written.unsure)
            found.append((written.repaired, written.drift, drift))
        assert found == found[:1] * 3


def test_a_row_too_deep_to_read_is_drift_and_no_crash() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    found = _drift(AS_PROMISED + b',"deep":' + deep + b"}")
    assert found.types[0].startswith("a row that cannot be read: maximum recursion depth")


def test_without_a_table_there_is_nothing_to_differ_from() -> None:
    assert RowSchema((), None).check([b'{"a":1}']) == Drift()
