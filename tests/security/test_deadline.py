"""A service, or a proxy before it, that never ends what it says: a byte now and then for ever.

The deadline's clock moves with what is said, one second a piece. So it does not matter how busy the
machine is.
"""

from __future__ import annotations

import gzip
import time
from contextlib import suppress
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api import _deadline
from airflow_provider_docsanalytics.errors import RateLimited, ServerError, Unreachable
from tests.security.conftest import failure, read
from tests.security.servers import Listener, answer, read_head

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

PAUSE_S = 0.02
PATIENT = {"timeout_s": 10}
"""One attempt has twice as long; silence is never what is wrong here."""
SAFE_S = 60
"""Far longer than anything that is waited for takes."""
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


class Clock:
    """The deadline's clock, in seconds; only what a service says or leaves unsaid moves it."""

    def __init__(self) -> None:
        self.now_s = 0.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=lambda: clock.now_s))
    return clock


class Dripper(Listener):
    """Says one piece a second, as long as somebody listens. A second is a short pause here.

    Attributes:
        left: set once somebody does no longer.
    """

    def __init__(self, clock: Clock, pieces: Any, *, pause_s: float = PAUSE_S, **more: Any) -> None:
        super().__init__(**more)
        self._clock = clock
        self._pieces = pieces
        self._pause_s = pause_s
        self.left = Event()

    def speak(self, connection: socket.socket, head: bytes) -> None:  # noqa: ARG002 - the base class's
        self._say(connection, self._pieces())

    def _say(self, connection: socket.socket, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                connection.sendall(piece)
                self._clock.now_s += 1
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
def test_an_answer_that_drips_is_left_at_its_deadline(clock: Clock, what: str) -> None:
    with Dripper(clock, DRIPS[what]) as service:
        error = failure(service.url, **PATIENT)
        assert isinstance(error, Unreachable)
        assert "not complete after 20 s" in str(error)
        assert service.left.wait(SAFE_S)
    assert len(service.heard) == 1


def test_a_hundred_continues_without_a_pause_end_too(clock: Clock) -> None:
    many = b"HTTP/1.1 100 Continue\r\n\r\n" * 1000
    with Dripper(clock, lambda: _endless(b"", many), pause_s=0) as service:
        error = failure(service.url, **PATIENT)
    assert "not complete after 20 s" in str(error)


def test_an_answer_that_drips_inside_tls_is_left_at_its_deadline(
    clock: Clock, secure: Listener, authority: str
) -> None:
    pieces = DRIPS["one header"]
    with Dripper(clock, pieces, tls=secure._tls) as service:
        error = failure(service.url, verify=authority, **PATIENT)
    assert "not complete after 20 s" in str(error)


def test_a_tls_handshake_that_drips_is_left(clock: Clock) -> None:
    with HandshakeDripper(clock, None) as service:
        error = failure(service.url.replace("http:", "https:"), timeout_s=0.2)
        assert isinstance(error, Unreachable)
        assert service.left.wait(SAFE_S)


@pytest.mark.parametrize("what", ["status line", "one header", "many headers"])
def test_a_proxy_whose_answer_to_connect_drips_is_left(clock: Clock, what: str) -> None:
    with Dripper(clock, DRIPS[what]) as proxy:
        error = failure("https://service.invalid", proxies={"https": proxy.url}, **PATIENT)
        assert isinstance(error, Unreachable)
        assert "not complete after 20 s" in str(error)
        assert proxy.left.wait(SAFE_S)
    assert proxy.heard[0].startswith(b"CONNECT ")


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (500, ServerError)])
def test_an_error_whose_body_drips_is_what_its_status_says(
    clock: Clock, status: int, kind: type
) -> None:
    head = answer(status, Retry_After="7").replace(b"Content-Length: 0", b"Content-Length: 9999")
    with Dripper(clock, lambda: _endless(head, b" ")) as service:
        error = failure(service.url, **PATIENT)
        assert service.left.wait(SAFE_S)
    assert isinstance(error, kind)
    assert error.retry_after_s == 7  # type: ignore[attr-defined] - both kinds have it


def test_all_attempts_for_one_page_share_one_budget(clock: Clock) -> None:
    with Dripper(clock, DRIPS["one header"]) as service:
        error = failure(service.url, timeout_s=10, max_attempts=5, max_wait_s=1e9)
    assert isinstance(error, Unreachable)
    assert "not complete after " in str(error)
    assert len(service.heard) == 2
    assert clock.now_s >= 100


def test_silence_leaves_room_for_every_attempt(clock: Clock) -> None:
    with Silent(clock, silence_s=0.1) as service:
        error = failure(service.url, timeout_s=0.1, max_attempts=5, max_wait_s=1e9)
        assert isinstance(error, Unreachable)
        assert service.heard_five.wait(SAFE_S)
    assert len(service.heard) == 5


def test_a_slow_answer_that_ends_in_time_is_whole(clock: Clock) -> None:
    with Dripper(clock, lambda: _drip(answer(200, b'{"total":0}'))) as service:
        assert read(service.url, timeout_s=60)[0].totals == {"total": 0}
    assert clock.now_s > 50


class Silent(Listener):
    """Hears a request, and says nothing until it is left.

    Attributes:
        heard_five: set once there have been so many requests.
    """

    def __init__(self, clock: Clock, silence_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._silence_s = silence_s
        self.heard_five = Event()

    def speak(self, connection: socket.socket, head: bytes) -> None:  # noqa: ARG002 - the base class's
        self._clock.now_s += self._silence_s
        if len(self.heard) == 5:
            self.heard_five.set()
        read_head(connection)
