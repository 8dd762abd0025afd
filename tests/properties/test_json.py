"""Any JSON that a service can send is cut, written and read back as it is."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._fields import extract_rows
from airflow_provider_docsanalytics.api.endpoint import Body
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.export.readable import readable

CONTEXT = {"_project_id": "p", "_date_from": "2026-01-01"}
TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
"""Lone surrogates, line breaks of every kind and NUL included."""
SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
HUGE = st.integers(-(10**40), 10**40)
VALUE = st.recursive(
    SCALAR | HUGE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(TEXT, VALUE, max_size=4), max_size=4)
STYLE = st.sampled_from([None, 0, 2, "\t"])


def _spell(value: Any, indent: Any) -> bytes:
    """Return JSON text: escaped where it has a lone surrogate, else sometimes as UTF-8."""
    try:
        return json.dumps(value, indent=indent, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent).encode()


def _whole(value: Any) -> Any:
    """Return a value with half characters replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


@given(ROWS, STYLE)
def test_rows_come_through_the_answer_and_the_encoder(
    rows: list[dict[str, Any]], indent: Any
) -> None:
    answer = _spell({"views": rows, "hasMore": False}, indent)
    selection = MINTLIFY.select("views", project_id="p")
    cut = extract_rows(selection, Body.parse(answer))
    file = io.BytesIO()
    encoder = OutputFormat("jsonl", None, CONTEXT, ()).encoder(file)
    encoder.write(readable(cut, CONTEXT).rows)
    encoder.close()
    lines = file.getvalue().split(b"\n")
    assert lines.pop() == b""
    expected = [_whole(row) for row in rows]
    assume(json.dumps(expected).count('":') == json.dumps(rows).count('":'))  # else names meet
    assert [json.loads(line) for line in lines] == [CONTEXT | row for row in expected]


@given(VALUE, STYLE)
def test_a_value_is_read_and_written_as_the_standard_library_does(value: Any, indent: Any) -> None:
    text = _spell(value, indent)
    assert _json.value(text) == value
    assert json.loads(_json.dump(value)) == value


@given(st.binary(max_size=40) | VALUE.map(lambda value: _spell(value, None)), st.data())
def test_bytes_that_are_not_what_was_asked_for_are_told_and_nothing_else(
    text: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    for broken in (text[:at], text[:at] + b"\xff" + text[at:], b'{"a":%s' % text, b"{%s}" % text):
        for read in (_json.members, _json.elements, _json.value):
            try:
                read(broken)
            except _json.NotJson:
                continue
