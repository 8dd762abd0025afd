"""Schema drift: how rows differ from the endpoint table. It is reported, and stops nothing."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.export.formats.row_types import Suspects, strict_type
from airflow_provider_docsanalytics.export.formats.table import cell
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_FINDINGS = 50
"""Findings kept of each sort, because the service decides how many there are."""
_MAX_CHARS = 100
_MAX_COLLECTED = 20 * MAX_FINDINGS
_JSON_KINDS = {'"': "text", "{": "object", "[": "list", "n": "null", "t": "boolean", "f": "boolean"}


class DriftFinding(NamedTuple):
    """One difference."""

    sort: str
    text: str


class Drift(msgspec.Struct, frozen=True, omit_defaults=True):
    """Findings, sorted and without duplicates; an inner field is called ``outer.inner``.

    Attributes:
        new: fields that are not in the table.
        missing: fields of the table that at least one row lacks.
        types: values of another type: ``hits: text instead of integer``.
        values: values that are not in the table: ``status: archived``.
        renamed: duplicate or reserved names, with the new name: ``path: path__1``.
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
        """Return the drift with these findings, up to :data:`MAX_FINDINGS` of each sort."""
        sorts: dict[str, set[str]] = {name: set() for name in cls.__struct_fields__}
        for sort, text in findings:
            kept = sorts[sort]
            kept.add(_printable(text))
            if len(kept) > _MAX_COLLECTED:
                sorts[sort] = set(sorted(kept)[:MAX_FINDINGS])
        return cls(*(tuple(sorted(texts)[:MAX_FINDINGS]) for texts in sorts.values()))

    def __or__(self, other: Drift) -> Drift:
        return Drift.of([*self.findings(), *other.findings()])

    def findings(self) -> Iterator[DriftFinding]:
        """Yield each finding."""
        for sort, texts in msgspec.structs.asdict(self).items():
            yield from (DriftFinding(sort, text) for text in texts)

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


class RowSchema:
    """The schema of the rows, by the endpoint table.

    Args:
        fields: the table's; without any, every row conforms.
        sample: how many rows of a page are checked, evenly spread; ``None``: all.
    """

    def __init__(self, fields: Sequence[Field], sample: int | None) -> None:
        self._fields = fields
        self._sample = sample
        self._suspects = Suspects(fields)
        self._strict = msgspec.json.Decoder(strict_type(fields))

    def check(self, rows: Sequence[bytes]) -> Drift:
        """Return how a page's rows differ from the schema."""
        if not self._fields:
            return Drift()
        step = -(-len(rows) // self._sample) if self._sample and rows else 1
        sampled = rows[::step]
        suspects = self._suspects.among(sampled)
        odd = (row for at, row in enumerate(sampled) if at in suspects or not self._conforms(row))
        return Drift.of(chain.from_iterable(map(self._differences, odd)))

    def _conforms(self, row: bytes) -> bool:
        try:
            self._strict.decode(row)
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
    elif reason := _mismatch(field, raw, kind):
        yield DriftFinding("types", f"{name}: {reason}")
    elif field.values and (value := _json.value(raw)) not in field.values:
        yield DriftFinding("values", f"{name}: {value}")


def _kind(raw: msgspec.Raw) -> str:
    return _JSON_KINDS.get(bytes(raw).lstrip()[:1].decode(), "number")


def _mismatch(field: Field, raw: msgspec.Raw, kind: str) -> str:
    """Return why a value does not fit into its column exactly, ``""`` if it does."""
    if field.kind is Kind.TEXT and kind == "text":  # may contain a lone surrogate
        return ""
    fitting = cell(field, raw)
    if fitting.exact and kind != "null":
        return ""
    return fitting.why or f"{kind} instead of {field.kind.value}"


def _printable(text: str) -> str:
    """Return text that can be encoded as UTF-8, truncated if it is too long."""
    printable = text[: _MAX_CHARS + 1].encode(errors="backslashreplace").decode()
    return printable if len(printable) <= _MAX_CHARS else printable[: _MAX_CHARS - 1] + "…"
