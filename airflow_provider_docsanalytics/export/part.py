"""One file of rows, spooled on a local disk until it is whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from airflow_provider_docsanalytics.export.encoders import COMPRESSIONS, FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _Digest:
    """A file that counts and hashes what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


class Part:
    """Rows on their way into one file, in a spool that :meth:`close` removes.

    Attributes:
        name: what the file will be called.
        spool: the spool's path.
        rows: rows written.
    """

    def __init__(
        self,
        name: str,
        spool: IO[bytes],
        file_format: str,
        compression: str | None,
        context: Mapping[str, str],
    ) -> None:
        self.name = name
        self.spool = spool.name
        self.rows = 0
        self._file = spool
        self._digest = _Digest(spool)
        sink = cast("IO[bytes]", self._digest)
        compress = COMPRESSIONS[compression][1]
        self._compressed = compress(sink) if compress else None
        self._encoder = FORMATS[file_format](self._compressed or sink, context)

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
