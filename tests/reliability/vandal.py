"""A lake that is damaged on purpose, and made whole again."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from tests.support.lake import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.support.lake import LakeWriter

MANIFEST, CHECKPOINT = "_manifest.json", "_checkpoint.json"


class Vandal:
    """Changes the files of a lake; all is undone at the end of :meth:`undoing`.

    Args:
        writer: of the lake.
        days: how many it has.
    """

    def __init__(self, writer: LakeWriter, days: int) -> None:
        self.writer = writer
        self.days = days
        self._fs = writer.filesystem
        self._root = writer.root
        self._before: dict[str, bytes | None] = {}
        self.touched: set[str] = set()

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Put every file back at the end of the block."""
        try:
            yield
        finally:
            for path, content in self._before.items():
                if content is None:
                    self._delete(path)
                else:
                    self._write(path, content)
            self._before.clear()
            self.touched.clear()

    # Where things are

    def day(self, endpoint: str, number: int = -1) -> str:
        """Return the directory of one day, by default one in the middle; days count from 0."""
        platform = "vyom" if endpoint.startswith(("calls", "dashboard", "tokens")) else "mintlify"
        return f"{platform}/{endpoint}/dt={self.date(number):%Y-%m-%d}"

    def date(self, number: int = -1) -> datetime:
        """Return the start of a day."""
        return self.writer.start + (self.days // 2 if number < 0 else number) * DAY

    def manifest(self, directory: str) -> dict[str, Any]:
        """Return a manifest."""
        found: dict[str, Any] = json.loads(self.read(f"{directory}/{MANIFEST}"))
        return found

    def part(self, directory: str) -> str:
        """Return the path of the first file of an export."""
        return f"{directory}/{self.manifest(directory)['files'][0]['name']}"

    # What is done to them

    def read(self, path: str) -> bytes:
        """Return a file."""
        content: bytes = self._fs.cat_file(f"{self._root}/{path}")
        return content

    def write(self, path: str, content: bytes) -> None:
        """Put a file in place."""
        self._remember(path)
        self._write(path, content)

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._remember(path)
        self._delete(path)

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory."""
        self._fs.invalidate_cache()
        entries = self._fs.ls(f"{self._root}/{directory}", detail=False)
        return [entry.rpartition("/")[2] for entry in entries]

    def delete_export(self, directory: str) -> None:
        """Delete all files of a directory."""
        for name in self.names(directory):
            self.delete(f"{directory}/{name}")

    def copy_export(self, directory: str, to: str) -> None:
        """Copy all files of a directory."""
        for name in self.names(directory):
            self.write(f"{to}/{name}", self.read(f"{directory}/{name}"))

    def edit(self, directory: str, **changed: Any) -> None:
        """Change fields of a manifest."""
        text = json.dumps(self.manifest(directory) | changed)
        self.write(f"{directory}/{MANIFEST}", text.encode())

    def edit_file(self, directory: str, **changed: Any) -> None:
        """Change what the manifest says of its first file."""
        files = self.manifest(directory)["files"]
        self.edit(directory, files=[files[0] | changed, *files[1:]])

    def change(self, path: str, change: Callable[[bytes], bytes]) -> None:
        """Change a file's content."""
        self.write(path, change(self.read(path)))

    def fit_rows(self, directory: str, change: Callable[[list[Any]], list[Any]]) -> None:
        """Change the rows of the first file, and fit the manifest to it."""
        path = self.part(directory)
        content, rows = changed_rows(self.read(path), change)
        self.write(path, content)
        sha256 = hashlib.sha256(content).hexdigest()
        self.edit_file(directory, rows=rows, bytes=len(content), sha256=sha256)
        files = self.manifest(directory)["files"]
        self.edit(directory, rows=sum(file["rows"] for file in files))

    def added(self, directory: str) -> None:
        """Note the files of a directory that others have put there, so that they go at the end."""
        self.touched.add(directory)
        for name in self.names(directory):
            self._before.setdefault(f"{directory}/{name}", None)

    def silence(self, directory: str) -> None:
        """Leave no row, and a manifest that fits."""
        self.fit_rows(directory, lambda _: [])

    def _remember(self, path: str) -> None:
        self.touched.add(path.rpartition("/")[0])
        if path not in self._before:
            self._fs.invalidate_cache()
            exists = self._fs.exists(f"{self._root}/{path}")
            self._before[path] = self.read(path) if exists else None

    def _write(self, path: str, content: bytes) -> None:
        if self._fs.protocol in ("file", ("file", "local")):
            self._fs.makedirs(f"{self._root}/{path}".rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(f"{self._root}/{path}", content)

    def _delete(self, path: str) -> None:
        self._fs.invalidate_cache()
        if self._fs.exists(f"{self._root}/{path}"):
            self._fs.rm_file(f"{self._root}/{path}")


def changed_rows(content: bytes, change: Callable[[list[Any]], list[Any]]) -> tuple[bytes, int]:
    """Return a file with other rows, and their number; rows are lines, or dicts of Parquet."""
    if not content.startswith(b"PAR1"):
        lines = change(content.splitlines(keepends=True))
        return b"".join(lines), len(lines)
    table = parquet.read_table(io.BytesIO(content))
    rows = change(table.to_pylist())
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=table.schema), out)
    return out.getvalue(), len(rows)
