"""Directories for exports, local and S3, read past the code under test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol, Self

import fsspec
import requests
from aiobotocore.session import AioSession

from tests.reliability.boundaries import WatchedS3

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.boundaries import Boundaries

_TIMEOUT_S = 30
_ANYONE = {"Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/s3/aws4_request"}
"""Whom moto lets read: it believes every signature, but wants one."""
_KEYS = re.compile(r"<Key>([^<]*)</Key>")


class Target(Protocol):
    """One directory."""

    root: str

    def filesystem(self, boundaries: Boundaries | None = None) -> Any:
        """Return a file system for the code under test, watched if boundaries are given."""

    def names(self) -> list[str]:
        """Return the names of all that lies there, sorted."""

    def read(self, name: str) -> bytes:
        """Return a file."""

    def write(self, name: str, content: bytes) -> None:
        """Put a file there."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def clear(self) -> None:
        """Remove everything."""


class LocalTarget:
    """A directory of this machine."""

    def __init__(self, root: Path) -> None:
        self._path = root
        self.root = str(root)

    def filesystem(self, boundaries: Boundaries | None = None) -> Any:  # noqa: ARG002 - watched as a process
        """Return the local file system."""
        return fsspec.filesystem("file")

    def names(self) -> list[str]:
        """Return the names."""
        return sorted(path.name for path in self._path.iterdir()) if self._path.exists() else []

    def read(self, name: str) -> bytes:
        """Return a file."""
        return (self._path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Put a file there."""
        self._path.mkdir(parents=True, exist_ok=True)
        (self._path / name).write_bytes(content)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._path / name).unlink()

    def clear(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self._path, ignore_errors=True)


class S3:
    """moto's S3 in a process of its own, serving inside a ``with`` block.

    Args:
        copied: a local directory, whose files are objects from the beginning, below its name.
    """

    def __init__(self, copied: Path | None = None) -> None:
        self._copied = copied

    def __enter__(self) -> Self:
        # Whoever forks has the models of S3's API loaded, and no client and no thread yet.
        self.session = AioSession()
        loader = self.session.get_component("data_loader")
        for kind in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"):
            loader.load_service_model("s3", kind)
        loader.load_data("endpoints")
        command = [sys.executable, "-c", _SERVE, *([str(self._copied)] if self._copied else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


_SERVE = """
import logging, sys
from pathlib import Path
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3 import s3_backends
from moto.server import create_backend_app
from tests.support.moto_s3 import write_in_one_step
from werkzeug.serving import make_server
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it writes of uploads aborted meanwhile
write_in_one_step()
service = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
service.create_bucket("lake", "us-east-1")
for copied in map(Path, sys.argv[1:]):
    for file in filter(Path.is_file, copied.rglob("*")):
        service.put_object("lake", str(file.relative_to(copied.parent)), file.read_bytes())
# Of S3 alone: moto's own server spends two fifths of its time on finding the service of a request.
server = make_server("127.0.0.1", 0, create_backend_app("s3"), threaded=True)
print(f"http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
"""


class S3Target:
    """A prefix of a bucket.

    Args:
        s3: the service.
        prefix: of all names.
        url: where the code under test finds the service, if not at its own address.
        bucket: only ``lake`` exists.
        chunk_bytes: what is twice as large is uploaded in parts of this size; default: s3fs' own.
    """

    kind = WatchedS3

    def __init__(
        self,
        s3: S3,
        prefix: str,
        url: str = "",
        bucket: str = "lake",
        chunk_bytes: int | None = None,
    ) -> None:
        self._chunk_bytes = chunk_bytes
        self._s3 = s3
        self._url = url or s3.url
        self._prefix = prefix
        self.root = f"{bucket}/{prefix}"

    def filesystem(self, boundaries: Boundaries | None = None) -> Any:
        """Return S3."""
        filesystem = self.kind(
            key="k",
            secret="s",
            client_kwargs={"endpoint_url": self._url, "region_name": "eu-west-1"},
            config_kwargs={"retries": {"max_attempts": 0}},
            session=self._s3.session,
        )
        filesystem.boundaries = boundaries
        filesystem.chunk_bytes = self._chunk_bytes
        return filesystem

    def names(self) -> list[str]:
        """Return the names."""
        listing = requests.get(
            f"{self._s3.url}/lake",
            params={"list-type": "2", "prefix": f"{self._prefix}/"},
            timeout=_TIMEOUT_S,
        )
        return sorted(key.removeprefix(f"{self._prefix}/") for key in _KEYS.findall(listing.text))

    def read(self, name: str) -> bytes:
        """Return an object."""
        answer = requests.get(self._object(name), headers=_ANYONE, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return answer.content

    def write(self, name: str, content: bytes) -> None:
        """Put an object there."""
        answer = requests.put(self._object(name), data=content, headers=_ANYONE, timeout=_TIMEOUT_S)
        answer.raise_for_status()

    def remove(self, name: str) -> None:
        """Remove an object."""
        answer = requests.delete(self._object(name), headers=_ANYONE, timeout=_TIMEOUT_S)
        answer.raise_for_status()

    def clear(self) -> None:
        """Remove every object."""
        for name in self.names():
            self.remove(name)

    def _object(self, name: str) -> str:
        return os.path.normpath(f"/{self.root}/{name}").join((self._s3.url, ""))
