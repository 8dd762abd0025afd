"""The fields of a row as types that ``msgspec`` decodes by: one pass in C instead of many looks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

_INT64 = msgspec.Meta(ge=-(2**63), le=2**63 - 1)
_SCALARS: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.INTEGER: Annotated[int, _INT64],
    Kind.NUMBER: float,
    Kind.BOOLEAN: bool,
    Kind.TIMESTAMP: Annotated[datetime, msgspec.Meta(tz=True)],
}


def strict_type(fields: Sequence[Field]) -> type[msgspec.Struct]:
    """Return the type of rows that keep the API's promise to the letter; all others fail."""
    return msgspec.defstruct(
        "Promised",
        [(field.name, *_promised_value(field)) for field in fields],
        kw_only=True,
        forbid_unknown_fields=True,
    )


def columns(fields: Sequence[Field], *, closed: bool = True) -> type[msgspec.Struct]:
    """Return the type of rows whose values fit into columns, where any may be null or absent.

    ``closed`` refuses what no column takes; else such members are left out.
    """
    return msgspec.defstruct(
        "Columns",
        [(field.name, column(field, closed=closed), None) for field in fields],
        kw_only=True,
        forbid_unknown_fields=closed,
    )


def column(field: Field, *, closed: bool = True) -> Any:
    """Return the type of one column's values."""
    if not field.fields:
        return _SCALARS[field.kind] | None
    inner: Any = columns(field.fields, closed=closed)
    return (inner if field.kind is Kind.OBJECT else list[inner]) | None


def scalar(kind: Kind) -> Any:
    """Return the type of a value that has no fields."""
    return _SCALARS[kind]


def _promised_value(field: Field) -> tuple[Any, ...]:
    """Return the type, and a default where the field may be absent."""
    if field.values:
        kind: Any = Literal[field.values]
    elif field.fields:
        inner: Any = strict_type(field.fields)
        kind = inner if field.kind is Kind.OBJECT else list[inner]
    else:
        kind = _SCALARS[field.kind]
    kind = kind | None if field.null else kind
    return (kind, None) if field.optional else (kind,)
