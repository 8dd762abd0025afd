"""Random rows, in every format and compression, as every reader gives them back."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import json as arrow_json
from pyarrow import parquet

from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.export.part import Part
from airflow_provider_docsanalytics.fields import Field, Kind
from tests.reliability.odd_rows import FIELDS, free, row, said
from tests.reliability.summary import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTEXT = {"_project_id": "p", "_date_from": "2026-01-03T00:00:00.000Z"}
FORMATS, COMPRESSIONS = ("jsonl", "csv", "parquet"), (None, "gzip", "zstd")
SEED, ROWS, FILES = 11, 500, 4
_INSTANT = re.compile(r"(\d{4}-..-..)[Tt ](..:..:..)(\.\d+)?([Zz]|[+-]..:?..)")


def cases(files: int = FILES) -> Iterator[Case]:
    """Yield a case for each format, compression and reader."""
    for form, compression, reader in product(FORMATS, COMPRESSIONS, READERS):
        broken: list[str] = []
        for seed in range(files):
            typed = form == "jsonl" and reader in TYPED
            layout = OutputFormat(form, compression, CONTEXT, FIELDS)
            broken += differences(layout, reader, READERS[reader], seed, typed=typed)
        yield Case(
            f"rows with everything JSON allows ({form}, {compression or 'plain'}, {reader})",
            files * ROWS,
            f"{files * ROWS - len(broken):,} rows as they were sent",
            tuple(broken[:3]),
            len(broken),
        )


def differences(
    layout: OutputFormat,
    reader: str,
    read: Callable[[str], Rows],
    seed: int,
    *,
    typed: bool,
    stored: Callable[[bytes], bytes] | None = None,
) -> list[str]:
    """Return a sentence for each random row that a reader does not give back as it was sent.

    Args:
        layout: how the rows are written.
        reader: its name.
        read: returns the rows of a file as that reader has them.
        seed: gives the same rows again.
        typed: the reader of JSON lines knows the table's fields and no others.
        stored: what a table that keeps no order makes of a row.
    """
    random = Random(SEED + seed)  # noqa: S311 - to be the same again
    rows = [row(random, typed=typed) for _ in range(ROWS)]
    with tempfile.TemporaryDirectory() as home:
        try:
            found = read(str(_written(rows, layout, Path(home))))
        except Exception as error:  # noqa: BLE001 - whatever the reader refuses
            return [f"seed {seed}: the whole file: {type(error).__name__}: {error}"[:300]] * ROWS
    if len(found) != ROWS:
        return [f"seed {seed}: {len(found)} rows of {ROWS}"] * ROWS
    difference = _typed if typed else _table if layout.has_columns else _json
    blind = layout.file_format == "csv" and reader in ("pandas", "Spark")
    if stored:
        rows = [stored(sent) for sent in rows]
        found = _in_order_of(rows, found, difference)
    unlike = [
        (sent, why)
        for sent, got in zip(rows, found, strict=True)
        if (why := difference(said(sent), got, blind=blind))
    ]
    return [f"seed {seed}: {why} in {sent[:300]!r}" for sent, why in unlike]


def _in_order_of(rows: list[bytes], found: Rows, difference: Callable[..., str]) -> Rows:
    """Return the rows of a table, each in the place of the one that was sent, if it is there."""

    def equal(sent: dict[str, Any], got: dict[str, Any]) -> bool:
        try:
            return not difference(sent, got, blind=False)
        except (AttributeError, TypeError, ValueError):  # a value of another type
            return False

    left, places = list(found), []
    for sent in map(said, rows):
        at = next((n for n, got in enumerate(left) if equal(sent, got)), None)
        places.append(None if at is None else left.pop(at))
    return [left.pop() if place is None else place for place in places]


def _written(rows: list[bytes], layout: OutputFormat, home: Path) -> Path:
    file = home / f"part-0{layout.suffix}"
    names = [*CONTEXT, *(field.name for field in FIELDS), "_extra"]
    (home / "names").write_text(" ".join(names))
    part = Part("part", file.open("xb"), layout)
    for start in range(0, len(rows), 100):
        part.write(rows[start : start + 100])
    part.finish()
    return file


def _json(sent: dict[str, Any], got: dict[str, Any], *, blind: bool) -> str:
    """Compare with a row of JSON lines, where the names of ours are taken."""
    del blind
    expected = dict(CONTEXT)
    for name, value in sent.items():
        new = name
        if name in CONTEXT:
            new = free(name, sent)
        expected[new] = value
    if expected.keys() != got.keys():
        return f"names: {sorted(expected.keys() ^ got.keys())}"
    return ", ".join(name for name in expected if not _same(expected[name], got[name]))


def _typed(sent: dict[str, Any], got: dict[str, Any], *, blind: bool) -> str:
    """Compare the fields of the table with what a reader made of JSON lines by their types."""
    fields = map(_as_text, FIELDS)
    wrong = [
        field.name
        for field in fields
        if not _fits(field, _known(field, sent.get(field.name)), got[field.name], blind=blind)
    ]
    return ", ".join(wrong)


def _known(field: Field, sent: Any) -> Any:
    """Return a value without the members that no type was given for."""
    if isinstance(sent, list):
        return [_known(field, element) for element in sent]
    if not isinstance(sent, dict):
        return sent
    return {inner.name: sent.get(inner.name) for inner in field.fields}


def _as_text(field: Field) -> Field:
    """Return the field with its timestamps as text, as they are in JSON."""
    kind = Kind.TEXT if field.kind is Kind.TIMESTAMP else field.kind
    return Field(field.name, kind, fields=tuple(map(_as_text, field.fields)))


def _table(sent: dict[str, Any], got: dict[str, Any], *, blind: bool) -> str:
    """Compare with the cells of a format that has columns, and ``_extra``."""
    extra = exactly(got["_extra"]) if _is_there(got["_extra"]) else {}
    known = {field.name: field for field in FIELDS}
    for name, value in sent.items():
        if name in extra:
            if not _same(value, extra[name]):
                return f"_extra.{name}"
        elif name not in known:
            return f"{name} is nowhere"
        elif not _fits(known[name], value, got[name], blind=blind):
            return f"{name}: {got[name]!r}"
    if more := extra.keys() - sent.keys():
        return f"made up: {sorted(more)}"
    return "".join(name for name in known if name not in sent and _is_there(got[name]))


def _is_there(value: Any) -> bool:
    return value is not None and str(value) not in ("", "<NA>", "NaT", "None")


def _same(sent: Any, got: Any) -> bool:
    """Compare JSON values; what was nested too deeply has become its own text."""
    if isinstance(sent, list) and isinstance(got, str):
        return _same(sent, exactly(got))
    if isinstance(sent, list) and isinstance(got, list):
        return len(sent) == len(got) and all(map(_same, sent, got))
    if isinstance(sent, dict) and isinstance(got, dict):
        return sent.keys() == got.keys() and all(_same(sent[name], got[name]) for name in sent)
    return type(sent) is type(got) and bool(sent == got)


def _fits(field: Field, sent: Any, got: Any, *, blind: bool) -> bool:
    """Compare a value with the cell that claims to hold all of it.

    ``blind``: the reader cannot tell a null from text of no length.
    """
    if field.kind is Kind.TEXT and sent is not None:
        return bool(got == sent or (blind and not sent and not _is_there(got)))
    if sent is None or not _is_there(got):
        return sent is None and (not _is_there(got) if got != "" or blind else False)
    if field.kind is Kind.TIMESTAMP:
        return isinstance(sent, str) and _instant(sent) == (
            datetime.fromisoformat(got) if isinstance(got, str) else got
        )
    value = exactly(got) if isinstance(got, str) else got
    if field.fields:
        return _nested_fits(field, sent, value, blind=blind)
    return bool((Decimal(repr(value)) if isinstance(value, float) else value) == sent)


def _nested_fits(field: Field, sent: Any, got: Any, *, blind: bool) -> bool:
    if field.kind is Kind.OBJECTS:
        inner = Field(field.name, Kind.OBJECT, fields=field.fields)
        pairs = zip(sent, got, strict=False)
        return len(sent) == len(got) and all(_fits(inner, *pair, blind=blind) for pair in pairs)
    names = {inner.name for inner in field.fields}
    return sent.keys() <= names and all(
        _fits(inner, sent.get(inner.name), got.get(inner.name), blind=blind)
        for inner in field.fields
    )


def _instant(text: str) -> datetime | None:
    """Return the instant, ``None`` where microseconds cannot say it."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    micros = Decimal(fraction or "0") * 1_000_000
    if micros != int(micros):
        return None
    zone = "+00:00" if zone in "Zz" else zone
    moment = datetime.fromisoformat(f"{day}T{time}{zone}") + timedelta(microseconds=int(micros))
    return moment.astimezone(UTC)


# The readers, as the documentation has them read: rows as dictionaries.

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
