"""A door in front of S3, in a process of its own: what it lets pass is for others to say."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 30
_CLONE = Path(__file__).resolve().parents[2]
_HOP = ("connection", "transfer-encoding", "content-length")


class Door(ThreadingHTTPServer):
    """Listens on loopback.

    Args:
        behind: the URL of S3.
        handler: what becomes of each request.
    """

    daemon_threads = True

    def __init__(self, behind: str, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.behind = behind

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients are killed here."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Door

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
        url = self.server.behind + self.path
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
def opened(module: str, behind: str) -> Iterator[str]:
    """Run a module that serves a door; give the door's URL."""
    command = [sys.executable, "-m", module, behind]
    with subprocess.Popen(command, stdout=PIPE, text=True, cwd=_CLONE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def serve(door: Door) -> None:
    """Print the door's URL, and serve for ever."""
    print(f"http://127.0.0.1:{door.server_address[1]}", flush=True)
    door.serve_forever()
