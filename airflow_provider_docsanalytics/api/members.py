"""What the pagings read of an answer: its rows and its members, each checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics import rawjson
from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Body, Selection


def found(selection: Selection, body: Body | None) -> Body:
    """Return the answer, where there must be one."""
    if body is None:
        raise BadResponse(f"{selection}: the service says that there is no such endpoint.")
    return body


def rows_of(selection: Selection, body: Body) -> list[bytes]:
    """Return the text of each row, checked to be an object and UTF-8."""
    key = selection.endpoint.rows_key
    if not key:
        _require_any(selection, body)
        rows = [bytes(body.raw)]
    else:
        _require(selection, body, key)
        try:
            rows = [bytes(row) for row in rawjson.elements(body.members[key])]
        except rawjson.NotJson as error:
            raise BadResponse(f"{selection}: {key!r} is not a list ({error}).") from error
    for row in () if selection.odd_rows else rows:
        if key and not row.startswith(b"{"):
            raise BadResponse(f"{selection}: an element of {key!r} is not an object.")
        if not row.isascii():
            try:
                row.decode()
            except UnicodeDecodeError as error:
                raise BadResponse(f"{selection}: a row is not UTF-8 ({error.reason}).") from error
    return rows


def member(selection: Selection, body: Body, name: str, kind: Any) -> Any:
    """Return a member of the answer, decoded and of that type."""
    _require(selection, body, name)
    try:
        return msgspec.json.decode(body.members[name], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadResponse(f"{selection}: {name!r} of the answer is wrong: {error}.") from error


def _require(selection: Selection, body: Body, name: str) -> None:
    if name not in body.members:
        keys = ", ".join(body.members) or "none"
        raise BadResponse(f"{selection}: the answer has no {name!r}; its keys: {keys}.")


def _require_any(selection: Selection, body: Body) -> None:
    """Refuse an object with none of the row's fields: the row has moved, or it is no row at all."""
    names = [field.name for field in selection.endpoint.fields]
    if body.members.keys().isdisjoint(names):
        keys = ", ".join(body.members) or "none"
        raise BadResponse(
            f"{selection}: the answer has none of {', '.join(names)}; its keys: {keys}."
        )
