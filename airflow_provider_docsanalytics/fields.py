"""What a row's fields are: said once in the endpoint tables, used by every part that must know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a field holds, as people call it."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    OBJECT = "object"
    OBJECTS = "list of objects"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row, as the API promises it.

    Attributes:
        kind: a ``TIMESTAMP`` is text in JSON, ISO 8601 with a zone.
        null: whether it may be ``null``.
        optional: whether it may be absent; also where an older schema did not have it.
        values: every value that the API knows; empty where any is fine.
        fields: what an ``OBJECT``, or each of ``OBJECTS``, is made of.
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
"""The fields of ours that an export puts first into every row, where it has them."""

EXTRA = Field("_extra", Kind.TEXT, null=True)
"""The last column of CSV and Parquet: a JSON object of what fits into no other, as it was sent."""
