"""Rows as cells of columns, for the formats that have columns. Nothing of a row is lost."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.export.formats import row_types
from airflow_provider_docsanalytics.export.formats.cell import NOTHING, Doubt, cell
from airflow_provider_docsanalytics.fields import CONTEXT, EXTRA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_docsanalytics.fields import Field


class Table:
    """The columns of an export, and rows as their cells.

    Args:
        context: the fields that are ours, which stand first.
        fields: the row's, as in the endpoint table.

    Attributes:
        columns: ours, the row's as in the endpoint table, and :data:`EXTRA`.
    """

    def __init__(self, context: Mapping[str, str], fields: Sequence[Field]) -> None:
        ours = tuple(field for field in CONTEXT if field.name in context)
        self.columns = (*ours, *fields, EXTRA)
        self._ours = {
            field.name: msgspec.convert(context[field.name], row_types.scalar(field.kind))
            for field in ours
        }
        self._row = msgspec.json.Decoder(row_types.columns(fields))
        self._doubt = Doubt(fields)
        self._fields = {field.name: field for field in fields}

    def cells(self, rows: Sequence[bytes]) -> list[dict[str, Any]]:
        """Return each row as the cells that are not null, or as nulls; a text may be UTF-8."""
        return [self._ours | self._taken_apart(row) for row in rows]

    def _taken_apart(self, row: bytes) -> dict[str, Any]:
        if self._doubt(row):
            return self._by_member(row)
        try:
            fitting = self._row.decode(row)
        except (msgspec.DecodeError, RecursionError):
            return self._by_member(row)
        plain: dict[str, Any] = msgspec.to_builtins(fitting, builtin_types=(datetime,))
        return plain

    def _by_member(self, row: bytes) -> dict[str, Any]:
        """Return the cells of a row that does not fit as it is."""
        cells: dict[str, Any] = {}
        extra: dict[str, msgspec.Raw] = {}
        for name, raw in _json.members(row).items():
            fitting = cell(self._fields[name], raw) if name in self._fields else NOTHING
            if name in self._fields:
                cells[name] = fitting.value
            if not fitting.exact:
                extra[name] = raw
        return cells | {EXTRA.name: _object(extra)}


def _object(members: Mapping[str, msgspec.Raw]) -> bytes | None:
    """Return a JSON object as UTF-8, ``None`` if there is no member.

    Not as text, which may be four times as long.
    """
    pairs = b",".join(
        b"%s:%s" % (json.dumps(name, ensure_ascii=False).encode(), raw)
        for name, raw in members.items()
    )
    return b"{%s}" % pairs if pairs else None
