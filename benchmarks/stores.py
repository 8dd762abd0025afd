"""A store of objects with a counter in front of it, in the environment that has the stores.

usage: python -m benchmarks.stores s3|gs|abfs; prints ``{"conn_id", "connection", "path",
"counter"}`` when it is ready, or ``{"missing"}``: what to do first.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.reliability.s3_proxy import TIMEOUT_S, Handler, Proxy
from tests.support.stores import BUCKET, S3, Azure, Gcs, Lake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COUNTED = "/_counted"
"""Where it says which requests came since this was last asked; the body is a delay in seconds."""


class _Counter(Proxy):
    """Passes every request on, after a delay, and remembers it."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, _CountingHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.counted: list[str] = []
        self.delay_s = 0.0
        self.session = requests.Session()


class _CountingHandler(Handler):
    server: _Counter
    disable_nagle_algorithm = True

    def take(self, body: bytes) -> None:
        """Count the request, and pass it on."""
        server = self.server
        if self.path == COUNTED:
            server.delay_s = float(body)
            counted, server.counted = server.counted, []
            self.send(200, {}, json.dumps(counted).encode())
            return
        server.counted.append(f"{self.command} {self.path}")
        time.sleep(server.delay_s)
        headers = {name: value for name, value in self.headers.items() if name != "Expect"}
        with server.session.request(
            self.command,
            server.upstream + self.path,
            data=body,
            headers=headers,
            stream=True,
            allow_redirects=False,
            timeout=TIMEOUT_S,
        ) as response:
            content = response.raw.read(decode_content=False)
        back = {
            name: value.replace(server.upstream, server.url)
            for name, value in response.headers.items()
        }
        self.send(response.status_code, back, content)


def _s3() -> Lake:
    return S3()


def _gcs() -> Lake:
    return Gcs()


def _azure() -> Lake:
    main = Path(os.environ.get("AZURITE", ""))
    if not main.is_file():
        folder = str(main).partition("/node_modules")[0]
        raise FileNotFoundError(f"make {folder}/installed")
    return Azure(main)


_LAKES: Mapping[str, Callable[[], Lake]] = {"s3": _s3, "gs": _gcs, "abfs": _azure}


def _behind(counter: _Counter, connection: Mapping[str, Any]) -> dict[str, Any]:
    """Return an Airflow connection that leads to the counter; Airflow takes ``extra`` as text."""
    fields: dict[str, Any] = json.loads(
        json.dumps(connection).replace(counter.upstream, counter.url)
    )
    return fields | {"extra": json.dumps(fields["extra"])}


def main(scheme: str) -> None:
    """Serve until SIGTERM, with which the store ends, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        lake = _LAKES[scheme]()
    except FileNotFoundError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    with lake:
        (upstream,) = set(re.findall(r"http://127\.0\.0\.1:\d+", json.dumps(lake.connection)))
        with _Counter(upstream) as counter:
            ready = {
                "conn_id": lake.conn_id,
                "connection": _behind(counter, lake.connection),
                "path": f"{scheme}://{lake.conn_id}@{BUCKET}",
                "counter": counter.url,
            }
            print(json.dumps(ready), flush=True)
            counter.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
