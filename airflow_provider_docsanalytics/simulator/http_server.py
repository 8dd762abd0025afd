"""HTTP: one request in, one answer out, and the faults that happen to a connection."""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from airflow_provider_docsanalytics.simulator.query import Answer, Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.simulator.faults import Fault

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger on, for 0 s: close() sends RST instead of FIN
_DRIPS_PER_S = 20
_MISSING_BYTES = 64


class Reply(NamedTuple):
    """What becomes of a request.

    Attributes:
        answer: what is sent.
        fault: what happens to the connection on the way.
        delay_s: how long it takes.
        compress: whether the answer is compressed for whoever accepts that.
    """

    answer: Answer
    fault: Fault | None = None
    delay_s: float = 0
    compress: bool = False


class Server(ThreadingTCPServer):
    """A server on loopback that ends its connections and waits when it is closed.

    Args:
        port: 0 for a free one.
        respond: what becomes of each request and its body.
    """

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, port: int, respond: Callable[[Asked, bytes], Reply]) -> None:
        self.respond = respond
        self.stopping = Event()
        self.connection_numbers = itertools.count(1)
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        """Stop serving; whoever waits for an answer sees the connection end."""
        self.stopping.set()
        self.shutdown()
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what is a bug in here; that a client went away is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: hands each request on and sends what comes back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """Number the connection."""
        super().setup()
        self.number = next(self.server.connection_numbers)

    def do_GET(self) -> None:
        """Answer a request of any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = urlsplit(self.path)
        headers = {name.title(): value for name, value in self.headers.items()}
        asked = Asked(self.command, target.path, target.query, headers, self.number)
        reply = self.server.respond(asked, body)
        self.server.stopping.wait(reply.delay_s)
        answer = reply.answer
        if reply.compress and "gzip" in headers.get("Accept-Encoding", ""):
            answer = _compressed(answer)
        if reply.fault is None:
            self._send(answer)
        else:
            self._send_spoiled(answer, reply.fault)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - inherited

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the inherited name
        """Keep quiet: the simulator has a log of its own."""

    def _send(self, answer: Answer) -> None:
        body = b"" if self.command == "HEAD" else answer.body
        self.connection.sendall(self._head(answer) + body)

    def _send_spoiled(self, answer: Answer, fault: Fault) -> None:
        body = answer.body
        match fault.kind:
            case "reset_before_headers":
                self._reset()
            case "reset_in_body":
                self.connection.sendall(self._head(answer) + body[: len(body) // 2])
                self._reset()
            case "short_body":
                self.connection.sendall(self._head(answer, missing=_MISSING_BYTES) + body)
                self.close_connection = True
            case "hang":
                self.server.stopping.wait(fault.options["seconds"])
                self.close_connection = True
            case "delay":
                self.server.stopping.wait(fault.options["seconds"])
                self._send(answer)
            case "slow_drip":
                self._drip(answer, fault.options["bytes_per_s"])
            case _:
                self._send(answer)

    def _head(self, answer: Answer, missing: int = 0) -> bytes:
        reason = self.responses.get(answer.status, ("",))[0]
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": answer.content_type,
            "Content-Length": len(answer.body) + missing,
            **answer.headers,
        }
        lines = [
            f"HTTP/1.1 {answer.status} {reason}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _drip(self, answer: Answer, bytes_per_s: float) -> None:
        self.connection.sendall(self._head(answer))
        step = max(1, int(bytes_per_s / _DRIPS_PER_S))
        for start in range(0, len(answer.body), step):
            self.connection.sendall(answer.body[start : start + step])
            if self.server.stopping.wait(step / bytes_per_s):
                self.close_connection = True
                return

    def _reset(self) -> None:
        """Close with RST. The reader holds the socket open too, so it goes first."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.connection.close()
        self.close_connection = True


def _compressed(answer: Answer) -> Answer:
    if "Content-Encoding" in answer.headers:
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, body=gzip.compress(answer.body, 1, mtime=0), headers=headers)
