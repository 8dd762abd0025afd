"""Stores to try a storage on: disk, memory, S3 (moto), and what only lists and writes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_docsanalytics.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable


class Listed(LocalFileSystem):  # type: ignore[misc]
    """Files as an SFTP server shows them: real ones, without locks and without conditions."""

    protocol = ("sftp",)
    cachable = False


class Timeless(MemoryFileSystem):  # type: ignore[misc]
    """A store whose listings tell no times."""

    cachable = False

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:  # noqa: ARG002, FBT001, FBT002 - fsspec's
        entries = super().ls(path, detail=True, **kwargs)
        return [{key: entry[key] for key in ("name", "size", "type")} for entry in entries]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@dataclass
class Place:
    """One directory of one store, and what is in its way."""

    make: Callable[[], Any]
    root: str

    def storage(self) -> Storage:
        storage = Storage(self.make(), self.root, f"uri:{self.root}")
        storage.make()
        return storage

    def names(self) -> list[str]:
        return sorted(self.storage().sizes())


def s3(url: str) -> Any:
    filesystem = fsspec.filesystem(
        "s3",
        key="k",
        secret="s",
        client_kwargs={"endpoint_url": url, "region_name": "eu-west-1"},
        skip_instance_cache=True,
    )
    filesystem.makedirs("lake", exist_ok=True)
    return filesystem


def memory() -> Any:
    return MemoryFileSystem(skip_instance_cache=True)


def count_up(place: Place, times: int) -> None:
    """Add one to the number in a file so many times, each on condition."""
    storage = place.storage()
    for _ in range(times):
        while True:
            number = int(storage.read("_checkpoint.json") or b"0")
            if storage.replace("_checkpoint.json", b"%d" % (number + 1), f"{os.getpid():08x}"):
                break
            time.sleep(0)
