"""Rows as cells of columns, for the formats that have columns. Nothing of a row is lost."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.export.formats.row_types import (
    INT64,
    SCALARS,
    Suspects,
    columns_type,
    strict_type,
)
from airflow_provider_docsanalytics.fields import CONTEXT, EXTRA, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FINER = "finer than microseconds"
OUTSIDE = "outside the years 1 to 9999 in UTC"
INEXACT = "a number that the column cannot hold exactly"
_TOO_FINE = re.compile(r"(\.\d{6})(\d+)")


class Table:
    """The columns of an export, and rows as their cells.

    Args:
        context: the context fields, which come first.
        fields: the row's, as in the endpoint table.

    Attributes:
        columns: the context fields, the row's fields, and :data:`EXTRA`.
        context: the cells of the context fields, which are the same in every row.
    """

    def __init__(self, context: Mapping[str, str], fields: Sequence[Field]) -> None:
        context_fields = tuple(field for field in CONTEXT if field.name in context)
        self.columns = (*context_fields, *fields, EXTRA)
        self.context = [
            msgspec.convert(context[field.name], SCALARS[field.kind]) for field in context_fields
        ]
        self._names = [field.name for field in self.columns[len(context_fields) :]]
        self._strict = msgspec.json.Decoder(strict_type(fields))
        self._fitting = msgspec.json.Decoder(columns_type(fields))
        self._suspects = Suspects(fields)
        self._fields = {field.name: field for field in fields}

    def records(self, rows: Sequence[bytes], odd: list[int]) -> Iterator[tuple[Any, ...]]:
        """Yield the cells of each row, without the context's: decoded one by one.

        An object is a dictionary or a struct, a text is ``str`` or UTF-8 ``bytes``.

        Args:
            rows: JSON objects.
            odd: the indexes of rows that do not conform to the schema are appended to it.
        """
        suspects = self._suspects.among(rows)
        for at, row in enumerate(rows):
            if at not in suspects:
                try:
                    yield (*astuple(self._strict.decode(row)), None)
                    continue
                except (msgspec.DecodeError, RecursionError):
                    pass
            odd.append(at)
            yield self._odd_record(row, suspect=at in suspects)

    def _odd_record(self, row: bytes, *, suspect: bool) -> tuple[Any, ...]:
        if not suspect:
            try:
                return (*astuple(self._fitting.decode(row)), None)
            except (msgspec.DecodeError, RecursionError):
                pass
        return tuple(map(self._by_member(row).get, self._names))

    def _by_member(self, row: bytes) -> dict[str, Any]:
        """Return the cells of a row that does not fit into the columns as it is."""
        cells: dict[str, Any] = {}
        extra: dict[str, msgspec.Raw] = {}
        for name, raw in _json.members(row).items():
            fitting = cell(self._fields[name], raw) if name in self._fields else NOTHING
            if name in self._fields:
                cells[name] = fitting.value
            if not fitting.exact:
                extra[name] = raw
        return cells | {EXTRA.name: _encode_object(extra)}


class Cell(NamedTuple):
    """A column's value.

    Attributes:
        value: ``None`` if the JSON does not fit.
        exact: whether the value represents the JSON exactly.
        why: why it does not, if the type is not the reason.
    """

    value: Any
    exact: bool = True
    why: str = ""


NOTHING = Cell(None, exact=False)
"""A value that does not fit into the column."""


def cell(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return a JSON value as the value of a column."""
    if bytes(raw).strip() == b"null":
        return Cell(None)
    try:
        return _READ[field.kind](field, raw)
    except (msgspec.DecodeError, _json.NotJson, UnicodeEncodeError, RecursionError):
        return NOTHING  # an instant may contain a lone surrogate, which msgspec cannot encode


def _decoded(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    return Cell(msgspec.json.decode(raw, type=SCALARS[field.kind]))


def _integer(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return an integer, also if it is written as ``12.0``."""
    try:
        return _decoded(field, raw)
    except msgspec.DecodeError:
        number = _decimal(raw)
        if abs(number) >= INT64:
            return Cell(None, exact=False, why=INEXACT)
        if number != number.to_integral_value():
            raise
        return Cell(int(number))


def _number(_field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return a double; it is exact if its shortest representation is the same number."""
    number = _decimal(raw)
    value = float(number)
    if abs(value) == float("inf"):
        return Cell(None, exact=False, why=INEXACT)
    exact = Decimal(repr(value)) == number
    return Cell(value, exact, "" if exact else INEXACT)


def _decimal(raw: bytes | msgspec.Raw) -> Decimal:
    text = bytes(raw).decode().strip()
    if text[:1] not in "-0123456789":
        raise msgspec.DecodeError(f"{text[:1]!r} begins no number")
    try:
        return Decimal(text)
    except ArithmeticError as error:  # the exponent is too large
        raise msgspec.DecodeError(str(error)) from error


def _instant(_field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return an instant in UTC, truncated to microseconds: rounding could make it the next day."""
    text = _json.value(raw)
    if not isinstance(text, str):
        return NOTHING
    finer = _TOO_FINE.search(text)
    kind = SCALARS[Kind.TIMESTAMP]
    value: datetime = msgspec.convert(_TOO_FINE.sub(r"\1", text), kind)
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        return Cell(None, exact=False, why=OUTSIDE)
    exact = finer is None or not finer[2].strip("0")
    return Cell(value, exact, "" if exact else FINER)


def _object(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return an object's known members; it is exact if it has no others."""
    members = _json.members(raw)
    cells = {inner.name: cell(inner, members.get(inner.name, b"null")) for inner in field.fields}
    exact = members.keys() <= cells.keys() and all(inner.exact for inner in cells.values())
    return Cell({name: inner.value for name, inner in cells.items()}, exact)


def _objects(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    elements = [_object(field, element) for element in _json.elements(raw)]
    return Cell([element.value for element in elements], all(one.exact for one in elements))


_READ = {
    Kind.TEXT: _decoded,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _decoded,
    Kind.TIMESTAMP: _instant,
    Kind.OBJECT: _object,
    Kind.OBJECTS: _objects,
}


def _encode_object(members: Mapping[str, msgspec.Raw]) -> bytes | None:
    """Return a JSON object as UTF-8, ``None`` if it has no members.

    Not as ``str``, which may take four times the memory.
    """
    pairs = b",".join(
        b"%s:%s" % (json.dumps(name, ensure_ascii=False).encode(), raw)
        for name, raw in members.items()
    )
    return b"{%s}" % pairs if pairs else None
