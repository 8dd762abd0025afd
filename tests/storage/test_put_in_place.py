"""Files put in place whole, whatever the file system under them makes of it."""

from __future__ import annotations

import errno
import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_docsanalytics.export.documents import Manifest

IDENTITY = Identity("mintlify", "views", "p", None, None, {}, "jsonl", None)


class Page:
    totals: dict[str, Any] = {}  # noqa: RUF012 - never written to
    missing = ()
    unknown = ()

    def __init__(self, number: int) -> None:
        self.rows = (b'{"n":%d}' % number,)
        self.next_cursor = str(number + 1) if number < 3 else None


def _pages(cursor: str | None) -> Iterator[Page]:
    for number in range(int(cursor or 0), 4):
        yield Page(number)


def _export(filesystem: Any, root: str) -> Manifest:
    directory = ExportDirectory(filesystem, root, f"uri:{root}")
    source = Source("https://service", _pages, lambda: 4)
    return export(Plan(IDENTITY, {"_project_id": "p"}, 2), directory, source)


def _refuse(code: int, *_: Any) -> None:
    raise OSError(code, os.strerror(code))


@pytest.mark.parametrize("code", [errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS])
def test_a_mount_whose_files_take_no_modes_holds_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """SMB and Azure Files: what is readable by whom is a matter of the mount."""
    monkeypatch.setattr(os, "fchmod", partial(_refuse, code))
    for _ in range(2):
        manifest = _export(LocalFileSystem(), str(tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"_manifest.json", *(file.name for file in manifest.files)}


def test_a_disk_that_fails_while_modes_are_set_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchmod", partial(_refuse, errno.EIO))
    with pytest.raises(StorageError, match="Input/output error"):
        _export(LocalFileSystem(), str(tmp_path))
    assert not (tmp_path / "_manifest.json").exists()


class AsOnMacOS(MemoryFileSystem):  # type: ignore[misc]
    """Who opens ``/dev/fd/N`` there shares the position of N, and reads from that on."""

    cachable = False

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        with os.fdopen(os.dup(int(lpath.removeprefix("/dev/fd/"))), "rb") as spool:
            self.pipe_file(rpath, spool.read())


def test_a_part_is_uploaded_whole_where_an_opened_descriptor_shares_its_position() -> None:
    filesystem = AsOnMacOS()
    manifest = _export(filesystem, "/macos")
    for file in manifest.files:
        assert len(filesystem.cat(f"/macos/{file.name}")) == file.bytes > 0
    rows = [filesystem.cat(f"/macos/{file.name}").splitlines() for file in manifest.files]
    assert [json.loads(row)["n"] for part in rows for row in part] == [0, 1, 2, 3]


@pytest.mark.parametrize("most_bytes", [0, 5])
def test_an_upload_that_is_not_whole_is_never_an_export(most_bytes: int) -> None:
    class Cut(AsOnMacOS):
        def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
            cut = value[:most_bytes] if "part-" in path else value
            super().pipe_file(path, cut, **options)

    filesystem = Cut()
    with pytest.raises(StorageError, match="is missing or has another size"):
        _export(filesystem, f"/cut{most_bytes}")
    assert not filesystem.exists(f"/cut{most_bytes}/_manifest.json")
