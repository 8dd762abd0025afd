"""Answers that swell: few bytes, and so many values that decoding them would fill the memory."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._fields import MOST_ROW_VALUES
from airflow_provider_docsanalytics.api._response import MAX_ERROR_BYTES, MOST_VALUES
from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import (
    ApiError,
    AuthError,
    BadResponse,
    NotFound,
    ServerError,
)
from tests.security.conftest import DAY, KEY, failure, read
from tests.security.servers import Listener, answer

MANY = 2 * MOST_VALUES


def _many(value: bytes) -> bytes:
    return b",".join([value] * MANY)


DENSE = {
    "rows": ("views", b'{"views":[%s],"hasMore":false}' % _many(b"{}")),
    "rows without a limit": ("caller_stats", b'{"total":[%s]}' % _many(b"{}")),
    "numbers": ("caller_stats", b'{"total":[%s]}' % _many(b"0")),
    "texts": ("caller_stats", b'{"total":["a",%s]}' % _many(rb'"\"{["')),
    "members": ("caller_stats", b"{%s}" % b",".join(b'"%d":0' % n for n in range(MANY))),
    "lists": ("views", b'{"views":[{"a":%s%s}],"hasMore":false}' % (b"[" * MANY, b"]" * MANY)),
    "errors": ("views", b'{"views":[],"hasMore":false,"errors":[%s]}' % _many(b"{}")),
}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("what", DENSE)
def test_an_answer_of_more_values_than_memory_has_room_for_is_not_decoded(
    what: str, coding: str
) -> None:
    endpoint, body = DENSE[what]
    sent = gzip.compress(body) if coding == "gzip" else body
    with Listener(answer(200, sent, Content_Encoding=coding)) as service:
        error = failure(service.url, endpoint)
    assert isinstance(error, BadResponse)
    assert "values" in str(error)
    assert "Use a narrower window" in str(error)


def test_a_row_of_more_values_than_memory_has_room_for_is_not_decoded() -> None:
    numbers = b",".join([b"0"] * (MOST_ROW_VALUES + 1000))
    assert _json.values(numbers) < MOST_VALUES  # the answer as a whole would do
    with Listener(answer(200, b'{"views":[{"a":[%s]}],"hasMore":false}' % numbers)) as service:
        error = failure(service.url, "views")
    assert isinstance(error, BadResponse)
    assert "a row that holds more than" in str(error)


def test_an_answer_of_many_groups_is_read() -> None:
    numbers = [{"phone_number": f"+1555{n:07}", "total_calls": n, "b": 0.5} for n in range(50_000)]
    answered = {"success": True, "message": "", "data": {"phone_numbers": numbers}}
    body = json.dumps(answered, separators=(",", ":")).encode()
    assert _json.values(body) > MOST_VALUES / 2
    with (
        Listener(answer(200, body)) as service,
        Client(Settings(service.url, KEY)) as client,
    ):
        (page,) = client.iter_pages(VYOM.select("calls_by_phone_number", window=DAY))
    assert len(page.rows) == len(numbers)


PROSE = 'Set `{"a": [1, 2, 3]}`, then \\ ["x", "y"], and so on: \\" [[[{{{,,, \N{GRINNING FACE}'


def test_a_page_full_of_text_about_code_is_read() -> None:
    rows = [{"path": f"/{n}", "text": PROSE * 2000} for n in range(50)]
    body = json.dumps({"views": rows, "hasMore": False}).encode()
    assert _json.values(body) > 5 * MOST_VALUES
    with Listener(answer(200, body)) as service:
        (page,) = read(service.url, "views")
    assert page.decode() == rows


def _paged(endpoint: str, rows: int) -> bytes:
    row = {"path": "/", "thumbsUp": 1, "thumbsDown": 1, "code": 1, "total": 3}
    key = MINTLIFY.endpoint(endpoint).rows_key
    body: dict[str, Any] = {key: [{**row, "n": n} for n in range(rows)]}
    return answer(200, json.dumps(body | {"hasMore": False, "nextCursor": None}).encode())


PAGED = [name for name, row in MINTLIFY.endpoints.items() if row.page_size]


@pytest.mark.parametrize("endpoint", PAGED)
def test_more_rows_than_were_asked_for_are_no_page(endpoint: str) -> None:
    most = MINTLIFY.endpoint(endpoint).page_size
    with Listener(_paged(endpoint, most + 1)) as service:
        error = failure(service.url, endpoint)
    assert isinstance(error, BadResponse)
    assert f"{most + 1} rows in the response to a request for at most {most}" in str(error)


@pytest.mark.parametrize("endpoint", PAGED)
def test_as_many_rows_as_were_asked_for_are_a_page(endpoint: str) -> None:
    most = MINTLIFY.endpoint(endpoint).page_size
    with Listener(_paged(endpoint, most)) as service:
        (page,) = read(service.url, endpoint)
    assert len(page.rows) == most


def test_a_smaller_page_that_was_asked_for_bounds_the_rows_too() -> None:
    selection = MINTLIFY.select("conversations", project_id="p", window=DAY, page_size=7)
    with (
        Listener(_paged("conversations", 8)) as service,
        Client(Settings(service.url, KEY)) as client,
        pytest.raises(BadResponse, match="8 rows in the response to a request for at most 7"),
    ):
        list(client.iter_pages(selection))


@pytest.mark.parametrize("depth", [33, 900])
def test_totals_that_xcom_cannot_take_are_refused(depth: int) -> None:
    body = b'{"total":%s"]["%s}' % (b"[" * depth, b"]" * depth)
    with Listener(answer(200, body)) as service:
        assert "'total' of the response is nested deeper than 32" in str(failure(service.url))


def test_totals_as_deep_as_allowed_are_read() -> None:
    body = b'{"total":%s"][[[[["%s}' % (b"[" * 32, b"]" * 32)
    with Listener(answer(200, body)) as service:
        assert read(service.url)[0].totals == json.loads(body)


LONG = MAX_ERROR_BYTES - 100
BODIES = {
    "one word": b'{"error":"%s"}' % (b"x" * LONG),
    "a thread and a word": b'{"error":"thread %s"}' % (b"x" * LONG),
    "titles": b"<title>" * (LONG // 7),
    "titles and blanks": b"<title>" + b" " * LONG,
    "empty objects": b'{"error":[%s]}' % b",".join([b"{}"] * (LONG // 3)),
    "deep": b'{"error":%s%s}' % (b"[" * 900, b"]" * 900),
    "details": b'{"error":"e","details":[%s]}' % b",".join([b'{"message":"m"}'] * (LONG // 16)),
    "slashes": b'{"error":"thread %s"}' % (b"/" * LONG),
}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthError), (404, NotFound), (500, ServerError)]
)
def test_an_error_of_any_words_is_what_its_status_says(
    what: str, status: int, kind: type[ApiError], coding: str
) -> None:
    body = BODIES[what]
    sent = gzip.compress(body + b" " * 30_000_000) if coding == "gzip" else body
    with Listener(answer(status, sent, Content_Encoding=coding)) as service:
        error = failure(service.url)
    page = status == 401 and what.startswith("titles")
    assert isinstance(error, kind) or page
    assert len(str(error)) < 2000
