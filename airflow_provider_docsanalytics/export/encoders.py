"""Rows to bytes: file formats and compressions, each a line of a table."""

from __future__ import annotations

import gzip
from typing import IO, TYPE_CHECKING, Protocol

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Encoder(Protocol):
    """Writes the rows of one file."""

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows, each a JSON object as text."""

    def close(self) -> None:
        """Write what is still held back; the sink stays open."""


class JsonLines:
    """One JSON object a line: the row's own text, with the context fields spliced in front."""

    def __init__(self, sink: IO[bytes], context: Mapping[str, str]) -> None:
        self._sink = sink
        # {"_project_id":"p","_date_from":"…"  without the closing brace
        self._head = msgspec.json.encode(dict(context))[:-1]

    def write(self, rows: Sequence[bytes]) -> None:
        """Append one line a row; nothing is parsed."""
        if not rows:
            return
        head = self._head + b","
        text = head + (b"\n" + head).join([row[1:] for row in rows]) + b"\n"
        as_usual = text.count(b"\n") == len(rows) and b"\r" not in text
        if not as_usual or not all(row.startswith(b'{"') for row in rows):
            text = b"".join([self._line(row) for row in rows])
        self._sink.write(text)

    def _line(self, row: bytes) -> bytes:
        """Return the line of any row: also pretty-printed, also without fields."""
        tail = one_line(row)[1:]
        comma = b"" if tail.lstrip().startswith(b"}") else b","
        return self._head + comma + tail + b"\n"

    def close(self) -> None:
        """Nothing is held back."""


def one_line(text: bytes) -> bytes:
    """Return JSON text without line breaks; strings and numbers stay as they are.

    Within JSON a raw line break stands only between tokens (in strings it is escaped), and so does
    the white space next to it.
    """
    return b"".join(line.strip(b" \t") for line in text.splitlines())


def _gzip(sink: IO[bytes]) -> IO[bytes]:
    # Neither a file name nor a time in the header: the same rows give the same bytes.
    return gzip.GzipFile("", "wb", compresslevel=6, fileobj=sink, mtime=0)  # type: ignore[return-value]


def _zstd(sink: IO[bytes]) -> IO[bytes]:
    try:
        import zstandard
    except ImportError as error:
        raise ConfigError(
            "compression='zstd' needs the zstandard package: install "
            "airflow-provider-docsanalytics[zstd] where the workers run."
        ) from error
    return zstandard.ZstdCompressor(level=3).stream_writer(sink, closefd=False)


FORMATS: Mapping[str, Callable[[IO[bytes], Mapping[str, str]], Encoder]] = {"jsonl": JsonLines}
COMPRESSIONS: Mapping[str | None, tuple[str, Callable[[IO[bytes]], IO[bytes]] | None]] = {
    None: ("", None),
    "gzip": (".gz", _gzip),
    "zstd": (".zst", _zstd),
}


def suffix(file_format: str, compression: str | None) -> str:
    """Return the ending of a file's name, or raise :class:`ConfigError` with what is known."""
    if file_format not in FORMATS:
        raise ConfigError(f"file_format={file_format!r}: expected one of {', '.join(FORMATS)}.")
    if compression not in COMPRESSIONS:
        known = ", ".join(repr(name) for name in COMPRESSIONS)
        raise ConfigError(f"compression={compression!r}: expected one of {known}.")
    return f".{file_format}{COMPRESSIONS[compression][0]}"
