"""Rows as cells of columns, for the formats that have columns. Nothing of a row is lost."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics import rawjson
from airflow_provider_docsanalytics.export import shape
from airflow_provider_docsanalytics.fields import CONTEXT, EXTRA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_docsanalytics.export.layout import Layout


class Table:
    """The columns of an export, and rows as their cells.

    Attributes:
        columns: ours, the row's as in the endpoint table, and :data:`EXTRA`.
    """

    def __init__(self, layout: Layout) -> None:
        ours = tuple(field for field in CONTEXT if field.name in layout.context)
        self.columns = (*ours, *layout.fields, EXTRA)
        self._ours = {
            field.name: msgspec.convert(layout.context[field.name], shape.scalar(field.kind))
            for field in ours
        }
        self._row = msgspec.json.Decoder(shape.columns(layout.fields))
        self._cells = {
            field.name: (
                msgspec.json.Decoder(shape.column(field)),
                msgspec.json.Decoder(shape.column(field, closed=False)),
            )
            for field in layout.fields
        }

    def cells(self, rows: Sequence[bytes]) -> list[dict[str, Any]]:
        """Return each row as the cells that are not null, or as nulls."""
        return [self._ours | self._taken_apart(row) for row in rows]

    def _taken_apart(self, row: bytes) -> dict[str, Any]:
        try:
            fitting = self._row.decode(row)
        except (msgspec.DecodeError, RecursionError):
            return self._by_member(row)
        return _plain(fitting)

    def _by_member(self, row: bytes) -> dict[str, Any]:
        """Return the cells of a row that does not fit as it is."""
        try:
            members = rawjson.members(row)
        except rawjson.NotJson:  # nested too deeply to be taken apart
            return {EXTRA.name: row.decode()}
        cells: dict[str, Any] = {}
        extra: dict[str, msgspec.Raw] = {}
        for name, raw in members.items():
            if name not in self._cells:
                extra[name] = raw
                continue
            whole, partly = self._cells[name]
            try:
                cells[name] = whole.decode(raw)
            except (msgspec.DecodeError, RecursionError):
                cells[name] = _as_far_as_it_fits(partly, raw)
                extra[name] = raw
        return _plain(cells) | {EXTRA.name: _object(extra)}


def _as_far_as_it_fits(partly: msgspec.json.Decoder[Any], raw: msgspec.Raw) -> Any:
    """Return an object's or a list's known members, a text mended, or ``None``."""
    try:
        return partly.decode(_mended(rawjson.value(raw)))
    except (msgspec.DecodeError, rawjson.NotJson, RecursionError):
        return None


def _mended(value: Any) -> bytes:
    """Return the value's JSON with half characters (lone surrogates) replaced: U+FFFD."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _object(members: Mapping[str, msgspec.Raw]) -> str | None:
    """Return a JSON object, ``None`` if there is no member."""
    pairs = [f"{json.dumps(name)}:{bytes(raw).decode()}" for name, raw in members.items()]
    return f"{{{','.join(pairs)}}}" if pairs else None


def _plain(cells: Any) -> dict[str, Any]:
    """Return cells made of dictionaries, lists and scalars alone."""
    plain: dict[str, Any] = msgspec.to_builtins(cells, builtin_types=(datetime,))
    return plain
