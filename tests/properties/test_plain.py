"""A page that is called plain is read as any other page is, and needs no other check."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_docsanalytics.api._fields import extract_rows
from airflow_provider_docsanalytics.api._plain import plain_page
from airflow_provider_docsanalytics.api._response import parse_body
from airflow_provider_docsanalytics.api.endpoint import Body
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.export.readable import Readable, readable

SELECTION = MINTLIFY.select("conversations", project_id="p")
ENDPOINT = SELECTION.endpoint
VIEWS_SELECTION = MINTLIFY.select("views", project_id="p")
VIEWS = VIEWS_SELECTION.endpoint
ROW: dict[str, Any] = {
    "id": "1",
    "timestamp": "2026-01-01T00:00:00Z",
    "query": "?",
    "response": "!",
    "sources": [{"title": "t", "url": "/"}],
    "queryCategory": None,
}
TEXT = st.text(max_size=8)
# What a service may write in another way, or where something else is expected.
NAMES = st.sampled_from([b'"id"', b'"pageUrl"', rb'"\u0069d"', b'"new"', b'"title"', b'"sources"'])
VALUES = st.sampled_from(
    [
        *(b'"a"', b"null", b'""', b"[]", b"{}", b"1", b"-0", b"1e3", b"true", b'"\xff"', b'"\\/"'),
        *(
            rb'"\u00e9"',
            rb'"\ud83d"',
            b'"\xc3\xa9"',
            b'[{"title":"t","url":"u"}]',
            b'{"a":1,"a":2}',
        ),
        *(b'[{"title":"t","url":"u","url":"v"}]', b'[{"url":"u","title":"t"},{}]', b'"b" '),
    ]
)
MEMBERS = st.lists(st.tuples(NAMES, VALUES), max_size=3)
OTHERS = st.sampled_from(
    [
        b'"nextCursor":null,"hasMore":false',
        b'"hasMore":false,"nextCursor":"a\\"conversations\\":[b"',
        b'"hasMore": false',
        b'"hasMore":true,"hasMore":false',
        b'"conversations":[]',
        b'"more":1',
        b'"nextCursor":""}\n',
    ]
)


def _count(value: Any) -> int:
    """Return how many values a decoded value has, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, inner))


def _row(members: list[tuple[bytes, bytes]], more: list[tuple[bytes, bytes]]) -> bytes:
    return b"{%b}" % b",".join(b"%b:%b" % pair for pair in members + more)


def _usual(values: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(b'"%b"' % name.encode(), _compact(value)) for name, value in (ROW | values).items()]


def _compact(value: Any) -> bytes:
    """Return JSON as JavaScript writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@given(
    st.lists(st.tuples(MEMBERS, st.permutations(range(len(ROW)))), max_size=3),
    OTHERS,
    st.booleans(),
    st.sampled_from([b",", b", "]),
)
def test_a_plain_page_has_the_rows_and_fields_that_the_slow_way_finds(
    rows: list[tuple[list[tuple[bytes, bytes]], list[int]]],
    others: bytes,
    rows_first: bool,  # noqa: FBT001 - drawn by hypothesis
    comma: bytes,
) -> None:
    usual = _usual({})
    texts = [_row([usual[at] for at in order], more) for more, order in rows]
    array = b'"conversations":[%b]' % comma.join(texts)
    content = b"{%b}" % b",".join([array, others] if rows_first else [others, array])
    page = plain_page(ENDPOINT, content)
    if page is None:
        return
    slow = Body.parse(content)
    assert page.rows == extract_rows(SELECTION, slow) == texts
    assert {"conversations"} | page.fields.keys() == slow.fields.keys()
    assert all(bytes(raw) == bytes(slow.fields[name]) for name, raw in page.fields.items())
    assert readable(page.rows, ("_project_id",)) == Readable(page.rows)
    assert page.values >= _count(json.loads(content))


@given(st.lists(st.fixed_dictionaries({"response": TEXT, "queryCategory": TEXT | st.none()})))
def test_a_page_as_the_service_writes_it_is_plain(rows: list[dict[str, Any]]) -> None:
    texts = [_row(_usual(row), []) for row in rows]
    response = {"conversations": [ROW | row for row in rows], "nextCursor": "a", "hasMore": True}
    content = _compact(response)
    page = plain_page(ENDPOINT, content + b"\n")
    assert page is not None
    assert page.rows == texts


@pytest.mark.parametrize("more", [b',"sources":[{}]', b" ", b',"new":1', b',"id":"2"'])
def test_one_row_that_is_not_plain_is_enough(more: bytes) -> None:
    text = _compact(ROW)
    odd = text[:-1] + more + b"}"
    content = b'{"conversations":[%b,%b],"nextCursor":null,"hasMore":false}'
    assert plain_page(ENDPOINT, content % (text, text)) is not None
    assert plain_page(ENDPOINT, content % (text, odd)) is None


def test_an_object_with_the_name_of_the_rows_is_not_taken_for_them() -> None:
    row = _compact({"path": "/", "human": 0, "ai": 0, "total": 0})
    content = b'{"totals":{"views":[]},"views":[%b],"hasMore":false}' % row
    assert plain_page(VIEWS, content) is None
    page = plain_page(VIEWS, content.replace(b'{"views":[]}', b"{}"))
    assert page is not None
    assert page.rows == [row]


def test_rows_without_their_fields_are_not_plain_because_they_take_more_memory_than_text() -> None:
    assert plain_page(VIEWS, b'{"views":[{},{}],"hasMore":false}') is None


FLAT = {"path": "", "human": 0, "ai": 0, "total": 0}
NESTED = ROW | {"sources": [{"title": "", "url": ""}] * 12_000}


@pytest.mark.parametrize(
    ("endpoint", "row", "rows", "others"),
    [("views", FLAT, 90_000, {}), ("conversations", NESTED, 12, {"nextCursor": None})],
)
def test_a_plain_page_can_hold_too_many_values_too(
    endpoint: str, row: dict[str, Any], rows: int, others: dict[str, None]
) -> None:
    selection = MINTLIFY.select(endpoint, project_id="p")
    content = _compact({endpoint: [row] * rows, **others, "hasMore": False})
    assert plain_page(selection.endpoint, content) is not None
    with pytest.raises(BadResponse, match="values"):
        parse_body(content, selection)


def test_a_plain_page_of_more_rows_than_were_requested_is_no_page() -> None:
    content = b'{"views":[%b],"hasMore":false}' % b",".join([_compact(FLAT)] * 8)
    body = parse_body(content, VIEWS_SELECTION)
    assert body.plain_rows is not None
    assert len(extract_rows(VIEWS_SELECTION, body, most=8)) == 8
    with pytest.raises(BadResponse, match="8 rows in the response to a request for at most 7"):
        extract_rows(VIEWS_SELECTION, body, most=7)


def test_a_large_page_is_not_decoded_at_once() -> None:
    row = _compact({"path": "x" * 100_000, "human": 0, "ai": 0, "total": 0})
    small, large = (b'{"views":[%b],"hasMore":true}' % b",".join([row] * rows) for rows in (2, 50))
    assert plain_page(VIEWS, small) is not None
    assert plain_page(VIEWS, large) is None
