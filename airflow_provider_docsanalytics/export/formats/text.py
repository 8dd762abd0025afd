"""Rows to bytes: JSON lines and CSV; Parquet is in :mod:`.parquet`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics.fields import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_docsanalytics.export.formats.table import Table

_EMPTY = b"{}"


class JsonLines:
    """One JSON object per line: the row's text, with the context fields inserted in front."""

    def __init__(self, sink: IO[bytes], context: Mapping[str, str]) -> None:
        self._sink = sink
        # {"_project_id":"p","_date_from":"…"  without the closing brace
        self._head = msgspec.json.encode(dict(context))[:-1]

    def write(self, rows: Sequence[bytes]) -> None:
        """Append one line per row; nothing is parsed."""
        if not rows:
            return
        head = self._head + b","
        if _EMPTY in rows:
            text = b"".join(
                self._head + b"}\n" if row == _EMPTY else head + row[1:] + b"\n" for row in rows
            )
        else:
            text = head + (b"\n" + head).join([row[1:] for row in rows]) + b"\n"
        self._sink.write(text)

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
            encoders[Kind.TEXT] = _escaped
        self._columns = [(column.name, encoders[column.kind]) for column in self._table.columns]
        self._write_line([name.encode() for name, _ in self._columns])

    def write(self, rows: Sequence[bytes]) -> None:
        """Append one record per row."""
        for cells in self._table.cells(rows):
            # One by one, because a text may take four times the memory of its bytes.
            pop = cells.pop
            self._write_line([_cell(pop(name, None), encode) for name, encode in self._columns])

    def _write_line(self, cells: Sequence[bytes]) -> None:
        self._sink.write(b",".join(cells))
        self._sink.write(b"\n")

    def close(self) -> None:
        """Nothing is buffered."""


def _cell(value: Any, encode: Callable[[Any], bytes]) -> bytes:
    return b"" if value is None else encode(value)


def _quoted(text: str | bytes) -> bytes:
    return b'"%s"' % (text.encode() if isinstance(text, str) else text).replace(b'"', b'""')


def _escaped(text: str | bytes) -> bytes:
    """Return quoted text that spreadsheet programs display and do not run."""
    raw = text.encode() if isinstance(text, str) else text
    return _quoted(b"'" + raw if raw.startswith((b"=", b"+", b"-", b"@", b"\t", b"\r")) else raw)


def _instant(value: datetime) -> bytes:
    value = value.astimezone(UTC)
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.isoformat(timespec=precision).replace("+00:00", "Z").encode()


def _json(value: Any) -> bytes:
    return b'"%s"' % msgspec.json.encode(value).replace(b'"', b'""')


_ENCODERS: Mapping[Kind, Callable[[Any], bytes]] = {
    Kind.TEXT: _quoted,
    Kind.INTEGER: lambda value: str(value).encode(),
    Kind.NUMBER: lambda value: repr(value).encode(),
    Kind.BOOLEAN: lambda value: b"true" if value else b"false",
    Kind.TIMESTAMP: _instant,
    Kind.OBJECT: _json,
    Kind.OBJECTS: _json,
}
