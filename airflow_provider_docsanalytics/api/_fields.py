"""What the pagings read of an answer: its rows and its members, each checked."""

from __future__ import annotations

from heapq import nsmallest
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_docsanalytics.api.endpoint import Body, Endpoint, Selection

_ERRORS = ("error", "errors")
_EMPTY: tuple[Any, ...] = (None, False, "", [], {})
_MOST_UNKNOWN = 20
_LONGEST_NAME = 100
_EXCERPT_CHARS = 500
MOST_ROW_VALUES = 40_000
BYTES_PER_MORE_ROW_VALUE = 1024
"""A row may hold 40,000 values, and one more for each 1,024 bytes.

Rows are decoded one by one, which takes up to 600 bytes of memory for each value.
"""
_MOST_BYTES_OF_NOTHING = 100
"""A longer member is not empty, however it is spelled."""


def refuse_error(body: Body, endpoint: Endpoint) -> None:
    """Refuse an answer that speaks of an error, whatever else it holds and whatever its status."""
    for name in _ERRORS:
        if name not in body.members or any(field.name == name for field in endpoint.fields):
            continue
        text = body.members[name]
        if len(memoryview(text)) > _MOST_BYTES_OF_NOTHING or _json.value(text) not in _EMPTY:
            raise BadResponse(f"The service answered 200 with {name!r}: {excerpt(text)}.")


def excerpt(text: msgspec.Raw) -> str:
    """Return the beginning of a member as it stands in the answer, for a message."""
    return bytes(memoryview(text)[:_EXCERPT_CHARS]).decode(errors="replace")


def unknown_members(selection: Selection, body: Body | None) -> tuple[str, ...]:
    """Return the names of members that are neither rows nor known: at most 20, cut at 100."""
    endpoint = selection.endpoint
    if body is None:
        return ()
    known = {endpoint.rows_key, *endpoint.totals, *endpoint.paging.members}
    # An object that is itself the row is compared with the table as rows are.
    inner = (name for name in body.members if name not in known) if endpoint.rows_key else ()
    return first_names(chain(body.unknown, inner))


def first_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return at most 20 of the names, in order, each cut at 100 characters."""
    some = nsmallest(_MOST_UNKNOWN, names)
    return tuple(dict.fromkeys(name[:_LONGEST_NAME] for name in some))


def found(selection: Selection, body: Body | None) -> Body:
    """Return the answer, where there must be one."""
    if body is None:
        raise BadResponse(f"{selection}: the service says that there is no such endpoint.")
    return body


def extract_rows(selection: Selection, body: Body, most: int | None = None) -> list[bytes]:
    """Return the text of each row, checked to be an object and UTF-8.

    Args:
        selection: what was asked for.
        body: the answer.
        most: how many rows were asked for; ``None`` where nothing says how many there may be.
    """
    key = selection.endpoint.rows_key
    if not key:
        _require_any(selection, body)
        rows = [bytes(body.raw)]
    else:
        _require(selection, body, key)
        if (name := _json.twice(body.raw, body.members)) is not None:
            raise BadResponse(f"{selection}: {name!r} comes twice in the answer.")
        try:
            slices = _json.elements(body.members[key])
        except _json.NotJson as error:
            raise BadResponse(f"{selection}: {key!r} is not a list ({error}).") from error
        if most and len(slices) > most:
            raise BadResponse(
                f"{selection}: {len(slices)} rows in an answer to a request for at most {most}.",
                "Check the connection's host, and what stands between here and the service.",
            )
        rows = [bytes(row) for row in slices]
    for row in rows:
        _check_row(selection, row)
    return rows


def _check_row(selection: Selection, row: bytes) -> None:
    """Refuse a row of more values than memory has room for, and what is no object in UTF-8."""
    most = MOST_ROW_VALUES + len(row) // BYTES_PER_MORE_ROW_VALUE
    if len(row) > most and _json.has_more_values(row, most):
        raise BadResponse(f"{selection}: a row that holds more than {most} values.")
    if selection.odd_rows:
        return
    if selection.endpoint.rows_key and not row.startswith(b"{"):
        raise BadResponse(
            f"{selection}: an element of {selection.endpoint.rows_key!r} is not an object."
        )
    if not row.isascii():
        try:
            row.decode()
        except UnicodeDecodeError as error:
            raise BadResponse(f"{selection}: a row is not UTF-8 ({error.reason}).") from error


def member(selection: Selection, body: Body, name: str, kind: Any) -> Any:
    """Return a member of the answer, decoded and of that type."""
    _require(selection, body, name)
    try:
        return msgspec.json.decode(body.members[name], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadResponse(f"{selection}: {name!r} of the answer is wrong: {error}.") from error


def _require(selection: Selection, body: Body, name: str) -> None:
    if name not in body.members:
        keys = named(body.members)
        raise BadResponse(f"{selection}: the answer has no {name!r}; its keys: {keys}.")


def _require_any(selection: Selection, body: Body) -> None:
    """Refuse an object with none of the row's fields: the row has moved, or it is no row at all."""
    names = [field.name for field in selection.endpoint.fields]
    if body.members.keys().isdisjoint(names):
        keys = named(body.members)
        raise BadResponse(
            f"{selection}: the answer has none of {', '.join(names)}; its keys: {keys}."
        )


def named(names: Iterable[str]) -> str:
    """Return names for a message: the first twenty."""
    some = [name[:_LONGEST_NAME] for name in islice(names, _MOST_UNKNOWN + 1)]
    return ", ".join(some[:_MOST_UNKNOWN] + ["…"] * (len(some) > _MOST_UNKNOWN)) or "none"
