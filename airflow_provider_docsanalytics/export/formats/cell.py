"""One JSON value as the value of a column, and whether that is the whole of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.export.formats import row_types
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

FINER = "finer than microseconds"
OUTSIDE = "outside the years 1 to 9999 in UTC"
INEXACT = "a number that the column cannot hold exactly"
_INT64 = 2**63
# What the decoder takes and rounds, or what no reader has: a look at such rows, not a verdict.
_FRACTION = re.compile(rb":\d\d\.\d{7}")
_LONG_NUMBER = re.compile(rb"[\d.]{16}|\d[eE]")
_TOO_FINE = re.compile(r"(\.\d{6})(\d+)")


class Cell(NamedTuple):
    """A column's value.

    Attributes:
        value: ``None`` where nothing fits.
        exact: whether the value says all that the JSON does.
        why: why it does not, if that is not the type.
    """

    value: Any
    exact: bool = True
    why: str = ""


NOTHING = Cell(None, exact=False)
"""A value that no column takes."""


class Doubt:
    """Which rows the decoder may take without taking them exactly.

    Args:
        fields: the row's.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        kinds = set(_kinds(fields))
        self._instants = Kind.TIMESTAMP in kinds
        self._numbers = Kind.NUMBER in kinds

    def __call__(self, row: bytes) -> bool:
        """Return whether the row is to be read value by value."""
        instants = self._instants and (
            _FRACTION.search(row) is not None
            or b'"9999-' in row
            or b'"0001-' in row
            or b"\\u00" in row  # digits may be spelled so
        )
        return instants or (self._numbers and _LONG_NUMBER.search(row) is not None)


def cell(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return a JSON value, null included, as the value of a column."""
    if bytes(raw).strip() == b"null":
        return Cell(None)
    try:
        return _READ[field.kind](field, raw)
    except (msgspec.DecodeError, _json.NotJson, RecursionError):
        return NOTHING


def _kinds(fields: Sequence[Field]) -> list[Kind]:
    inner = [kind for field in fields for kind in _kinds(field.fields)]
    return [field.kind for field in fields] + inner


def _decoded(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    return Cell(msgspec.json.decode(raw, type=row_types.scalar(field.kind)))


def _integer(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return an integer, also one that is spelled ``12.0``."""
    try:
        return _decoded(field, raw)
    except msgspec.DecodeError:
        number = _decimal(raw)
        if abs(number) >= _INT64:
            return Cell(None, exact=False, why=INEXACT)
        if number != number.to_integral_value():
            raise
        return Cell(int(number))


def _number(_field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return a double; it is exact if its shortest digits are the number that came."""
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
    except ArithmeticError as error:  # an exponent beyond all
        raise msgspec.DecodeError(str(error)) from error


def _instant(_field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return an instant in UTC, cut off at the microsecond: rounded it could be the next day."""
    text = _json.value(raw)
    if not isinstance(text, str):
        return NOTHING
    finer = _TOO_FINE.search(text)
    kind = row_types.scalar(Kind.TIMESTAMP)
    value: datetime = msgspec.convert(_TOO_FINE.sub(r"\1", text), kind)
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        return Cell(None, exact=False, why=OUTSIDE)
    exact = finer is None or not finer[2].strip("0")
    return Cell(value, exact, "" if exact else FINER)


def _object(field: Field, raw: bytes | msgspec.Raw) -> Cell:
    """Return an object's known members; it is exact if there are no others."""
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
