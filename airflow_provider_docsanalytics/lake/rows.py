"""Rows read back from the files of an export, of every format, in bounded memory."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import tempfile
import zlib
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.fields import CONTEXT
from airflow_provider_docsanalytics.storage.conditional import LARGEST_READ_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_ROWS = 1000
_BUFFER_BYTES = 2**20
_IN_MEMORY_BYTES = 32 * 2**20
_CONTEXT_NAMES = tuple(field.name for field in CONTEXT)
_CONTEXT = re.compile(rb'\{(?:"(?:%s)":"[^"\\]*",?)+' % "|".join(_CONTEXT_NAMES).encode())


class UnreadableRows(Exception):  # noqa: N818 - what they are
    """The rows of a file cannot be read: its content is not of its format."""


class PartReader:
    """One file of rows; its checksum is known once it was read to the end.

    Args:
        file: opened for reading.
        name: of the file, which gives its format.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._hashed = _Hashed(file)
        self._raw = io.BufferedReader(self._hashed, _BUFFER_BYTES)
        self._name = name
        self.context = b""

    def chunks(self) -> Iterator[list[bytes]]:
        """Yield the rows as JSON, without the context fields, some at a time.

        Rows of JSON lines are as they were written; those of other formats have the columns of the
        file, and in CSV every value is text.

        Raises:
            UnreadableRows: the content is not of its format.
            ConfigError: a package to read it is not installed.
        """
        with self._unpacked() as file:
            if self._name.endswith(".parquet"):
                rows = _parquet(file)
            else:
                rows = _csv(file) if ".csv" in self._name else _json_lines(file)
            while chunk := list(islice(rows, _CHUNK_ROWS)):
                self.context = self.context or chunk[0][0]
                yield [row for _, row in chunk]

    def finish(self) -> str:
        """Read what is left of the file; return the SHA-256 of all of it, in hex."""
        while self._raw.read(_BUFFER_BYTES):
            pass
        return self._hashed.sha256.hexdigest()

    @contextmanager
    def _unpacked(self) -> Iterator[IO[bytes]]:
        """Give the file's content; errors of the block are about the content."""
        raw = self._raw
        if self._name.endswith(".gz"):
            with _unreadable(zlib.error, EOFError, gzip.BadGzipFile, csv.Error, UnicodeError):
                yield gzip.GzipFile(fileobj=raw)  # type: ignore[misc]
        elif self._name.endswith(".zst"):
            zstandard = _package("zstandard", "zstd")
            unpacked = zstandard.ZstdDecompressor().stream_reader(
                raw, read_across_frames=True, closefd=False
            )
            with _unreadable(zstandard.ZstdError, csv.Error, UnicodeError):
                yield io.BufferedReader(unpacked, _BUFFER_BYTES)
        else:
            with _unreadable(csv.Error, UnicodeError):
                yield raw


class _Hashed(io.RawIOBase):
    """A file that hashes what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.sha256.update(data)
        return len(data)


_IS_JSON = msgspec.json.Decoder(msgspec.Raw).decode
_Row = tuple[bytes, bytes]
"""The context fields of a row, and the others, each as JSON."""


def _json_lines(file: IO[bytes]) -> Iterator[_Row]:
    number = 0
    while line := file.readline(LARGEST_READ_BYTES):
        number += 1
        if not line.endswith(b"\n"):
            raise UnreadableRows(f"row {number:,} is cut off, or too long")
        try:
            _IS_JSON(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UnreadableRows(f"row {number:,} is not JSON: {error}") from error
        found = _CONTEXT.match(line)
        end = found.end() if found else 1
        yield line[:end].rstrip(b",") + b"}", b"{" + line[end:-1]


def _csv(file: IO[bytes]) -> Iterator[_Row]:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        with _large_cells():
            rows = csv.DictReader(text, strict=True)
            for row in rows:
                if None in row or None in row.values():
                    raise UnreadableRows(f"line {rows.line_num:,} has not a cell for each column")
                yield _split(row)
    finally:
        text.detach()  # or it would close the file


def _parquet(file: IO[bytes]) -> Iterator[_Row]:
    parquet = _package("pyarrow.parquet", "parquet")
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:  # it is not read in order
        while data := file.read(_BUFFER_BYTES):
            copy.write(data)
        copy.seek(0)
        arrow_error = _package("pyarrow", "parquet").ArrowException
        with _unreadable(OSError, ValueError, OverflowError, arrow_error):
            for batch in parquet.ParquetFile(copy).iter_batches(_CHUNK_ROWS):
                yield from map(_split, batch.to_pylist())


def _split(row: dict[str, Any]) -> _Row:
    context = {name: row.pop(name) for name in _CONTEXT_NAMES if name in row}
    return msgspec.json.encode(context), msgspec.json.encode(row)


@contextmanager
def _large_cells() -> Iterator[None]:
    before = csv.field_size_limit(LARGEST_READ_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def _unreadable(*errors: type[Exception]) -> Iterator[None]:
    """Raise errors about content as :class:`UnreadableRows`."""
    try:
        yield
    except errors as error:
        raise UnreadableRows(str(error) or type(error).__name__) from error


def _package(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"A deep audit of these files needs the package {name.partition('.')[0]}.\n"
            f"Run pip install 'airflow-provider-docsanalytics[{extra}]'."
        ) from error
