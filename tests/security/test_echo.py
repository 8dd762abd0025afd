"""A service that says the key back, or writes lines into our logs, is quoted without either."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import (
    ApiError,
    BadResponse,
    DocsAnalyticsError,
    Unreachable,
)
from tests.security.conftest import DAY, KEY, failure, printed, read
from tests.security.servers import Listener, answer

FORMS = {
    "as it is": KEY,
    "in lower case": KEY.lower(),
    "quoted": quote(KEY, safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 after one": base64.b64encode(f":{KEY}".encode()).decode(),
    "base64 of the header": base64.b64encode(f"Bearer {KEY} and more".encode()).decode(),
}
# Enough of each form to know the key from; the ends of base64 depend on what stands around it.
TELLING = {name: text[12:-12] if "base64" in name else text for name, text in FORMS.items()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_an_error_that_echoes_the_key_is_told_without_it(status: int, form: str) -> None:
    details = [{"message": f"header was {FORMS[form]}"}]
    body = json.dumps({"error": f"bad key {FORMS[form]}!", "details": details}).encode()
    with Listener(answer(status, body)) as service:
        error = failure(service.url)
    assert isinstance(error, ApiError)
    assert error.detail == "bad key ***!; header was ***" or form.startswith("base64")
    assert error.detail.startswith("bad key ")
    assert TELLING[form] not in printed(error)


def test_a_key_at_the_cut_does_not_leave_its_first_half() -> None:
    body = json.dumps({"error": "x" * 490 + KEY}).encode()
    with Listener(answer(400, body)) as service:
        error = failure(service.url)
    assert KEY[:8] not in printed(error)


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, f"<html>Authorization: Bearer {KEY}</html>".encode(), Content_Type="a/b"),
        answer(200, b"x" * 90 + KEY.encode()),
        answer(200, b"no", Content_Type=f"text/{KEY}"),
        answer(200, json.dumps([KEY]).encode()),
        answer(302, Location=f"https://{KEY.replace('/', '')}.example.com?{KEY}"),
        f"HTTP/1.1 500 {KEY}\r\nContent-Length: 0\r\n\r\n".encode(),
        f"HTTP/9 {KEY}\r\n\r\n".encode(),
        f"{KEY} is not HTTP\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode(),
        answer(200, KEY.encode(), Content_Encoding="gzip"),
    ],
)
def test_an_answer_that_is_none_is_quoted_without_the_key(reply: bytes) -> None:
    with Listener(reply) as service:
        error = failure(service.url)
    assert isinstance(error, ApiError | BadResponse | Unreachable)


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("feedback", {KEY: 1}),
        ("feedback", {"feedback": [], "hasMore": KEY, "nextCursor": None}),
        ("feedback", {"feedback": KEY, "hasMore": False, "nextCursor": None}),
        ("feedback_by_page", {"feedback": [{KEY: 1}], "hasMore": False}),
    ],
)
def test_names_in_an_answer_are_listed_without_the_key(endpoint: str, body: Any) -> None:
    with Listener(answer(200, json.dumps(body).encode())) as service:
        error = failure(service.url, endpoint)
    assert isinstance(error, BadResponse)


@pytest.mark.parametrize(
    "body", [{"success": False, "data": {}, "message": KEY}, {KEY: KEY}, {"success": KEY}]
)
def test_vyoms_envelope_is_quoted_without_the_key(body: Any) -> None:
    selection = VYOM.select("dashboard", window=DAY)
    with Listener(answer(200, json.dumps(body).encode())) as service:
        settings = Settings(service.url, KEY, max_attempts=1)
        with Client(settings) as client, pytest.raises(BadResponse) as failed:
            next(client.iter_pages(selection))
    assert KEY not in printed(failed.value)


FORGERY = "no\n2026-01-01 INFO everything is fine\r\x1b[2K\x1b]0;title\x07\u2028\u202e\x00"


@pytest.mark.parametrize(
    "reply",
    [
        answer(400, json.dumps({"error": FORGERY}).encode()),
        answer(200, FORGERY.encode()),
        answer(200, json.dumps({FORGERY: 1}).encode()),
        answer(200, b"no", Content_Type="a\x1b[2K/\x9bb"),
        "HTTP/1.1 500 \x1b[2Kfine\x9b\r\nContent-Length: 0\r\n\r\n".encode("latin-1"),
        answer(302, Location="https://a\x1b7b.example.com/"),
    ],
)
def test_what_the_service_says_stays_on_one_line_and_commands_no_terminal(reply: bytes) -> None:
    with Listener(reply) as service:
        message = str(failure(service.url, "feedback"))
    happened, remedy = message.split("\n")
    assert (happened + remedy).isprintable()
    assert len(message) < 2500


def test_an_error_as_long_as_a_book_is_cut() -> None:
    names = {"n" * 100_000 + str(number): 1 for number in range(20)}
    with Listener(answer(200, json.dumps(names).encode())) as service:
        assert len(str(failure(service.url, "feedback"))) <= 2500
    with Listener(answer(400, json.dumps({"error": "e" * 1_000_000}).encode())) as service:
        assert len(str(failure(service.url))) < 1000
    with Listener(answer(200, b"<html>", Content_Type="t" * 10_000)) as service:
        assert len(str(failure(service.url))) < 1000


def test_a_password_of_three_letters_is_hidden_in_base64_as_well() -> None:
    settings = Settings("https://a.example.com", KEY, proxies={"https": "http://me:abc@proxy:1"})
    told = settings.sanitize(f"it was {base64.b64encode(b'abc').decode()}")
    assert told.startswith("it was ***")


def test_the_log_at_its_most_talkative_knows_no_key(caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps({"error": f"{KEY}\nforged"}).encode()
    with caplog.at_level(logging.DEBUG), Listener(answer(503, body)) as service:
        settings = Settings(service.url, KEY, max_attempts=3)
        with (
            Client(settings, sleep=lambda _: None) as client,
            pytest.raises(DocsAnalyticsError),
        ):
            next(client.iter_pages(VYOM.select("dashboard", window=DAY)))
    assert "Attempt 2" in caplog.text
    assert "/analytics/dashboard" in caplog.text  # the HTTP library's own lines are among them
    assert KEY not in caplog.text
    assert not any("\n" in record.getMessage() for record in caplog.records)


def test_the_libraries_errors_and_their_requests_are_not_carried_along() -> None:
    with Listener(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{") as service:
        error = failure(service.url, timeout_s=0.2)
    assert isinstance(error, Unreachable)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_row_may_hold_anything_it_is_the_services_data() -> None:
    with Listener(answer(200, json.dumps({"web": 1, "said": KEY}).encode())) as service:
        (page,) = read(service.url)
    assert page.decode() == [{"web": 1, "said": KEY}]
