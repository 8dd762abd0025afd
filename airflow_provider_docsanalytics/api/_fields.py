"""Reads rows and fields from a response's JSON, and checks each."""

from __future__ import annotations

from heapq import nsmallest
from itertools import chain, filterfalse, islice
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
_LONGEST_EMPTY = 100
"""A value longer than this is not empty, however it is written."""


def refuse_error(body: Body, endpoint: Endpoint) -> None:
    """Refuse a response that contains an error, whatever its status and its other fields."""
    for name in _ERRORS:
        if name not in body.fields or any(field.name == name for field in endpoint.fields):
            continue
        text = body.fields[name]
        if len(memoryview(text)) > _LONGEST_EMPTY or _json.value(text) not in _EMPTY:
            raise BadResponse(f"The service returned 200 with {name!r}: {excerpt(text)}.")


def excerpt(text: msgspec.Raw) -> str:
    """Return the beginning of a value as it is in the response, for a message."""
    return bytes(memoryview(text)[:_EXCERPT_CHARS]).decode(errors="replace")


def unknown_fields(selection: Selection, body: Body | None) -> tuple[str, ...]:
    """Return the names of fields that are neither rows nor known: at most 20, cut at 100."""
    endpoint = selection.endpoint
    if body is None:
        return ()
    known = {endpoint.rows_key, *endpoint.totals, *endpoint.paging.response_fields}
    # An object that is itself the row is compared with the table as rows are.
    inner = (name for name in body.fields if name not in known) if endpoint.rows_key else ()
    return first_names(chain(body.unknown, inner))


def first_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return at most 20 of the names, in order, each cut at 100 characters."""
    some = nsmallest(_MOST_UNKNOWN, names)
    return tuple(dict.fromkeys(name[:_LONGEST_NAME] for name in some))


def require_body(selection: Selection, body: Body | None) -> Body:
    """Return the body of a response that must not be a 404."""
    if body is None:
        raise BadResponse(
            f"{selection}: the service says that this endpoint does not exist.",
            "Check the path in the connection's Base URL.",
        )
    return body


def extract_rows(selection: Selection, body: Body, most: int | None = None) -> list[bytes]:
    """Return the text of each row, checked to be an object and UTF-8.

    Args:
        selection: what the request was for.
        body: the response.
        most: how many rows were requested; ``None`` if there is no limit.
    """
    key = selection.endpoint.rows_key
    if not key:
        may_be_empty = all(field.optional for field in selection.endpoint.fields)
        if may_be_empty and not body.fields:
            return []
        _require_any(selection, body)
        rows = [bytes(body.raw)]
    elif body.plain_rows is not None:
        rows = body.plain_rows
        _refuse_more(selection, len(rows), most)
    else:
        _require_present(selection, body, key)
        if (name := _json.duplicate_name(body.raw, body.fields)) is not None:
            raise BadResponse(f"{selection}: the response has {name!r} twice.")
        try:
            slices = _json.elements(body.fields[key])
        except _json.NotJson as error:
            raise BadResponse(f"{selection}: {key!r} is not a list ({error}).") from error
        _refuse_more(selection, len(slices), most)
        rows = list(map(bytes, slices))
    for row in rows:
        if len(row) > MOST_ROW_VALUES:  # or it cannot hold more
            _refuse_dense(selection, row)
    if body.plain_rows is None and not selection.allow_invalid_rows:
        _require_objects(selection, rows)
    return rows


def _refuse_more(selection: Selection, rows: int, most: int | None) -> None:
    if most and rows > most:
        raise BadResponse(
            f"{selection}: {rows} rows in the response to a request for at most {most}.",
            "Check the connection's host, and the proxies between this worker and the service.",
        )


def _require_objects(selection: Selection, rows: Sequence[bytes]) -> None:
    """Refuse rows that are not objects in UTF-8."""
    if selection.endpoint.rows_key and not {row[0] for row in rows} <= set(b"{"):
        raise BadResponse(
            f"{selection}: an element of {selection.endpoint.rows_key!r} is not an object."
        )
    for row in filterfalse(bytes.isascii, rows):
        try:
            row.decode()
        except UnicodeDecodeError as error:
            raise BadResponse(f"{selection}: a row is not UTF-8 ({error.reason}).") from error


def _refuse_dense(selection: Selection, row: bytes) -> None:
    most = MOST_ROW_VALUES + len(row) // BYTES_PER_MORE_ROW_VALUE
    if _json.has_more_values(row, most):
        raise BadResponse(f"{selection}: a row that holds more than {most} values.")


def require_field(selection: Selection, body: Body, name: str, kind: Any) -> Any:
    """Return a field of the response, decoded and of that type."""
    _require_present(selection, body, name)
    try:
        return msgspec.json.decode(body.fields[name], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadResponse(
            f"{selection}: {name!r} of the response has a wrong value: {error}."
        ) from error


def _require_present(selection: Selection, body: Body, name: str) -> None:
    if name not in body.fields:
        keys = join_names(body.fields)
        raise BadResponse(f"{selection}: the response has no {name!r}; its keys: {keys}.")


def _require_any(selection: Selection, body: Body) -> None:
    """Refuse an object with none of the row's fields: the row has moved, or is missing."""
    names = [field.name for field in selection.endpoint.fields]
    if body.fields.keys().isdisjoint(names):
        keys = join_names(body.fields)
        raise BadResponse(
            f"{selection}: the response has none of {', '.join(names)}; its keys: {keys}."
        )


def join_names(names: Iterable[str]) -> str:
    """Return names for a message: the first twenty."""
    some = [name[:_LONGEST_NAME] for name in islice(names, _MOST_UNKNOWN + 1)]
    return ", ".join(some[:_MOST_UNKNOWN] + ["…"] * (len(some) > _MOST_UNKNOWN)) or "none"
