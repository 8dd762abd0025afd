"""What else may lie under one of our names: it is named, and neither waited for nor followed.

Each case runs in a process of its own, which is ended if it hangs or takes memory without an end.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.storage import Storage, conditional
from airflow_provider_docsanalytics.storage.local import LOCK, read_regular
from tests.storage.places import Listed

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
TOO_LONG_S = 300
MEMORY_BYTES = 2 * 2**30

EXPORT = """
import errno, fcntl, json, sys
from fsspec.implementations.local import LocalFileSystem
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity

root, store = sys.argv[1:]

class Page:
    rows, totals, missing, next_cursor = (b'{"a":1}',), {}, (), None

class Listed(LocalFileSystem):
    protocol, cachable = ("sftp",), False

def no_locks(*_):
    raise OSError(errno.ENOLCK, "No locks available")

if store == "without locks":
    fcntl.flock = no_locks
asked = []

def pages(cursor):
    asked.append(cursor)
    yield Page()

filesystem = Listed() if store == "listed" else LocalFileSystem()
plan = Plan(Identity("mintlify", "views", "p", None, None, {}, "jsonl", None), {})
try:
    export(plan, ExportDirectory(filesystem, root, "uri"), Source("https://x", pages, lambda: 0))
    said = "exported"
except Exception as error:
    said = f"{type(error).__name__}: {error}"
print(json.dumps([said, len(asked)]))
"""


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _export(root: Path, store: str = "local") -> tuple[str, int]:
    """Return how an export into a directory ended, and how often it has asked for pages."""
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, str(root), store],
        cwd=ROOT,
        preexec_fn=_limit_memory,
        capture_output=True,
        text=True,
        timeout=TOO_LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said, asked = json.loads(done.stdout.splitlines()[-1])
    return str(said), int(asked)


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        directory = os.open(path.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{directory}/{path.name}")
        os.close(directory)


PLANTED: dict[str, Callable[[Path], None]] = {
    "a named pipe": os.mkfifo,
    "a symbolic link to a pipe": lambda path: (
        os.mkfifo(path.with_name("pipe")),
        path.symlink_to("pipe"),
    )[1],
    "a symbolic link without an end": lambda path: path.symlink_to("/dev/zero"),
    "a symbolic link to a file": lambda path: path.symlink_to("/etc/passwd"),
    "a symbolic link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
    "a symbolic link to itself": lambda path: path.symlink_to(path.name),
    "a directory": lambda path: path.mkdir(),
    "a socket": _bind,
}


@pytest.mark.parametrize("store", ["local", "without locks"])
@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("name", ["_checkpoint.json", "_manifest.json"])
def test_what_is_no_regular_file_is_refused_before_the_first_request(
    tmp_path: Path, name: str, kind: str, store: str
) -> None:
    PLANTED[kind](tmp_path / name)
    before = os.lstat(tmp_path / name)
    said, asked = _export(tmp_path, store)
    assert said.startswith(f"ConfigError: {tmp_path}/{name} is {kind.partition(' to')[0][:10]}")
    assert "Remove it, or use another path" in said
    assert asked == 0
    assert os.path.samestat(before, os.lstat(tmp_path / name))
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.parametrize("kind", PLANTED)
def test_a_lock_that_is_no_regular_file_is_refused_before_the_first_request(
    tmp_path: Path, kind: str
) -> None:
    PLANTED[kind](tmp_path / LOCK)
    said, asked = _export(tmp_path)
    assert said.startswith(f"ConfigError: {tmp_path}/{LOCK} is {kind.partition(' to')[0][:10]}")
    assert asked == 0


@pytest.mark.parametrize("kind", ["a symbolic link without an end", "a directory"])
@pytest.mark.parametrize("name", ["_checkpoint.json", "_manifest.json"])
def test_a_store_that_only_lists_says_what_is_no_file(tmp_path: Path, name: str, kind: str) -> None:
    PLANTED[kind](tmp_path / name)
    said, asked = _export(tmp_path, "listed")
    assert said.startswith(f"ConfigError: {tmp_path}/{name} is not a regular file")
    assert asked == 0


@pytest.mark.parametrize("kind", PLANTED)
def test_a_part_that_is_no_regular_file_is_neither_read_nor_taken_for_one(
    tmp_path: Path, kind: str
) -> None:
    part = tmp_path / "part-00000-deadbeef.jsonl"
    PLANTED[kind](part)
    assert _export(tmp_path) == ("exported", 1)
    assert Storage(LocalFileSystem(), str(tmp_path), "uri").sizes().keys() == {
        path.name for path in tmp_path.iterdir() if path.is_file() and not path.is_symlink()
    }
    assert os.path.lexists(part)


def test_a_device_is_not_read() -> None:
    with pytest.raises(ConfigError, match="/dev/zero is a device, not a regular file"):
        read_regular("/dev/zero")


class Growing(Listed):
    """A file system whose files are larger when they are read than it has said."""

    def info(self, path: str, **arguments: Any) -> Any:
        return super().info(path, **arguments) | {"size": 10}


def test_a_file_that_has_grown_since_its_size_was_told_is_read_to_the_bound_alone(
    tmp_path: Path,
) -> None:
    large = tmp_path / "_manifest.json"
    large.touch()
    os.truncate(large, 10 * conditional.LARGEST_READ_BYTES)
    with pytest.raises(StorageError, match=f"has {conditional.LARGEST_READ_BYTES + 1} bytes, more"):
        Storage(Growing(), str(tmp_path), "uri").read(large.name)
    small = tmp_path / "_checkpoint.json"
    small.write_bytes(b"x" * 1000)
    assert Storage(Growing(), str(tmp_path), "uri").read(small.name) == b"x" * 1000


def test_a_growing_file_of_the_disk_is_read_to_the_bound_alone() -> None:
    """``/proc`` says that its files are empty."""
    text = read_regular("/proc/self/maps")
    assert text is not None
    assert len(text) > Path("/proc/self/maps").stat().st_size == 0
