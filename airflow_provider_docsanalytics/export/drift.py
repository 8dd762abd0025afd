"""Where rows differ from what the endpoint table says of them: told, and never in the way."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.export.formats import row_types
from airflow_provider_docsanalytics.export.formats.cell import Doubt, cell
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_NAMED = 50
"""Findings kept of each sort, and characters of each: the service decides on both."""
_LONGEST = 100
_KEPT_ON_THE_WAY = 20 * MOST_NAMED
_JSON_KINDS = {'"': "text", "{": "object", "[": "list", "n": "null", "t": "boolean", "f": "boolean"}


class DriftFinding(NamedTuple):
    """One difference."""

    sort: str
    text: str


class Drift(msgspec.Struct, frozen=True, omit_defaults=True):
    """Findings, each once and in order; an inner field is called ``outer.inner``.

    Attributes:
        new: fields that the table does not have.
        missing: fields that it has, and that at least one row did not have.
        types: values of another type: ``hits: text instead of integer``.
        values: values that the API did not know: ``status: archived``.
        renamed: names that came twice in one object, or that ours are, and what an earlier value is
            called now: ``path: path__1``.
    """

    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(msgspec.structs.astuple(self))

    @classmethod
    def of(cls, findings: Iterable[DriftFinding]) -> Drift:
        """Return the drift that these findings are, as far as it is kept."""
        sorts: dict[str, set[str]] = {name: set() for name in cls.__struct_fields__}
        for sort, text in findings:
            kept = sorts[sort]
            kept.add(_printable(text))
            if len(kept) > _KEPT_ON_THE_WAY:
                sorts[sort] = set(sorted(kept)[:MOST_NAMED])
        return cls(*(tuple(sorted(texts)[:MOST_NAMED]) for texts in sorts.values()))

    def __or__(self, other: Drift) -> Drift:
        return Drift.of([*self.findings(), *other.findings()])

    def findings(self) -> Iterator[DriftFinding]:
        """Yield what is kept."""
        for sort, texts in msgspec.structs.asdict(self).items():
            yield from (DriftFinding(sort, text) for text in texts)

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


class RowSchema:
    """What the table promises of each row.

    Args:
        fields: the table's; without any, nothing is promised.
        sample: how many rows of a page are looked at, evenly spread; ``None``: all.
    """

    def __init__(self, fields: Sequence[Field], sample: int | None) -> None:
        self._fields = fields
        self._sample = sample
        self._doubt = Doubt(fields)
        self._promised = msgspec.json.Decoder(row_types.strict_type(fields))

    def check(self, rows: Sequence[bytes]) -> Drift:
        """Return what is different about a page's rows."""
        if not self._fields:
            return Drift()
        step = -(-len(rows) // self._sample) if self._sample and rows else 1
        some = (rows[at] for at in range(0, len(rows), step))
        odd = (row for row in some if self._doubt(row) or not self._is_promised(row))
        return Drift.of(chain.from_iterable(map(self._differences, odd)))

    def _is_promised(self, row: bytes) -> bool:
        try:
            self._promised.decode(row)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def _differences(self, row: bytes) -> Iterator[DriftFinding]:
        try:
            yield from _of_object(self._fields, row, "")
        except _json.NotJson as error:
            yield DriftFinding("types", f"a row that cannot be read: {error}")


def _of_object(
    fields: Sequence[Field], text: bytes | msgspec.Raw, outer: str
) -> Iterator[DriftFinding]:
    members = _json.members(text)
    known = {field.name for field in fields}
    for name in members:
        if name not in known:
            yield DriftFinding("new", outer + name)
    for field in fields:
        if field.name in members:
            yield from _of_value(field, members[field.name], outer + field.name)
        elif not field.optional:
            yield DriftFinding("missing", outer + field.name)


def _of_value(field: Field, raw: msgspec.Raw, name: str) -> Iterator[DriftFinding]:
    kind = _kind(raw)
    if kind == "null" and field.null:
        return
    if kind == "object" and field.kind is Kind.OBJECT:
        yield from _of_object(field.fields, raw, f"{name}.")
    elif kind == "list" and field.kind is Kind.OBJECTS:
        for element in _json.elements(raw):
            if (inner := _kind(element)) == "object":
                yield from _of_object(field.fields, element, f"{name}.")
            else:
                yield DriftFinding("types", f"{name}: {inner} in a {field.kind.value}")
    elif reason := _misfit(field, raw, kind):
        yield DriftFinding("types", f"{name}: {reason}")
    elif field.values and (value := _json.value(raw)) not in field.values:
        yield DriftFinding("values", f"{name}: {value}")


def _kind(raw: msgspec.Raw) -> str:
    return _JSON_KINDS.get(bytes(raw).lstrip()[:1].decode(), "number")


def _misfit(field: Field, raw: msgspec.Raw, kind: str) -> str:
    """Return why a value does not fit into its column exactly, empty if it does."""
    if field.kind is Kind.TEXT and kind == "text":  # which may hold half a character
        return ""
    fitting = cell(field, raw)
    if fitting.exact and kind != "null":
        return ""
    return fitting.why or f"{kind} instead of {field.kind.value}"


def _printable(text: str) -> str:
    """Return text that can be written as UTF-8, cut where it is too long."""
    whole = text[: _LONGEST + 1].encode(errors="backslashreplace").decode()
    return whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "…"
