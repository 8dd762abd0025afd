"""A door in front of S3 that fails one request in a chosen way, and lets all others pass."""

from __future__ import annotations

import json
import socket
import struct
import sys
from functools import partial

import requests

from tests.reliability.s3_door import TIMEOUT_S, Door, Handler, opened, serve

FAULTS = ("InternalError 500", "SlowDown 503", "AccessDenied 403", "reset", "answer lost")
NO_CONDITIONS = "NotImplemented 501"
"""As a fault, it strikes every conditional write."""
LOST_UPLOAD = "NoSuchUpload 404"
"""As a fault, it strikes requests about uploads in several parts alone, and counts only them."""
_CONDITIONS = ("If-Match", "If-None-Match")
_TIMEOUT_S = 30
_SCRIPT = "/_fault"
_SCRIPT = "/_fault"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Door(Door):
    def __init__(self, behind: str) -> None:
        super().__init__(behind, _Handler)
        self.until_fault = 0
        self.fault = ""
        self.passed = 0


class _Handler(Handler):
    server: _Door

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


door = partial(opened, "tests.reliability.s3_faults")
"""Open a door to the S3 of a URL in a process of its own; give its URL."""


def fail(url: str, number: int, fault: str) -> int:
    """Let the request of that number from now on fail, 0 for none; return how many have come."""
    answer = requests.post(url + _SCRIPT, data=json.dumps([number, fault]), timeout=TIMEOUT_S)
    return int(answer.text)


if __name__ == "__main__":
    serve(_Door(sys.argv[1]))
