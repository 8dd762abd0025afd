"""The types by which ``msgspec`` decodes rows, in one pass in C, and what it would change."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

INT64 = 2**63
SCALARS: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.INTEGER: Annotated[int, msgspec.Meta(ge=-INT64, le=INT64 - 1)],
    Kind.NUMBER: float,
    Kind.BOOLEAN: bool,
    Kind.TIMESTAMP: Annotated[datetime, msgspec.Meta(tz=True)],
}
"""The types of values that are not objects."""
_ROUNDED = frozenset((Kind.TIMESTAMP, Kind.NUMBER))
"""The decoder rounds some of these. It accepts only integers that it keeps exactly."""
# Values that the decoder rounds, or that no reader supports: such rows are read value by value.
_FRACTION = re.compile(rb":\d\d\.\d{7}")
_LONG_NUMBER = re.compile(rb"[\d.]{16}|\d[eE]")


def columns_type(fields: Sequence[Field]) -> type[msgspec.Struct]:
    """Return the type of rows whose values fit into columns; any may be null or absent."""
    return _struct([(field.name, _column_type(field), None) for field in fields])


def strict_type(fields: Sequence[Field]) -> type[msgspec.Struct]:
    """Return the type of rows that conform to the schema exactly; decoding any other row fails."""
    return _struct([(field.name, *_strict_member(field)) for field in fields])


def _struct(members: Sequence[tuple[Any, ...]], *, others: bool = False) -> type[msgspec.Struct]:
    return msgspec.defstruct("Row", members, kw_only=True, forbid_unknown_fields=not others)


def _column_type(field: Field) -> Any:
    if not field.fields:
        return SCALARS[field.kind] | None
    inner: Any = columns_type(field.fields)
    return (inner if field.kind is Kind.OBJECT else list[inner]) | None


def _strict_member(field: Field) -> tuple[Any, ...]:
    """Return the type, and a default if the field may be absent."""
    if field.values:
        kind: Any = Literal[field.values]
    elif field.fields:
        inner: Any = strict_type(field.fields)
        kind = inner if field.kind is Kind.OBJECT else list[inner]
    else:
        kind = SCALARS[field.kind]
    kind = kind | None if field.null else kind
    return (kind, None) if field.optional else (kind,)


def _rounded_members(fields: Sequence[Field]) -> list[tuple[Any, ...]]:
    """Return the members whose values the decoder may round, undecoded, and no others."""
    members: list[tuple[Any, ...]] = []
    for field in fields:
        if field.kind in _ROUNDED:
            members.append((field.name, msgspec.Raw, msgspec.Raw(b"null")))
        elif inner := _rounded_members(field.fields):
            within: Any = _struct(inner, others=True)
            kind = within if field.kind is Kind.OBJECT else list[within]
            members.append((field.name, kind | None, None))
    return members


def _kinds(fields: Sequence[Field]) -> Iterator[Kind]:
    for field in fields:
        yield field.kind
        yield from _kinds(field.fields)


class Suspects:
    """Finds rows that the decoder might accept and change.

    Args:
        fields: the row's.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        members = _rounded_members(fields)
        self._decode = msgspec.json.Decoder(_struct(members, others=True)).decode
        self._none = not members
        self._numbers = Kind.NUMBER in _kinds(fields)

    def among(self, rows: Sequence[bytes]) -> Collection[int]:
        """Return the indexes of the rows that must be read value by value."""
        if self._none or not self._any(rows):
            return ()
        return {at for at, row in enumerate(rows) if self._any([row])}

    def _any(self, rows: Sequence[bytes]) -> bool:
        """Return whether there is one; only instants and numbers are looked at, as they came."""
        try:
            text = msgspec.json.encode(list(map(self._decode, rows)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True
        return (
            _FRACTION.search(text) is not None
            or b'"9999-' in text
            or b'"0001-' in text
            or b"\\u00" in text  # digits may be escaped
            or (self._numbers and _LONG_NUMBER.search(text) is not None)
        )
