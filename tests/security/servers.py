"""Servers of the attacker's kind: they note whatever reaches them, to the byte."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_NOBODY = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"total":0}'
)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole answer; names of headers with ``_`` for ``-``."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Listener:
    """Listens on loopback inside a ``with`` block; one thread a connection.

    Attributes:
        heard: the head of each request, as it came.
    """

    def __init__(
        self, reply: bytes = _NOBODY, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family)
        self._tls = tls
        self.reply = reply
        self.heard: list[bytes] = []
        self.port = self._socket.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while head := read_head(connection):
                self.heard.append(head)
                self.speak(connection, head)

    def speak(self, connection: socket.socket, head: bytes) -> None:  # noqa: ARG002 - for subclasses
        """Answer one request."""
        connection.sendall(self.reply)


class Proxy(Listener):
    """A forwarding proxy that tunnels CONNECT and notes every byte of the tunnel, too.

    Attributes:
        tunnelled: what the client has sent through tunnels.
    """

    def __init__(self, *, refuse: bytes = b"") -> None:
        super().__init__()
        self.tunnelled = b""
        self._refuse = refuse

    def speak(self, connection: socket.socket, head: bytes) -> None:
        if self._refuse or not head.startswith(b"CONNECT "):
            connection.sendall(self._refuse or self.reply)
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            Thread(target=_copy, args=(target, connection.sendall), daemon=True).start()
            _copy(connection, lambda data: (self._note(data), target.sendall(data)))

    def _note(self, data: bytes) -> None:
        self.tunnelled += data


def read_head(connection: socket.socket) -> bytes:
    """Return a request up to its empty line, or nothing at the end."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            return b""
        head += data
    return head


def _copy(source: socket.socket, write: Callable[[bytes], object]) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            write(data)
