"""A key said back in any encoding, at any place of an answer: no error and no log tells it."""

from __future__ import annotations

import html
import json
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api._redact import redacted_errors
from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import ConfigError, CursorLost, DocsAnalyticsError
from airflow_provider_docsanalytics.hooks._connection import read_settings
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from tests.api.test_settings import Connection
from tests.security.conftest import DAY, KEY, printed
from tests.security.encodings import CODES, NAMES, say, told
from tests.security.servers import Listener, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLAIN = "as it is"
PAIRS = [
    *((name, PLAIN) for name in NAMES),
    *[("base64", "percent, all"), ("json", "json"), ("quote", "base64"), ("hex", "base64")],
]
FORMS: dict[str, tuple[str, tuple[str, str]]] = {
    **{" in ".join(pair): (say(KEY, *pair), pair) for pair in PAIRS},
    **{
        f"{name} of the header": (say(KEY, name, before="Bearer "), (name, PLAIN)) for name in CODES
    },
    "in small letters": (KEY.lower(), (PLAIN, PLAIN)),
    "in capitals": (KEY.upper(), (PLAIN, PLAIN)),
    "without its prefix": (KEY.removeprefix("mint_"), (PLAIN, PLAIN)),
    "without its last letter": (KEY[:-1], (PLAIN, PLAIN)),
    "on two lines": (f"{KEY[:12]}\n {KEY[12:]}", (PLAIN, PLAIN)),
}
"""Each with the encodings that it is in."""


def _body(status: int, body: Any, **headers: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    return answer(status, text.encode(), **headers)


def _details(form: str) -> bytes:
    half = len(form) // 2
    details = [{"message": form[:half]}, {"message": form[half:]}, {"message": form}]
    return _body(400, {"error": f"no {form}!", "details": details})


def _feedback(**members: Any) -> bytes:
    return _body(200, {"feedback": [], "hasMore": False, "nextCursor": None} | members)


PLACES: dict[str, Callable[[str], bytes]] = {
    "details": _details,
    "message": lambda form: _body(401, {"message": form}),
    "error of another kind": lambda form: _body(400, {"error": {"code": [form]}}),
    "plain text": lambda form: _body(500, f"no {form}"),
    "title": lambda form: _body(
        403, f"<title>{html.escape(form)}</title>", Content_Type="text/html"
    ),
    "JSON as text": lambda form: _body(502, json.dumps({"x": form}), Content_Type="text/plain"),
    "Content-Type of an error": lambda form: _body(404, "?", Content_Type=f"x/{form}"),
    "Retry-After": lambda form: _body(429, {"error": "slow"}, Retry_After=form),
    "Location's host": lambda form: answer(302, Location=f"https://{form}.example.com/"),
    "Location's path": lambda form: answer(302, Location=f"/{form}?{form}#{form}"),
    "Location's user": lambda form: answer(302, Location=f"https://u:{form}@example.com/"),
    "Content-Type": lambda form: answer(200, b"no", Content_Type=f"x/{form}"),
    "Content-Encoding": lambda form: answer(200, b"no", Content_Encoding=form),
    "no JSON": lambda form: answer(200, f"<p>{form}</p>".encode()),
    "JSON cut off": lambda form: answer(200, json.dumps({"a": form}).encode()[:-3]),
    "error with status 200": lambda form: _body(200, {"error": form}),
    "reason": lambda form: f"HTTP/1.1 500 {form}\r\nContent-Length: 0\r\n\r\n".encode(),
    "no status": lambda form: f"HTTP/1.1 {form}\r\n\r\n".encode(),
    "no HTTP": lambda form: f"{form}\r\n\r\n".encode(),
    "length": lambda form: f"HTTP/1.1 200 OK\r\nContent-Length: {form}\r\n\r\n{{}}".encode(),
    "lengths": lambda form: answer(200, b"{}", Content_Length=form),
    "chunk": lambda form: (
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{form}\r\n".encode()
    ),
    "no header": lambda form: f"HTTP/1.1 500 No\r\n{form}\r\nContent-Length: 0\r\n\r\n".encode(),
    "name of a header": lambda form: f"HTTP/1.1 500 No\r\n {form} : 1\r\n\r\n".encode(),
    "name of a member": lambda form: _body(200, {form: 1}),
    "rows": lambda form: _feedback(feedback=form),
    "row": lambda form: _feedback(feedback=[form]),
    "hasMore": lambda form: _feedback(hasMore=form),
    "cursor of another kind": lambda form: _feedback(hasMore=True, nextCursor={form: 1}),
    "407": lambda form: _body(407, form, Proxy_Authenticate=f'Basic realm="{form}"'),
}
ENDLESS = ("length", "no header", "name of a header")
"""Places behind which the client waits for more."""


@pytest.mark.parametrize("place", PLACES)
def test_no_place_of_an_answer_tells_the_key(place: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    selection = MINTLIFY.select("feedback", project_id="proj", window=DAY)
    with Listener() as service:
        ends = place not in ENDLESS
        settings = Settings(service.url, KEY, max_attempts=1 + ends, timeout_s=5 if ends else 0.1)
        for name, (form, pair) in FORMS.items():
            is_body = b"\n" in PLACES[place]("\n").rpartition(b"\r\n\r\n")[2]
            service.reply = PLACES[place](form if is_body else " ".join(form.split()))
            caplog.clear()
            with (
                Client(settings, sleep=lambda _: None) as client,
                pytest.raises(DocsAnalyticsError) as failed,
            ):
                list(client.iter_pages(selection))
            assert told(KEY, printed(failed.value) + caplog.text, (pair,)) == set(), name


def test_a_cursor_that_holds_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """It is the service's: it is sent back, and the HTTP library logs what is asked for."""
    caplog.set_level(logging.DEBUG)
    selection = MINTLIFY.select("feedback", project_id="proj", window=DAY)
    rows = [{"id": "1"}]
    with Listener(_feedback(feedback=rows, hasMore=True, nextCursor=KEY)) as service:
        settings = Settings(service.url, KEY, max_attempts=1)
        with Client(settings) as client, pytest.raises(DocsAnalyticsError, match="second time"):
            list(client.iter_pages(selection))
    assert len(service.heard) == 2
    assert "cursor=" in caplog.text
    assert told(KEY, caplog.text) == set()


def test_a_cursor_that_holds_the_key_is_refused_without_it() -> None:
    selection = MINTLIFY.select("feedback_by_page", project_id="proj", window=DAY)
    pages = Client(Settings("http://127.0.0.1:1", KEY)).iter_pages(selection, f'["{KEY}"]')
    with pytest.raises(DocsAnalyticsError, match="no cursor") as failed:
        next(pages)
    assert told(KEY, printed(failed.value)) == set()


def test_the_library_logs_what_others_ask_for_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug("GET %s", KEY)
    assert KEY in caplog.text


def _fails(error: Exception) -> None:
    try:
        raise error
    except type(error) as cause:
        raise ConfigError(f"{cause}") from cause


def _fails_for_it(error: Exception) -> None:
    try:
        _fails(error)
    except ConfigError as ours:
        raise CursorLost(f"{ours}") from ours


@pytest.mark.parametrize("error", [socket.gaierror(f"no {KEY}"), ValueError(KEY)])
def test_a_cause_that_is_not_ours_is_not_carried_along(error: Exception) -> None:
    sanitize = Settings("http://127.0.0.1:1", KEY).sanitize
    with pytest.raises(CursorLost) as failed, redacted_errors(sanitize):
        _fails_for_it(error)
    assert isinstance(failed.value.__cause__, ConfigError)
    assert told(KEY, printed(failed.value)) == set()


def _connect(monkeypatch: pytest.MonkeyPatch, service: Listener) -> None:
    connection = {"conn_type": "mintlify", "host": service.url, "login": "p", "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_MINTLIFY_DEFAULT", json.dumps(connection))


@pytest.mark.parametrize("form", [KEY, say(KEY, "base64"), say(KEY, "quote", "json, all")])
def test_names_and_values_that_are_new_are_logged_without_the_key(
    form: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The rows and the manifest keep them: they are the service's data."""
    row = {"id": "1", form: 1, "status": form, "helpful": form}
    with Listener(_feedback(feedback=[row], **{form: 1})) as service:
        _connect(monkeypatch, service)
        task = MintlifyExportOperator(
            task_id="export",
            endpoint="feedback",
            path=f"file://{tmp_path}",
            date_from="2026-01-10",
            date_to="2026-01-11",
        )
        result = task.execute({})
    logged = caplog.text + "".join(capfd.readouterr())
    assert "differ from the endpoint table of this version" in logged
    assert told(KEY, logged + json.dumps(result)) == set()
    assert json.dumps(form)[1:40] in (tmp_path / "_manifest.json").read_text()


def test_a_row_without_a_moment_is_logged_without_the_key(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    rows = [{"id": "1", "timestamp": KEY}]
    body = {"conversations": rows, "hasMore": False, "nextCursor": None}
    with Listener(_body(200, body)) as service:
        _connect(monkeypatch, service)
        assert MintlifyHook().fetch_turns(since="2026-01-10").invalid == 1
    logged = caplog.text + "".join(capfd.readouterr())
    assert "1 of 1 rows left out" in logged
    assert told(KEY, logged) == set()


def test_a_thread_that_is_not_there_is_logged_without_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    thread = "Canary_Zebra-Quilt"
    selection = MINTLIFY.select("threads", project_id="proj", thread_ids=[thread])
    with Listener(_body(404, {"error": "no such thread"})) as service:
        settings = Settings(service.url, f"mint_{thread}", max_attempts=1)
        with Client(settings) as client:
            (page,) = client.iter_pages(selection)
    assert page.missing == (thread,)
    assert "listed as missing" in caplog.text
    assert told(thread, caplog.text) == set()


@pytest.mark.parametrize("field", ["host", "login"])
def test_a_key_in_another_field_is_refused(field: str) -> None:
    fields = {"host": "api.example.com", "login": "p", "password": "mint_Canary_Zebra"}
    fields[field] += "/mint_canary_zebra"
    with pytest.raises(ConfigError, match=f"{field} holds the key"):
        read_settings(MINTLIFY, Connection(**fields), {})
