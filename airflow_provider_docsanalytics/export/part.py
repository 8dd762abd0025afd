"""One file of rows, spooled on a local disk until it is whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.export.layout import Layout


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
        spool: the spool's path.
        rows: rows written.
    """

    def __init__(self, name: str, spool: IO[bytes], layout: Layout) -> None:
        self.name = name
        self.spool = spool.name
        self.rows = 0
        self._file = spool
        self._digest = _Digest(spool)
        sink = cast("IO[bytes]", self._digest)
        self._compressed = layout.compressed(sink)
        self._encoder = layout.encoder(self._compressed or sink)

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows."""
        self._encoder.write(rows)
        self.rows += len(rows)

    def finish(self) -> tuple[int, str]:
        """End the file; return its size in bytes and its SHA-256 in hex."""
        self._encoder.close()
        if self._compressed is not None:
            self._compressed.close()
        self._file.close()
        return self._digest.size, self._digest.sha256.hexdigest()

    def close(self) -> None:
        """Remove the spool, unless it has been published by a rename."""
        self._file.close()
        Path(self.spool).unlink(missing_ok=True)
