"""How the documentation has exports read, by each reader: rows as dictionaries."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import json as arrow_json
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = list[dict[str, Any]]
_LONGEST = 64 * 1024 * 1024
_SOURCE = pa.struct([("title", pa.string()), ("url", pa.string())])
_TYPES = {
    "_project_id": pa.string(),
    "id": pa.string(),
    "at": pa.string(),
    "hits": pa.int64(),
    "ctr": pa.float64(),
    "ok": pa.bool_(),
    "sources": pa.list_(_SOURCE),
    "range": pa.struct([("from", pa.string())]),
}


_DUCKDB = {
    ".jsonl": f"read_ndjson_objects($1, maximum_object_size = {_LONGEST})",
    ".csv": f"read_csv($1, header = true, all_varchar = true, allow_quoted_nulls = false, "
    f"union_by_name = true, max_line_size = {_LONGEST})",
    ".parquet": "read_parquet($1, union_by_name = true)",
}


def exactly(text: str | bytes) -> Any:
    """Return JSON's value with numbers as they are spelled."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _duckdb(file: str) -> Rows:
    kind = next(kind for kind in _DUCKDB if kind in file)
    found = duckdb.execute(f"FROM {_DUCKDB[kind]}", [file])
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [exactly(row["json"]) for row in rows] if kind == ".jsonl" else rows


def _pandas(file: str) -> Rows:
    if ".jsonl" in file:
        lines = pd.read_csv(
            file, sep="\x01", header=None, quoting=3, dtype=str, keep_default_na=False
        )
        return [exactly(line) for line in lines[0]]
    if ".csv" in file:
        # Before 3.1 the parser of its own ends a text at NUL.
        engine: Any = None if pd.__version__ >= "3.1" else "pyarrow"
        frame = pd.read_csv(file, dtype=str, keep_default_na=False, engine=engine)
    else:
        frame = pd.read_parquet(file, dtype_backend="pyarrow")
    rows: Rows = frame.to_dict("records")  # type: ignore[assignment]
    return rows


def _polars(file: str) -> Rows:
    if ".jsonl" in file:
        schema = pl.DataFrame(pa.schema(list(_TYPES.items())).empty_table()).schema
        return pl.read_ndjson(file, schema=schema).to_dicts()
    if ".csv" in file:
        return pl.read_csv(file, infer_schema=False).to_dicts()
    return pl.read_parquet(file).to_dicts()


def _pyarrow(file: str) -> Rows:
    if ".jsonl" in file:
        parse = arrow_json.ParseOptions(
            explicit_schema=pa.schema(list(_TYPES.items())), unexpected_field_behavior="ignore"
        )
        read = arrow_json.ReadOptions(block_size=_LONGEST)
        with pa.input_stream(file) as stream:
            table = arrow_json.read_json(stream, read_options=read, parse_options=parse)
    elif ".csv" in file:
        names = Path(file).with_name("names").read_text().split()
        table = arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(block_size=_LONGEST),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )
    else:
        table = parquet.read_table(file)
    rows: Rows = table.to_pylist()
    return rows


READERS: dict[str, Callable[[str], Rows]] = {
    "DuckDB": _duckdb,
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
}
TYPED = ("polars", "pyarrow")
"""Those that read JSON lines by types that they are given, and nothing else."""
