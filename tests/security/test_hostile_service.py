"""A service in an attacker's hands: its cursors, IDs, numbers and headers."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics._retry import Wait, decide
from airflow_provider_docsanalytics.api import _response
from airflow_provider_docsanalytics.api._response import PIECE_BYTES, gunzip
from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import (
    ApiError,
    BadResponse,
    ConfigError,
    RateLimited,
    ServerError,
    Unreachable,
)
from tests.security.conftest import DAY, KEY, failure, read
from tests.security.servers import Listener, answer

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

QUERY = {"dateFrom": DAY.date_from, "dateTo": DAY.date_to}


def _page(cursor: object) -> bytes:
    body = {"feedback": [{"id": "1"}], "hasMore": True, "nextCursor": cursor}
    return answer(200, json.dumps(body).encode())


@pytest.mark.parametrize(
    "cursor",
    [
        "a&dateFrom=1970-01-01&limit=1",
        "a#b",
        "a?b=c",
        "../../../admin",
        "a\r\nX-Evil: 1\r\n\r\nGET /x HTTP/1.1",
        "a\x00b",
        "%26%23%0d%0a",
        "\N{RIGHT-TO-LEFT OVERRIDE}\N{SNOWMAN}",
        "{project_id}",
        "x" * 1024,
    ],
)
def test_a_cursor_of_any_text_comes_back_as_one_parameter(service: Simulator, cursor: str) -> None:
    body = {"feedback": [{"id": "1"}], "hasMore": True, "nextCursor": cursor}
    service.add_faults([{"kind": "body", "body": json.dumps(body)}])
    selection = MINTLIFY.select("feedback", project_id=service.project_id, window=DAY)
    with (
        Client(Settings(service.url, service.mintlify_key, max_attempts=1)) as client,
        pytest.raises(ApiError),  # the simulator knows no such cursor
    ):
        list(client.iter_pages(selection))
    _, second = service.requests
    assert second["path"] == f"/v1/analytics/{service.project_id}/feedback"
    assert second["query"] == {**QUERY, "limit": "100", "cursor": cursor}


@pytest.mark.parametrize("cursor", [7, 1.5, True, ["a"], {"a": 1}, "x" * 1025, "x" * 10_000_000])
def test_a_cursor_that_is_none_is_not_followed(cursor: object) -> None:
    with Listener(_page(cursor)) as service:
        error = failure(service.url, "feedback")
    assert isinstance(error, BadResponse)
    assert "nextCursor" in str(error)
    assert len(service.heard) == 1


@pytest.mark.parametrize("escaped", [r'"\ud800"', r'"\u0000\ud83d"', '"\x00"', "NaN", "[" * 9999])
def test_a_cursor_that_no_json_reader_agrees_on_is_not_followed(escaped: str) -> None:
    body = b'{"feedback":[],"hasMore":true,"nextCursor":%s}' % escaped.encode()
    with Listener(answer(200, body)) as service:
        assert isinstance(failure(service.url, "feedback"), BadResponse)
    assert len(service.heard) == 1


NO_POSITIONS = ["-1", "x", "1.5", "1_0", "+1", " 1", "9" * 5000]
NO_STATES = [
    "",
    "1",
    "{",
    "[" * 9999,
    '{"pending":[],"sums":{}}',
    '{"pending":[["a","b"]],"sums":{}}',
]


@pytest.mark.parametrize(
    ("endpoint", "cursor"),
    [
        *(("views", cursor) for cursor in NO_POSITIONS),
        *(("threads", cursor) for cursor in [*NO_POSITIONS, "99"]),
        *(("feedback_by_page", cursor) for cursor in NO_STATES),
    ],
)
def test_a_cursor_from_a_file_that_is_none_is_refused_before_a_request(
    service: Simulator, endpoint: str, cursor: str
) -> None:
    arguments: dict[str, Any] = {"thread_ids": ["a"]} if endpoint == "threads" else {"window": DAY}
    selection = MINTLIFY.select(endpoint, project_id=service.project_id, **arguments)
    with (
        Client(Settings(service.url, service.mintlify_key)) as client,
        pytest.raises(ConfigError, match=r"is no cursor that this .*\nStart without a cursor"),
    ):
        list(client.iter_pages(selection, cursor))
    assert service.requests == []


@pytest.mark.parametrize("sums", [{}, {"path": "/a", "thumbsUp": "1"}, {"path": 7}])
def test_sums_from_a_file_that_are_none_are_an_error_that_says_so(sums: dict[str, Any]) -> None:
    state = {"pending": [[DAY.date_from, DAY.date_to]], "sums": {"/a": sums}}
    row = {"path": "/a", "thumbsUp": 1, "thumbsDown": 1, "code": 1, "total": 3}
    body = json.dumps({"feedback": [row], "hasMore": False}).encode()
    selection = MINTLIFY.select("feedback_by_page", project_id="p", window=DAY)
    with (
        Listener(answer(200, body)) as service,
        Client(Settings(service.url, KEY)) as client,
        pytest.raises(BadResponse, match="count that is not a number"),
    ):
        list(client.iter_pages(selection, json.dumps(state)))


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_compressed_answers_that_are_cut_off_or_damaged_are_no_answers(cut: int) -> None:
    packed = gzip.compress(json.dumps({"web": 1, "api": 2, "other": 3, "total": 6}).encode())
    for body in (packed[:-cut], packed + b"x", b"{}" + packed):
        with Listener(answer(200, body, Content_Encoding="gzip")) as service:
            error = failure(service.url)
        assert isinstance(error, Unreachable)
        assert re.search("gzip|decompress", str(error))


def test_what_swells_is_never_held_in_more_than_a_piece() -> None:
    sizes = [len(piece) for piece in gunzip([gzip.compress(bytes(10 * 2**20))])]
    assert sum(sizes) == 10 * 2**20
    assert max(sizes) <= PIECE_BYTES


def test_a_response_may_be_as_large_as_the_limit_and_no_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_response, "MAX_BODY_BYTES", 2**20)
    body = b'{"total":0}'.ljust(2**20)
    with Listener(answer(200, body)) as service:
        assert read(service.url)[0].totals == {"total": 0}
    with Listener(answer(200, body + b" ")) as service:
        said = str(failure(service.url))
    assert "caller_stats" in said
    assert "a response of more than 1 MiB." in said
    assert "\nUse a narrower window" in said


@pytest.mark.parametrize("before", ["", "x"])
def test_a_200_with_an_error_is_quoted_also_if_the_cut_is_within_a_character(before: str) -> None:
    body = json.dumps({"error": before + "é" * 400}, ensure_ascii=False).encode()
    with Listener(answer(200, body)) as service:
        error = failure(service.url)
    assert isinstance(error, BadResponse)
    assert f'"{before}{"é" * 200}' in str(error)


def test_a_coding_that_was_not_asked_for_is_refused() -> None:
    with Listener(answer(200, b"{}", Content_Encoding="br")) as service:
        error = failure(service.url)
    assert isinstance(error, BadResponse)
    assert "Content-Encoding" in str(error)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, ServerError)])
def test_an_error_in_any_coding_is_what_its_status_says(status: int, kind: type[ApiError]) -> None:
    with Listener(answer(status, b"\x8b\x00\xff", Content_Encoding="br")) as service:
        assert isinstance(failure(service.url), kind)


def test_gzip_in_several_members_is_read_whole() -> None:
    text = json.dumps({"web": 1, "api": 2, "other": 3, "total": 6}).encode()
    body = gzip.compress(text[:9]) + gzip.compress(text[9:])
    selection = MINTLIFY.select("caller_stats", project_id="p", window=DAY)
    with (
        Listener(answer(200, body, Content_Encoding="gzip")) as service,
        Client(Settings(service.url, KEY)) as client,
    ):
        (page,) = client.iter_pages(selection)
    assert page.totals["total"] == 6


def test_totals_that_would_fill_a_database_are_refused() -> None:
    body = json.dumps({"web": "x" * 70_000}).encode()
    with Listener(answer(200, body)) as service:
        assert "'web' of the response is longer than" in str(failure(service.url))


@pytest.mark.parametrize("total", [r'"\ud800"', r'{"\udfff":1}', "1e999", r'["\ud800",1e999]'])
def test_totals_that_no_manifest_can_keep_are_refused(total: str) -> None:
    with Listener(answer(200, b'{"web":%s}' % total.encode())) as service:
        error = failure(service.url)
    assert isinstance(error, BadResponse)
    assert "'web'" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999999999",
        "Mon, 01 Jan 99999999999999 00:00:00 GMT",
        "9" * 5000,
        "-9e99",
        "nan",
        "inf",
        "1e309",
        "\x00",
        "Mon, 01 Jan 2026",
        "Mon, 01 Jan 2026 00:00:00 -0000",
    ],
)
def test_a_wait_that_no_clock_knows_is_no_wait_and_no_crash(text: str) -> None:
    with Listener(answer(429, Retry_After=text)) as service:
        error = failure(service.url)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s in (None, 0.0)


def test_a_thousand_waits_without_retry_after_are_as_long_as_the_longest() -> None:
    assert decide(RateLimited(429, "views", "no"), 5000) == Wait(900)


def test_cookies_of_a_service_change_nothing() -> None:
    with Listener(answer(200, b'{"total":0}', Set_Cookie="a=b; Domain=.com; Path=/")) as service:
        assert read(service.url)[0].next_cursor is None
