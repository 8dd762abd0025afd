"""The type of a row's fields: defined in the endpoint tables, used by api, export and formats."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The type of a field's value, by its everyday name."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    OBJECT = "object"
    OBJECTS = "list of objects"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row, as the API documents it.

    Attributes:
        kind: its type; a ``TIMESTAMP`` is text in JSON, ISO 8601 with a zone.
        null: whether it may be ``null``.
        optional: whether it may be absent, also because an older schema does not have it.
        values: every value that the API documents; empty if any is allowed.
        fields: the fields of an ``OBJECT``, or of each of ``OBJECTS``.
    """

    name: str
    kind: Kind
    null: bool = False
    optional: bool = False
    values: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


CONTEXT = (
    Field("_project_id", Kind.TEXT),
    Field("_date_from", Kind.TIMESTAMP),
    Field("_date_to", Kind.TIMESTAMP),
)
"""The fields that an export adds at the beginning of each row, if it has a value for them."""

EXTRA = Field("_extra", Kind.TEXT, null=True)
"""The last column of CSV and Parquet: a JSON object of what fits into no other, unchanged."""
