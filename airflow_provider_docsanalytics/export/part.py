"""One file of rows, spooled on a local disk until it is whole."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from airflow_provider_docsanalytics.export.readable import Readable, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.export.formats import OutputFormat


_AT_ONCE = 1000
"""Rows that are encoded together: as cells of columns a row takes a thousand bytes and more."""


class _Digest:
    """A file that counts and hashes what is written to it.

    Once the file is closed nothing is written: an encoder that is let go before its end may try.
    """

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        if self._file.closed:
            return len(data)
        self.size += len(data)
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()


class Part:
    """Rows on their way into one file, in a spool that :meth:`close` removes.

    Attributes:
        name: what the file will be called.
        spool: the file that holds them until then.
        rows: rows written.
    """

    def __init__(self, name: str, spool: IO[bytes], output_format: OutputFormat) -> None:
        self.name = name
        self.spool = spool
        self.rows = 0
        self._digest = _Digest(spool)
        sink = cast("IO[bytes]", self._digest)
        self._compressed = output_format.compressed(sink)
        self._encoder = output_format.encoder(self._compressed or sink)
        self._taken = output_format.taken

    def write(self, rows: Sequence[bytes]) -> Readable:
        """Append rows; return them as they are written."""
        written = readable(rows, self._taken)
        for at in range(0, len(rows), _AT_ONCE):
            self._encoder.write(written.rows[at : at + _AT_ONCE])
        self.rows += len(rows)
        return written

    def finish(self) -> tuple[int, str]:
        """End the file, which stays open; return its size in bytes and its SHA-256 in hex."""
        self._encoder.close()
        if self._compressed is not None:
            self._compressed.close()
        self.spool.flush()
        return self._digest.size, self._digest.sha256.hexdigest()

    def close(self) -> None:
        """Remove the spool, unless it has been published by a rename."""
        # On a full or read-only disk neither may work: the bytes that are still held back are not
        # wanted, and a spool that stays is removed by the next commit in its directory.
        with suppress(OSError):
            self.spool.close()
        with suppress(OSError):
            if isinstance(self.spool.name, str):  # else it never had a name
                Path(self.spool.name).unlink()
