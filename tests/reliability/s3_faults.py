"""A door in front of S3 that fails one request in a chosen way, and lets all others pass."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
_CONDITIONS = ("If-Match", "If-None-Match")
_TIMEOUT_S = 30
_SCRIPT = "/_fault"
_HOP = ("connection", "transfer-encoding", "content-length")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Door(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind
        self.until_fault = 0
        self.fault = ""
        self.passed = 0

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients are killed here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Door

    def do_GET(self) -> None:
        """Pass a request of any method on, unless it is the one to fail."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == _SCRIPT:
            passed, self.server.passed = self.server.passed, 0
            self.server.until_fault, self.server.fault = json.loads(body)
            self._send(200, {}, str(passed).encode())
            return
        self.server.passed += 1
        self.server.until_fault -= self._counts()
        fault = self._fault()
        if fault == "reset":
            self._reset()
        elif fault and fault != "answer lost":
            code, status = fault.split()
            text = f"<Error><Code>{code}</Code><Message>made to fail</Message></Error>"
            self._send(int(status), {"Content-Type": "application/xml"}, text.encode())
        else:
            answer = self._pass_on(body)
            if fault:
                self._reset()
            else:
                self._send(answer.status_code, answer.headers, answer.content)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - inherited names

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def _fault(self) -> str:
        fault = self.server.fault
        if fault == NO_CONDITIONS:
            return fault if any(name in self.headers for name in _CONDITIONS) else ""
        return fault if self.server.until_fault == 0 and self._counts() else ""

    def _counts(self) -> bool:
        return self.server.fault != LOST_UPLOAD or "uploadId=" in self.path

    def _pass_on(self, body: bytes) -> requests.Response:
        url = self.server.behind + self.path
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        return requests.request(self.command, url, data=body, headers=headers, timeout=_TIMEOUT_S)

    def _send(self, status: int, headers: Any, content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.connection.close()
        self.close_connection = True


@contextmanager
def door(behind: str) -> Iterator[str]:
    """Open a door in a process of its own; give its URL."""
    with subprocess.Popen([sys.executable, __file__, behind], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def fail(url: str, number: int, fault: str) -> int:
    """Let the request of that number from now on fail, 0 for none; return how many have come."""
    answer = requests.post(url + _SCRIPT, data=json.dumps([number, fault]), timeout=_TIMEOUT_S)
    return int(answer.text)


def _serve(behind: str) -> None:
    server = _Door(behind)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1])
