from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics import _json

if TYPE_CHECKING:
    from collections.abc import Callable

LONE = rb'{ "rows" : [ {"a":"\ud83d"} , {"b": 1.50, "a":[]} ], "n": null }'


def test_slices_are_verbatim() -> None:
    text = b'{"rows": [{"a": 1.50, "b": "\xc3\xa9\\u00e9"}, {}], "big": 12345678901234567890.10}'
    found = _json.members(text)
    assert bytes(found["big"]) == b"12345678901234567890.10"
    assert [bytes(row) for row in _json.elements(found["rows"])] == [
        b'{"a": 1.50, "b": "\xc3\xa9\\u00e9"}',
        b"{}",
    ]


def test_half_an_emoji_is_kept_as_the_service_sent_it() -> None:
    found = _json.members(LONE)
    rows = _json.elements(found["rows"])
    assert bytes(found["n"]) == b"null"
    assert [bytes(row) for row in rows] == [rb'{"a":"\ud83d"}', b'{"b": 1.50, "a":[]}']
    assert _json.value(rows[0]) == {"a": "\ud83d"}


@pytest.mark.parametrize(
    "text",
    [
        rb'{"a":"\ud83d",}',
        rb'{"a":"\ud83d"} x',
        rb'{"\ud83d":1, 2:3}',
        rb'{"\ud83d" 1}',
        rb'{"a":"\ud83d" "b":1}',
        rb'["\ud83d"]',
        b"<html>",
        b"",
        b'{"a":NaN}',
        rb'{"a":"\ud83d","b":NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_a_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(_json.NotJson):
        _json.members(text)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_have_is_named(name: str) -> None:
    with pytest.raises(_json.NotJson, match=f"^{name} is not JSON$"):
        _json.value(rb'{"a":"\ud83d","b":%s}' % name.encode())


@pytest.mark.parametrize("read", [_json.members, _json.value])
@pytest.mark.parametrize("text", [b'{"rows":[{"a":"b\\u00e9"}, 12, true]}', LONE])
def test_truncated_json_is_distinguished_from_invalid_json(
    read: Callable[[bytes], object], text: bytes
) -> None:
    for end in range(1, len(text)):
        with pytest.raises(_json.NotJson) as cut:
            read(text[:end])
        assert cut.value.truncated, text[:end]
    with pytest.raises(_json.NotJson) as wrong:
        read(text[1:])
    assert not wrong.value.truncated
