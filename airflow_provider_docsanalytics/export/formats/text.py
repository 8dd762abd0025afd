"""Rows to bytes: JSON lines and CSV; Parquet is in :mod:`.parquet`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics.fields import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from airflow_provider_docsanalytics.export.formats.table import Table

_EMPTY = b"{}"
_BLOCK_ROWS = 100
"""Rows that are written to JSON lines together: few enough for the processor's cache."""
_BLOCK_BYTES = 256 * 1024
"""Rows that are written to CSV together."""
_FORMULAS = (b"=", b"+", b"-", b"@", b"\t", b"\r")


class JsonLines:
    """One JSON object per line: the row's text, with the context fields inserted in front."""

    def __init__(self, sink: IO[bytes], context: Mapping[str, str]) -> None:
        self._sink = sink
        # {"_project_id":"p","_date_from":"…"  without the closing brace
        self._head = msgspec.json.encode(dict(context))[:-1]

    def write(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Append one line per row; nothing is parsed."""
        head = self._head + b","
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = rows[start : start + _BLOCK_ROWS]
            if _EMPTY in block:
                lines = (self._head + b"}" if row == _EMPTY else head + row[1:] for row in block)
                text = b"\n".join(lines) + b"\n"
            else:
                text = head + (b"\n" + head).join([row[1:] for row in block]) + b"\n"
            self._sink.write(text)
        return range(len(rows))

    def close(self) -> None:
        """Nothing is buffered."""


class RawLines:
    """The rows' own text, one on a line, without context fields."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink

    def write(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Append one line per row; none is to be checked, because that is for its reader."""
        self._sink.write(b"".join(row + b"\n" for row in rows))
        return ()

    def close(self) -> None:
        """Nothing is buffered."""


class Csv:
    """RFC 4180 with a header, in UTF-8, lines ending in LF.

    A null is an empty cell. Text is always quoted, so that ``""`` is an empty text.

    Args:
        sink: the file.
        table: the columns.
        escape_formulas: put ``'`` before text that a spreadsheet program would run as a formula.
    """

    def __init__(self, sink: IO[bytes], table: Table, *, escape_formulas: bool) -> None:
        self._sink = sink
        self._table = table
        encoders = {**_ENCODERS}
        if escape_formulas:
            encoders[Kind.TEXT] = _escaped_texts
        encoded = [encoders[column.kind] for column in table.columns]
        self._encoders = encoded[len(table.context) :]
        context = [encode([cell])[0] for cell, encode in zip(table.context, encoded, strict=False)]
        self._context = b"".join(cell + b"," for cell in context)
        self._sink.write(b",".join(column.name.encode() for column in table.columns) + b"\n")

    def write(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Append one record per row."""
        odd: list[int] = []
        records = self._table.records(rows, odd)
        for block in _blocks(rows):
            columns = zip(*islice(records, len(block)), strict=True)
            cells = [encode(column) for encode, column in zip(self._encoders, columns, strict=True)]
            lines = map(b",".join, zip(*cells, strict=True))
            self._sink.write(self._context + (b"\n" + self._context).join(lines) + b"\n")
        return odd

    def close(self) -> None:
        """Nothing is buffered."""


def _blocks(rows: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield a few hundred rows at a time, long ones alone: as ``str`` they take 4 times as much."""
    start = size = 0
    for at, row in enumerate(rows):
        if size and size + len(row) > _BLOCK_BYTES:
            yield rows[start:at]
            start, size = at, 0
        size += len(row)
    if start < len(rows):
        yield rows[start:]


def _quoted(text: bytes) -> bytes:
    return b'"%b"' % (text.replace(b'"', b'""') if b'"' in text else text)


def _texts(column: Iterable[str | bytes | None]) -> list[bytes]:
    return [
        b"" if text is None else _quoted(text.encode() if isinstance(text, str) else text)
        for text in column
    ]


def _escaped_texts(column: Iterable[str | bytes | None]) -> list[bytes]:
    """Return quoted texts that spreadsheet programs display and do not run."""
    return [
        cell[:1] + b"'" + cell[1:] if cell[1:].startswith(_FORMULAS) else cell
        for cell in _texts(column)
    ]


def _instants(column: Iterable[datetime | None]) -> list[bytes]:
    return [b"" if value is None else _instant(value) for value in column]


def _instant(value: datetime) -> bytes:
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
    text = (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat(timespec=precision)
    return text.removesuffix("+00:00").encode() + b"Z"


def _as_json(column: Iterable[Any]) -> list[bytes]:
    return [b"" if value is None else _quoted(msgspec.json.encode(value)) for value in column]


def _each(spell: Callable[[Any], str]) -> Callable[[Iterable[Any]], list[bytes]]:
    return lambda column: [b"" if value is None else spell(value).encode() for value in column]


_ENCODERS: Mapping[Kind, Callable[[Iterable[Any]], list[bytes]]] = {
    Kind.TEXT: _texts,
    Kind.INTEGER: _each(str),
    Kind.NUMBER: _each(repr),
    Kind.BOOLEAN: _each(lambda value: "true" if value else "false"),
    Kind.TIMESTAMP: _instants,
    Kind.OBJECT: _as_json,
    Kind.OBJECTS: _as_json,
}
"""A column's cells, as they are written."""
