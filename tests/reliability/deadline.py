"""Answers that never end: a byte now and then, for as long as somebody reads.

The promise: all attempts for one page together take no longer than ``2 x timeout_s x attempts``,
but for the waits in between, and end in a typed error.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import DocsAnalyticsError, ServerError, Unreachable
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability.summary import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 0.2
ATTEMPTS = (1, 2, 5)
_PAUSE_S = 0.02
_LATE_S = 2.0
"""What a busy machine may take beyond the time that is promised."""
_DAY = DateWindow.parse("2026-01-10", "2026-01-11")
_OK = b"HTTP/1.1 200 OK\r\n"
_LONG = b"Content-Length: 99999999\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DRIPS = {
    "nothing at all": (b"", b""),
    "status line": (b"HTTP/1.1 200 ", b"x"),
    "header": (_OK + b"X-A: ", b"x"),
    "headers": (_OK, b"A: b\r\n"),
    "100 Continue": (b"", _CONTINUE),
    "100 Continue, a thousand at once": (b"", _CONTINUE * 1000),
    "body": (_OK + _LONG, b" "),
    "body in chunks": (_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "error body": (b"HTTP/1.1 500 No\r\n" + _LONG, b" "),
}
PROXY_DRIPS = ("nothing at all", "status line", "header", "headers")


def cases() -> Iterator[Case]:
    """Yield a case for each way to drip, of the service and of a proxy before it."""
    for what in DRIPS:
        yield case(what)
    for what in PROXY_DRIPS:
        yield case(what, proxy=True)


def case(what: str, *, proxy: bool = False, attempts: tuple[int, ...] = ATTEMPTS) -> Case:
    """Let it drip at each attempt of one page."""
    saw: Counter[str] = Counter()
    broken, longest = [], 0.0
    expected = ServerError if what == "error body" else Unreachable
    for most in attempts:
        with _dripping(*DRIPS[what]) as url:
            started = time.monotonic()
            error = _failure(url, most, proxy=proxy)
            took_s = time.monotonic() - started
        saw[type(error).__name__] += 1
        longest = max(longest, took_s)
        if type(error) is not expected:
            broken.append(f"{most} attempts: {error!r}")
        if took_s > 2 * TIMEOUT_S * most + _LATE_S:
            broken.append(f"{most} attempts took {took_s:.1f} s")
    words = ", ".join(f"{kind} {times}" for kind, times in saw.items())
    return Case(
        name=f"{'a proxy' if proxy else 'a service'} that drips: {what}",
        runs=len(attempts),
        saw=f"{words}; within {longest / TIMEOUT_S:.0f} x timeout_s",
        broken=tuple(broken),
    )


def _failure(url: str, attempts: int, *, proxy: bool) -> DocsAnalyticsError | None:
    settings = Settings(
        "https://service.invalid" if proxy else url,
        "mint_key",
        timeout_s=TIMEOUT_S,
        max_attempts=attempts,
        max_wait_s=1e9,
        proxies={"https": url} if proxy else None,
    )
    selection = MINTLIFY.select("caller_stats", project_id="p", window=_DAY)
    try:
        with Client(settings, sleep=lambda _: None) as client:
            list(client.iter_pages(selection))
    except DocsAnalyticsError as error:
        return error
    return None


@contextmanager
def _dripping(start: bytes, again: bytes) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_serve, args=(server, start, again), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, start: bytes, again: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            Thread(target=_speak, args=(connection, start, again), daemon=True).start()


def _speak(connection: socket.socket, start: bytes, again: bytes) -> None:
    with suppress(OSError), connection:
        connection.recv(65536)
        connection.sendall(start)
        if not again:
            connection.recv(1)
        while again:
            connection.sendall(again)
            time.sleep(_PAUSE_S)
