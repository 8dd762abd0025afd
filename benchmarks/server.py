"""The service of the bench: sends prepared pages, checks the key, counts requests and its CPU time.

usage: python -m benchmarks.server; prints ``{"url", "mintlify_key"}`` when it is ready.

The simulator is as strict as the services, which costs it more than a plain client needs. This one
is for speed: it keeps as many pages as an hour's quota has. The project's ID is the shape of the
export, so one server has every size.
"""

from __future__ import annotations

import json
import socketserver
import time
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from benchmarks.pages import Shape, page_of

KEY = "mint_made_up_for_the_bench"
PREPARED = 100
"""So many pages are kept, once they were sent."""
SPENT = "/_spent"
"""Where it says what it has spent since it was last asked."""


@lru_cache(maxsize=PREPARED)
def _body(shape: Shape, page: int) -> bytes:
    return shape.body(page)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    requests = 0
    cpu_s = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def spent(self) -> bytes:
        """Return what it has spent since the last call."""
        now = time.process_time()
        spent = {"requests": self.requests, "cpu_s": now - self.cpu_s}
        self.requests, self.cpu_s = 0, now
        return json.dumps(spent).encode()

    def answer(self, target: str, key: str) -> tuple[HTTPStatus, bytes]:
        """Return the response to a request for a page."""
        url = urlsplit(target)
        if url.path == SPENT:
            return HTTPStatus.OK, self.spent()
        self.requests += 1
        if key != f"Bearer {KEY}":
            return HTTPStatus.UNAUTHORIZED, b'{"error":"Unauthorized"}'
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            _, version, _, shape, endpoint = url.path.split("/")
            pages = Shape.parse(shape)
            page = page_of(query["cursor"]) if "cursor" in query else 0
            if (version, endpoint) == ("v1", "assistant") and int(
                query["limit"]
            ) >= pages.page_rows:
                return HTTPStatus.OK, _body(pages, page)
        except (ValueError, KeyError, IndexError, TypeError):
            pass
        return HTTPStatus.BAD_REQUEST, b'{"error":"Bad request"}'


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer the requests of one client."""
        while line := self.rfile.readline():
            key, closes = "", False
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.decode("latin-1").partition(":")
                if name.lower() == "authorization":
                    key = value.strip()
                elif name.lower() == "connection":
                    closes = value.strip().lower() == "close"
            status, body = self.server.answer(line.decode("latin-1").split()[1], key)
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            self.connection.sendall(head.encode())
            self.connection.sendall(body)
            if closes:
                return


def main() -> None:
    """Serve until killed."""
    with _Server() as server:
        print(json.dumps({"url": server.url, "mintlify_key": KEY}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
