"""Rows that stop a reader are rewritten, and every other one keeps its own letters."""

from __future__ import annotations

import json

import pytest

from airflow_provider_docsanalytics.export.drift import Drift
from airflow_provider_docsanalytics.export.readable import DEEPEST, readable

TAKEN = ("_project_id", "_date_from")
PLAIN = b'{"path":"/a","hits":1}'


@pytest.mark.parametrize(
    "row",
    [
        PLAIN,
        b"{}",
        rb'{"a":"\u00e9\ud83d\ude00 \"a\":1, \"a\":2","b":1.50,"big":12345678901234567890.10}',
        rb'{"\u0061":1,"b":[1.50,{"a":1,"b":{"a":1}},"a"]}',
        '{"é":"\u2028","n":[[[[{"a":{"b":{"c":{}}}}]]]],"x":1e999}'.encode(),
        b'{"a":%s%s}' % (b"[" * (DEEPEST - 1), b"]" * (DEEPEST - 1)),
    ],
)
def test_a_row_that_everybody_reads_keeps_its_own_letters(row: bytes) -> None:
    found = readable([PLAIN, row, PLAIN], TAKEN)
    assert list(found.rows) == [PLAIN, row, PLAIN]
    assert (found.repaired, found.drift) == (0, Drift())


def test_white_space_alone_is_no_repair() -> None:
    pretty = b'{\n  "a" : 1.50 ,\r\n\t"b": [ "x  y" ]\n}'
    assert readable([pretty]) == ([b'{"a" : 1.50 ,"b": [ "x  y" ]}'], 0, Drift())
    assert readable([b"{ \n }"]).rows == [b"{}"]


@pytest.mark.parametrize(
    ("row", "written"),
    [
        (rb'{"a":"x\ud83d","b":1.50}', '{"a":"x\ufffd","b":1.50}'),
        (rb'{"a":"\ude00\ud83d\ude00\uD83D"}', '{"a":"\ufffd\\ud83d\\ude00\ufffd"}'),
        (rb'{"a\ud83d":1}', '{"a\ufffd":1}'),
        (rb'{"a":[{"b":["\ud83d\n"]}]}', '{"a":[{"b":["\ufffd\\n"]}]}'),
        (rb'{"a":"\\ud83d \ud83d"}', '{"a":"\\\\ud83d \ufffd"}'),
    ],
)
def test_half_a_character_becomes_the_replacement_character(row: bytes, written: str) -> None:
    found = readable([PLAIN, row])
    assert list(found.rows) == [PLAIN, written.encode()]
    assert (found.repaired, found.drift) == (1, Drift())


@pytest.mark.parametrize(
    ("row", "written", "renamed"),
    [
        (b'{"a":1,"a":2}', b'{"a__1":1,"a":2}', ["a: a__1"]),
        (rb'{"a":1,"\u0061":2}', rb'{"a__1":1,"\u0061":2}', ["a: a__1"]),
        (
            b'{"a":1,"a__1":[],"a":2,"a":null}',
            b'{"a__2":1,"a__1":[],"a__3":2,"a":null}',
            ["a: a__2", "a: a__3"],
        ),
        (b'{"s":[{"t":1,"t":1}]}', b'{"s":[{"t__1":1,"t":1}]}', ["s.t: t__1"]),
        (
            b'{"a":{"b":{"c":{"d":{"e":1,"e":2}}}}}',
            b'{"a":{"b":{"c":{"d":{"e__1":1,"e":2}}}}}',
            ["a.b.c.d.e: e__1"],
        ),
        (
            b'{"_project_id":"other","_date_from":1,"_date_from":2}',
            b'{"_project_id__1":"other","_date_from__1":1,"_date_from__2":2}',
            [
                "_date_from: _date_from__1",
                "_date_from: _date_from__2",
                "_project_id: _project_id__1",
            ],
        ),
        (
            rb'{"\ud83d":1,"\ude00":2}',
            '{"\ufffd__1":1,"\ufffd":2}'.encode(),
            ["\ufffd: \ufffd__1"],
        ),
    ],
)
def test_a_name_that_comes_twice_or_is_taken_keeps_every_value(
    row: bytes, written: bytes, renamed: list[str]
) -> None:
    found = readable([row, PLAIN], TAKEN)
    assert list(found.rows) == [written, PLAIN]
    assert (found.repaired, found.drift) == (1, Drift(renamed=tuple(renamed)))


def test_names_of_ours_are_free_where_ours_stand_elsewhere() -> None:
    row = b'{"_project_id":"other"}'
    assert readable([row]).rows == [row]


@pytest.mark.parametrize("depth", [DEEPEST, 500, 50_000])
def test_a_value_nested_too_deeply_becomes_its_own_text(depth: int) -> None:
    row = b'{"a":%s"x\\ud83d"%s,"b":2}' % (b"[" * depth, b"]" * depth)
    found = readable([row])
    value = json.loads(found.rows[0])
    assert value["b"] == 2
    inner = value["a"]
    for _ in range(DEEPEST - 1):
        (inner,) = inner
    below = depth - DEEPEST + 1
    assert inner == "[" * below + '"x\ufffd"' + "]" * below
    assert found.drift.types == (f"a: nested beyond {DEEPEST} levels, kept as text",)


def test_an_odd_row_is_found_wherever_it_stands() -> None:
    odd = b'{"path":1,"path":2}'
    for at in (0, 255, 256, 999):
        rows = [PLAIN] * 1000
        rows[at] = odd
        found = readable(rows)
        assert [n for n, row in enumerate(found.rows) if row != PLAIN] == [at]
        assert found.repaired == 1
