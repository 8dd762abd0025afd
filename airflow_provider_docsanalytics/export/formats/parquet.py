"""Rows to Parquet, with ``pyarrow``, which is imported only when a file is written."""

from __future__ import annotations

from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics.fields import EXTRA, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_docsanalytics.export.formats.table import Table

ROW_GROUP_BYTES = 16 * 1024 * 1024
"""Rows buffered in memory, before compression, until they are written as one row group."""
GZIP_LEVEL = 4
"""Half the CPU of level 6, for 5 % more bytes of prose."""
_CODECS = {None: "snappy", "gzip": "gzip", "zstd": "zstd"}


class Parquet:
    """One Parquet file: every column nullable, timestamps in microseconds of UTC."""

    def __init__(self, sink: IO[bytes], table: Table, compression: str | None) -> None:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet

        self._arrow = pa
        self._table = table
        self._schema = pa.schema([_field(pa, column) for column in self._table.columns])
        leaves = dict(leaf for column in self._table.columns for leaf in _leaves(column))
        self._writer = parquet.ParquetWriter(
            sink,
            self._schema,
            compression=_CODECS[compression],
            compression_level=GZIP_LEVEL if compression == "gzip" else None,
            # Both keep copies of a column's largest texts.
            write_statistics=[name for name, kind in leaves.items() if kind is not Kind.TEXT],
            use_dictionary=[name for name in leaves if name != EXTRA.name],
        )
        self._buffered: list[Any] = []

    def write(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Append rows, and write a row group when enough are buffered."""
        odd: list[int] = []
        columns = zip(*self._table.records(rows, odd), strict=True)
        cells = [*([cell] * len(rows) for cell in self._table.context), *columns]
        arrays = [
            self._arrow.array(_dictionaries(values) if column.fields else values, field.type)
            for values, column, field in zip(cells, self._table.columns, self._schema, strict=True)
        ]
        self._buffered.append(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        del columns, cells, arrays  # a row group takes several times their size to write
        if sum(batch.nbytes for batch in self._buffered) >= ROW_GROUP_BYTES:
            self._write_row_group()
        return odd

    def close(self) -> None:
        """Write the last row group and the footer."""
        self._write_row_group()
        self._writer.close()

    def _write_row_group(self) -> None:
        buffered, self._buffered = self._buffered, []
        if buffered:
            self._writer.write_table(self._arrow.Table.from_batches(buffered))


def _dictionaries(objects: Sequence[Any]) -> Any:
    """Return objects, or lists of them, as ``pyarrow`` takes them."""
    return msgspec.to_builtins(objects, builtin_types=(datetime,))


def _leaves(field: Field) -> Iterator[tuple[str, Kind]]:
    """Yield the path of each column that a field becomes, as Parquet names it, and its kind."""
    if not field.fields:
        yield field.name, field.kind
    within = field.name if field.kind is Kind.OBJECT else f"{field.name}.list.element"
    for inner in field.fields:
        yield from ((f"{within}.{name}", kind) for name, kind in _leaves(inner))


def _field(pa: Any, field: Field) -> Any:
    return pa.field(field.name, _type(pa, field))


def _type(pa: Any, field: Field) -> Any:
    if field.fields:
        struct = pa.struct([_field(pa, inner) for inner in field.fields])
        return struct if field.kind is Kind.OBJECT else pa.list_(struct)
    return {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }[field.kind]
