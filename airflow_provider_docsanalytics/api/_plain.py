"""Cuts a page into rows in one pass in C, where the page is plain, as nearly every page is.

A page is plain if its text is what ``msgspec`` writes for the endpoint's own fields, in any order:
nothing between the tokens, no field twice, none unknown, no escape that is not needed, no lone
surrogate, every value of the kind that the table says. So each of its rows is one line that every
reader can parse, and needs no other check. Any other page takes the slower way, which names what is
wrong with it.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.api.endpoint import Endpoint

MOST_BYTES = 4 * 1024 * 1024
"""A larger page is not decoded as text, which takes up to 4 bytes for each of its bytes."""
# Not NUMBER: a double is not always written as it came. What is written for these is never longer.
_EXACT: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.TIMESTAMP: str,
    Kind.INTEGER: int,
    Kind.BOOLEAN: bool,
}
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
_encode = msgspec.json.Encoder().encode


class PlainPage(NamedTuple):
    """A page that is plain.

    Attributes:
        rows: the text of each row, as it came.
        fields: the response's other fields, undecoded.
        values: how many values the response holds at most.
    """

    rows: list[bytes]
    fields: dict[str, msgspec.Raw]
    values: int


def plain_page(endpoint: Endpoint, content: bytes) -> PlainPage | None:
    """Return a response's page if it is plain; ``None`` says nothing about it."""
    names = (*endpoint.totals, *endpoint.paging.response_fields)
    decoder = _decoder(endpoint.rows_key, names, endpoint.fields)
    if decoder is None or len(content) > MOST_BYTES:
        return None
    text = content.strip()
    try:
        response = decoder.decode(text)
        sizes = [len(_encode(row)) for row in response.rows]
    except _NOT_PLAIN:
        return None
    given = {name: getattr(response, name) for name in names}
    fields = {name: raw for name, raw in given.items() if raw is not msgspec.UNSET}
    # No text contains this, because its quotes would be escaped; an object in a field may.
    key = b'"%b":[' % endpoint.rows_key.encode()
    if any(key in bytes(raw) for raw in fields.values()):
        return None
    if not fields.keys() >= set(endpoint.paging.response_fields):
        return None  # the message about it shows what the response has
    # Nothing is written longer than it came. So if all of it is as long, then each row is.
    members = sum(len(name) + len(memoryview(raw)) + len('"":,') for name, raw in fields.items())
    commas = max(len(sizes) - 1, 0)
    if len(text) != len(b"{]}") + len(key) + members + sum(sizes) + commas:
        return None
    start = text.index(key) + len(key)
    starts = accumulate((size + 1 for size in sizes), initial=start)
    rows = [text[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    values = 2 + sum(_json.values(bytes(raw)) for raw in fields.values())
    return PlainPage(rows, fields, values + _values(endpoint.fields, response.rows))


def _values(fields: Sequence[Field], objects: Sequence[Any]) -> int:
    """Return how many values objects of these fields hold at most."""
    count = len(objects) * (1 + len(fields))
    for field in fields:
        if field.fields:
            lists = filter(None, map(attrgetter(field.name), objects))
            count += sum(map(len, lists)) * (1 + len(field.fields))
    return count


@cache
def _decoder(
    rows_key: str, names: tuple[str, ...], fields: tuple[Field, ...]
) -> msgspec.json.Decoder[Any] | None:
    """Return the decoder of an endpoint's plain pages; ``None`` if it has none."""
    inner = [each for field in fields for each in field.fields]
    exact = all(field.kind in _EXACT for field in inner)
    exact = exact and all(field.kind in _EXACT or field.kind is Kind.OBJECTS for field in fields)
    if not rows_key or not exact:
        return None
    rows: tuple[str, Any] = ("rows", list[_row(fields)])  # type: ignore[misc]
    others = [(name, msgspec.Raw, msgspec.UNSET) for name in names]
    rename = {name: name for name in names} | {"rows": rows_key}
    return msgspec.json.Decoder(
        msgspec.defstruct(
            "Response", [rows, *others], rename=rename, kw_only=True, forbid_unknown_fields=True
        )
    )


def _row(fields: Sequence[Field]) -> Any:
    """Return the type of objects; a field that may not be absent is required, which bounds memory.

    An absent field is not written, and a null is written as null.
    """
    members: list[tuple[Any, ...]] = []
    for field in fields:
        kind = list[_row(field.fields)] if field.fields else _EXACT[field.kind]  # type: ignore[misc]
        members.append((field.name, kind | None, *([msgspec.UNSET] if field.optional else [])))
    return msgspec.defstruct("Row", members, kw_only=True, forbid_unknown_fields=True, gc=False)
