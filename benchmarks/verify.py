"""Compares every value of an export with the rows of the service, past the code under test."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tests.support.exported import read_export, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_CONTEXT = ("_project_id", "_date_from", "_date_to")


def digest(export: Path) -> str:
    """Return what two exports of the same files have in common."""
    manifest = json.loads((export / "_manifest.json").read_bytes())
    sums = [manifest["file_format"], *(file["sha256"] for file in manifest["files"])]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def difference(bodies: Iterable[bytes], export: Path) -> str:
    """Return the first difference of an export and the service's pages, ``""`` if there is none.

    What the manifest says of its files is required as well.
    """
    found = read_export(export)
    file_format = found.manifest["file_format"]
    stored = (row for part in found.parts for row in _READERS[file_format](unpacked(part)))
    expected = (row for body in bodies for row in json.loads(body)["conversations"])
    for number, (theirs, ours) in enumerate(zip_longest(expected, stored)):
        if theirs is None or ours is None:
            return f"{export}: the service has {'fewer' if theirs is None else 'more'} rows"
        if any(not ours.pop(name) for name in _CONTEXT) or _values(ours, file_format) != _values(
            theirs, file_format
        ):
            return f"{export}, row {number}: {ours} is not the service's {theirs}"
    return ""


def _values(row: Mapping[str, Any], file_format: str) -> dict[str, Any]:
    """Return a row's values; outside JSON an absent one is null, and instants are instants."""
    if file_format == "jsonl":
        return dict(row)
    values = {name: value for name, value in row.items() if value is not None}
    return values | {"timestamp": _instant(row["timestamp"])}


def _instant(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _json_lines(part: bytes) -> Iterator[dict[str, Any]]:
    for line in part.split(b"\n")[:-1]:
        yield json.loads(line)


def _csv(part: bytes) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(1 << 30)
    for row in csv.DictReader(io.StringIO(part.decode(), newline="")):
        cells: dict[str, Any] = {name: cell or None for name, cell in row.items()}
        yield cells | {"sources": json.loads(row["sources"])}


def _parquet(part: bytes) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(io.BytesIO(part)).iter_batches(1000):
        yield from batch.to_pylist()


_READERS = {"jsonl": _json_lines, "csv": _csv, "parquet": _parquet}
