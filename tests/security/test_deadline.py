"""A service, or a proxy before it, that never ends what it says: a byte now and then for ever."""

from __future__ import annotations

import gzip
import time
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.errors import RateLimited, ServerError, Unreachable
from tests.security.conftest import failure, read
from tests.security.servers import Listener, answer, read_head

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

PAUSE_S = 0.02
HASTY = {"timeout_s": 0.2}
"""One attempt has twice as long; silence is never what is wrong here."""
_OK = b"HTTP/1.1 200 OK\r\n"
_JSON = _OK + b"Content-Type: application/json\r\n"


def _drip(text: bytes) -> Iterator[bytes]:
    yield from (text[at : at + 1] for at in range(len(text)))


def _endless(start: bytes, again: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield again


def _packed() -> Iterator[bytes]:
    yield _JSON + b"Content-Encoding: gzip\r\nContent-Length: 99999999\r\n\r\n"
    while True:
        yield gzip.compress(b"")


DRIPS = {
    "status line": lambda: _drip(b"HTTP/1.1 200 " + b"x" * 9999),
    "one header": lambda: _drip(_OK + b"X-A: " + b"x" * 9999),
    "many headers": lambda: _endless(_OK, b"A: b\r\n"),
    "100 Continue, one by one": lambda: _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": lambda: _endless(_JSON + b"Content-Length: 99999999\r\n\r\n", b" "),
    "body without a length": lambda: _endless(_JSON + b"\r\n", b" "),
    "body in chunks": lambda: _endless(
        _JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"
    ),
    "size of a chunk": lambda: _endless(_JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "body of empty gzip members": _packed,
}


class Dripper(Listener):
    """Says one piece after the other, with a pause behind each, as long as somebody listens.

    Attributes:
        left: set once somebody does no longer.
    """

    def __init__(self, pieces: Any, *, pause_s: float = PAUSE_S, **more: Any) -> None:
        super().__init__(**more)
        self._pieces = pieces
        self._pause_s = pause_s
        self.left = Event()

    def speak(self, connection: socket.socket, head: bytes) -> None:  # noqa: ARG002 - the base class's
        self._say(connection, self._pieces())

    def _say(self, connection: socket.socket, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(self._pause_s)
        except OSError:
            self.left.set()
            raise


class HandshakeDripper(Dripper):
    """Begins its part of a TLS handshake, and never ends it."""

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self.heard.append(connection.recv(65536))
            self._say(connection, _endless(b"\x16\x03\x03\x40\x00\x02", b"\x00"))


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_drips_is_left_at_its_deadline(what: str) -> None:
    with Dripper(DRIPS[what]) as service:
        error = failure(service.url, **HASTY)
        assert isinstance(error, Unreachable)
        assert "not complete after 0.4 s" in str(error)
        assert service.left.wait(10)
    assert len(service.heard) == 1


def test_a_hundred_continues_without_a_pause_end_too() -> None:
    many = b"HTTP/1.1 100 Continue\r\n\r\n" * 1000
    with Dripper(lambda: _endless(b"", many), pause_s=0) as service:
        error = failure(service.url, **HASTY)
    assert "not complete after 0.4 s" in str(error)


def test_an_answer_that_drips_inside_tls_is_left_at_its_deadline(
    secure: Listener, authority: str
) -> None:
    pieces = DRIPS["one header"]
    with Dripper(pieces, tls=secure._tls) as service:
        error = failure(service.url, verify=authority, **HASTY)
    assert "not complete after 0.4 s" in str(error)


def test_a_tls_handshake_that_drips_is_left() -> None:
    with HandshakeDripper(None) as service:
        error = failure(service.url.replace("http:", "https:"), **HASTY)
        assert isinstance(error, Unreachable)
        assert service.left.wait(10)


@pytest.mark.parametrize("what", ["status line", "one header", "many headers"])
def test_a_proxy_whose_answer_to_connect_drips_is_left(what: str) -> None:
    with Dripper(DRIPS[what]) as proxy:
        error = failure("https://service.invalid", proxies={"https": proxy.url}, **HASTY)
        assert isinstance(error, Unreachable)
        assert "not complete after 0.4 s" in str(error)
        assert proxy.left.wait(10)
    assert proxy.heard[0].startswith(b"CONNECT ")


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (500, ServerError)])
def test_an_error_whose_body_drips_is_what_its_status_says(status: int, kind: type) -> None:
    head = answer(status, Retry_After="7").replace(b"Content-Length: 0", b"Content-Length: 9999")
    with Dripper(lambda: _endless(head, b" ")) as service:
        error = failure(service.url, **HASTY)
        assert service.left.wait(10)
    assert isinstance(error, kind)
    assert error.retry_after_s == 7  # type: ignore[attr-defined] - both kinds have it


def test_all_attempts_for_one_page_share_one_budget() -> None:
    with Dripper(DRIPS["one header"]) as service:
        error = failure(service.url, timeout_s=0.1, max_attempts=5, max_wait_s=1e9)
    assert isinstance(error, Unreachable)
    assert "not complete after 0.5 s" in str(error)
    assert len(service.heard) == 2


def test_silence_leaves_room_for_every_attempt() -> None:
    with Silent() as service:
        error = failure(service.url, timeout_s=0.1, max_attempts=5, max_wait_s=1e9)
    assert isinstance(error, Unreachable)
    assert len(service.heard) == 5


def test_a_slow_answer_that_ends_in_time_is_whole() -> None:
    with Dripper(lambda: _drip(answer(200, b'{"total":0}'))) as service:
        assert read(service.url)[0].totals == {"total": 0}


class Silent(Listener):
    """Hears a request, and says nothing until it is left."""

    def speak(self, connection: socket.socket, head: bytes) -> None:  # noqa: ARG002 - the base class's
        read_head(connection)
