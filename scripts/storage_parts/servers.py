"""The servers of the storages, each on a free port of this machine inside a ``with`` block."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_TIMEOUT_S = 30


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve S3; give its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def gcs_emulator() -> Iterator[str]:
    """Serve Google Cloud Storage; give its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1"]
    with _process(*command, "--port", port, "--in-memory", "--quiet"):
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url


@contextmanager
def azurite(main: Path, account: str) -> Iterator[str]:
    """Serve Azure Blob Storage; give its URL.

    Args:
        main: Azurite's own file that serves blobs.
        account: ``name:key``.
    """
    options = ("--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry")
    # Younger clients than the emulator name a version of the API that it has not heard of.
    command = ("node", str(main), *options, "--skipApiVersionCheck")
    with _process(*command, AZURITE_ACCOUNTS=account) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "listens on" in line:
                yield line.split()[-1]
                return
        raise TimeoutError("Azurite ended before it served")


@contextmanager
def _process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            requests.get(url, timeout=_START_TIMEOUT_S)
        except requests.ConnectionError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return
