"""Proxies in front of S3, in processes of their own; one that fails chosen requests."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS = ("InternalError 500", "SlowDown 503", "AccessDenied 403", "reset", "answer lost")
NO_CONDITIONS = "NotImplemented 501"
"""As a fault, it strikes every conditional write."""
LOST_UPLOAD = "NoSuchUpload 404"
"""As a fault, it strikes requests about uploads in several parts alone, and counts only them."""
TIMEOUT_S = 30
_CONDITIONS = ("If-Match", "If-None-Match")
_SCRIPT = "/_fault"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CLONE = Path(__file__).resolve().parents[2]
_HOP = ("connection", "transfer-encoding", "content-length")


class Proxy(ThreadingHTTPServer):
    """Listens on loopback.

    Args:
        behind: the URL of S3.
        handler: what becomes of each request.
    """

    daemon_threads = True

    def __init__(self, upstream: str, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.upstream = upstream

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients are killed here."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        """Take a request of any method."""
        self.take(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - inherited names

    def take(self, body: bytes) -> None:
        """Answer the request."""
        raise NotImplementedError

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def pass_on(self, body: bytes) -> requests.Response:
        """Return what S3 answers."""
        url = self.server.upstream + self.path
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        return requests.request(self.command, url, data=body, headers=headers, timeout=TIMEOUT_S)

    def send(self, status: int, headers: Any, content: bytes) -> None:
        """Send an answer."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, code: str, status: int, message: str) -> None:
        """Send an error as S3 words it."""
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self.send(status, {"Content-Type": "application/xml"}, text.encode())


@contextmanager
def opened(module: str, upstream: str) -> Iterator[str]:
    """Run a module that serves a proxy; give its URL."""
    command = [sys.executable, "-m", module, upstream]
    with subprocess.Popen(command, stdout=PIPE, text=True, cwd=_CLONE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def serve(proxy: Proxy) -> None:
    """Print the proxy's URL, and serve for ever."""
    print(f"http://127.0.0.1:{proxy.server_address[1]}", flush=True)
    proxy.serve_forever()


class _FaultyProxy(Proxy):
    """Fails the requests that it is told to fail, and lets all others pass."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, _FaultyHandler)
        self.until_fault = 0
        self.fault = ""
        self.passed = 0


class _FaultyHandler(Handler):
    server: _FaultyProxy

    def take(self, body: bytes) -> None:
        """Pass the request on, unless it is the one to fail."""
        if self.path == _SCRIPT:
            passed, self.server.passed = self.server.passed, 0
            self.server.until_fault, self.server.fault = json.loads(body)
            self.send(200, {}, str(passed).encode())
            return
        self.server.passed += 1
        self.server.until_fault -= self._counts()
        fault = self._fault()
        if fault == "reset":
            self._reset()
        elif fault and fault != "answer lost":
            code, status = fault.split()
            self.refuse(code, int(status), "made to fail")
        else:
            answer = self.pass_on(body)
            if fault:
                self._reset()
            else:
                self.send(answer.status_code, answer.headers, answer.content)

    def _fault(self) -> str:
        fault = self.server.fault
        if fault == NO_CONDITIONS:
            return fault if any(name in self.headers for name in _CONDITIONS) else ""
        return fault if self.server.until_fault == 0 and self._counts() else ""

    def _counts(self) -> bool:
        return self.server.fault != LOST_UPLOAD or "uploadId=" in self.path

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.connection.close()
        self.close_connection = True


proxy = partial(opened, "tests.reliability.s3_proxy")
"""Start a proxy of the S3 of a URL in a process of its own; give its URL."""


def fail(url: str, number: int, fault: str) -> int:
    """Let the request of that number from now on fail, 0 for none; return how many have come."""
    answer = requests.post(url + _SCRIPT, data=json.dumps([number, fault]), timeout=TIMEOUT_S)
    return int(answer.text)


if __name__ == "__main__":
    serve(_FaultyProxy(sys.argv[1]))
