"""HTTP: one response for each request, and the faults of a connection."""

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

from airflow_provider_docsanalytics.simulator.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger on, for 0 s: close() sends RST instead of FIN
_DRIPS_PER_S = 20
_MISSING_BYTES = 64


class Reply(NamedTuple):
    """A response, and how it is sent.

    Attributes:
        response: what is sent.
        delay_s: how long the client waits for it.
        compress: whether clients that accept gzip get it compressed.
        fault: the kind of a fault that strikes the connection; others are ignored here.
        bytes_per_s: the speed of a ``slow_drip``.
    """

    response: Response
    delay_s: float = 0
    compress: bool = False
    fault: str | None = None
    bytes_per_s: float = 0


class Server(ThreadingTCPServer):
    """A server on loopback that ends its connections and delays when it is closed.

    Args:
        port: 0 picks a free one.
        respond: returns the reply to a request.
    """

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, port: int, respond: Callable[[Request], Reply]) -> None:
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
        """Stop serving; a client that waits for a response sees the connection end."""
        self.stopping.set()
        self.shutdown()
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a bug of the simulator; a client that disconnects is not one."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: passes each request to the server's callable and sends the reply."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """Number the connection."""
        super().setup()
        self.number = next(self.server.connection_numbers)

    def do_GET(self) -> None:
        """Reply to a request of any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = urlsplit(self.path)
        headers = {name.title(): value for name, value in self.headers.items()}
        reply = self.server.respond(
            Request(self.command, target.path, target.query, headers, self.number, body)
        )
        self.server.stopping.wait(reply.delay_s)
        response = reply.response
        if reply.compress and "gzip" in headers.get("Accept-Encoding", ""):
            response = _compressed(response)
        self._send(response, reply)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - inherited

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the inherited name
        """Write nothing: the simulator has a log of its own."""

    def _send(self, response: Response, reply: Reply) -> None:
        body = b"" if self.command == "HEAD" else response.body
        match reply.fault:
            case "hang":
                self.close_connection = True
            case "reset_before_headers":
                self._reset()
            case "reset_in_body":
                self.connection.sendall(self._head(response) + body[: len(body) // 2])
                self._reset()
            case "short_body":
                self.connection.sendall(self._head(response, missing=_MISSING_BYTES) + body)
                self.close_connection = True
            case "slow_drip":
                self.connection.sendall(self._head(response))
                self._drip(body, reply.bytes_per_s)
            case _:
                self.connection.sendall(self._head(response) + body)

    def _head(self, response: Response, missing: int = 0) -> bytes:
        reason = self.responses.get(response.status, ("",))[0]
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": response.content_type,
            "Content-Length": len(response.body) + missing,
            **response.headers,
        }
        lines = [
            f"HTTP/1.1 {response.status} {reason}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _drip(self, body: bytes, bytes_per_s: float) -> None:
        step = max(1, int(bytes_per_s / _DRIPS_PER_S))
        for start in range(0, len(body), step):
            self.connection.sendall(body[start : start + step])
            if self.server.stopping.wait(step / bytes_per_s):
                self.close_connection = True
                return

    def _reset(self) -> None:
        """Close with RST. The reader also holds the socket open, so it is closed first."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.connection.close()
        self.close_connection = True


def _compressed(response: Response) -> Response:
    if "Content-Encoding" in response.headers:
        return response
    headers = {**response.headers, "Content-Encoding": "gzip"}
    return replace(response, body=gzip.compress(response.body, 1, mtime=0), headers=headers)
