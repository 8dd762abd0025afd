"""One file of rows, spooled on the local disk until it is whole."""

from __future__ import annotations

import hashlib
import tempfile
from typing import IO, TYPE_CHECKING, cast

from airflow_provider_docsanalytics.export.encoders import COMPRESSIONS, FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import msgspec


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
    """Rows on their way into one file; the spool is readable by its owner only, and is removed.

    Attributes:
        rows: rows written.
    """

    def __init__(
        self, file_format: str, compression: str | None, context: Mapping[str, str]
    ) -> None:
        self._spool = tempfile.NamedTemporaryFile(prefix="docsanalytics-", suffix=".part")  # noqa: SIM115 - closed by close()
        self._digest = _Digest(cast("IO[bytes]", self._spool))
        sink = cast("IO[bytes]", self._digest)
        compress = COMPRESSIONS[compression][1]
        self._compressed = compress(sink) if compress else None
        self._encoder = FORMATS[file_format](self._compressed or sink, context)
        self.rows = 0

    def write(self, rows: Sequence[msgspec.Raw]) -> None:
        """Append rows."""
        self._encoder.write(rows)
        self.rows += len(rows)

    def finish(self) -> tuple[str, int, str]:
        """End the file; return the spool's path, its size in bytes and its SHA-256 in hex."""
        self._encoder.close()
        if self._compressed is not None:
            self._compressed.close()
        self._spool.flush()
        return self._spool.name, self._digest.size, self._digest.sha256.hexdigest()

    def close(self) -> None:
        """Remove the spool."""
        self._spool.close()
