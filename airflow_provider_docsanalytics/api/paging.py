"""Pagination strategies: pure functions from (cursor, response) to (rows, next cursor).

Nothing in here sends, sleeps or has state. :meth:`.client.Client.iter_pages` is the loop that calls
them, and detects repeated cursors and pages for all of them.
"""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from airflow_provider_docsanalytics.api._fields import extract_rows, require_body, require_field
from airflow_provider_docsanalytics.api.endpoint import (
    Body,
    PageRequest,
    PageResult,
    Paging,
    Selection,
)
from airflow_provider_docsanalytics.api.window_split import split_all
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.window import DateWindow

_OURS = "windows:"
"""The prefix of a cursor of ours, which we use if the service's own is not enough."""


class _CursorState(msgspec.Struct, frozen=True):
    """The windows to read, none for the selection's own, and the cursor within the first."""

    windows: tuple[tuple[str, str], ...]
    token: str | None


_URL = re.compile(
    r"[a-z][a-z0-9+.-]*:/|//|[\w/.%~-]*\?(.*&)?cursor=|[\w/.%~-]*/[\w/.%~-]*\?|\?\w+=",
    re.ASCII | re.IGNORECASE,
)
"""The start of a ``nextCursor`` that is not a cursor but the URL of the next page."""
MAX_CURSOR_CHARS = 1024
"""A longer cursor is refused: it is sent in a URL and stored in the checkpoint."""


class CursorPaging(Paging, frozen=True):
    """``{"rows": […], "nextCursor": "01H…" | null, "hasMore": true | false}``.

    Without ``has_more`` (searches) only a null ``nextCursor`` marks the end. Rows that are
    ``events`` (each has one instant, none is a sum over the window) can be read by narrower
    windows, one after another, the latest first, which is the order of the services. Until then the
    cursor is the service's own. ``nextCursor`` may be a URL with a parameter ``cursor``; it is
    ignored if ``hasMore`` is false.
    """

    response_fields: ClassVar[tuple[str, ...]] = ("nextCursor", "hasMore")
    counts_rows: ClassVar[bool] = False

    has_more: bool = True
    events: bool = False

    def request(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request for the page at the cursor."""
        windows, token = _state_of(selection, cursor)
        query = {"limit": str(selection.page_size)}
        return PageRequest(query if token is None else {**query, "cursor": token}, windows[0])

    def result(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the rows, and the service's own cursor or the next window."""
        response = require_body(selection, body)
        rows = extract_rows(selection, response, most=selection.page_size)
        if self.has_more and not require_field(selection, response, "hasMore", bool):
            token = None
        else:
            token = _token(selection, require_field(selection, response, "nextCursor", str | None))
            if self.has_more and not token:
                raise BadResponse(
                    f"{selection}: the response says hasMore and gives no nextCursor, so the rest "
                    "cannot be requested."
                )
        windows, _ = _state_of(selection, cursor)
        return PageResult(
            rows, _cursor(selection, windows if token else windows[1:], token or None)
        )

    def split(self, selection: Selection, cursor: str | None) -> str | None:
        """Return a cursor that splits the first window, if no page of it has been read yet."""
        windows, token = _state_of(selection, cursor)
        if not self.events or token is not None or windows[0] is None:
            return None
        narrower = split_all([window for window in windows if window])
        return _cursor(selection, narrower, None) if narrower else None


def _token(selection: Selection, given: str | None) -> str | None:
    """Return the cursor in ``nextCursor``, which may be a URL that contains it."""
    token = given
    if given and _URL.match(given):
        try:
            (token,) = parse_qs(urlsplit(given).query)["cursor"]
        except (ValueError, KeyError):  # no URL, no such parameter, or several
            raise BadResponse(
                f"{selection}: nextCursor is a URL that does not hold one cursor, so the rest "
                "cannot be requested."
            ) from None
    if token and len(token) > MAX_CURSOR_CHARS:
        raise BadResponse(f"{selection}: a nextCursor of {len(token)} characters.")
    return token


def _state_of(
    selection: Selection, cursor: str | None
) -> tuple[tuple[DateWindow | None, ...], str | None]:
    """Return the windows to read, and the service's own cursor within the first."""
    if cursor is None or not cursor.startswith(_OURS):
        return (selection.window,), cursor
    state = msgspec.json.decode(cursor.removeprefix(_OURS), type=_CursorState)
    windows = tuple(DateWindow.parse(*window) for window in state.windows)
    return windows or (selection.window,), state.token


def _cursor(
    selection: Selection, windows: tuple[DateWindow | None, ...], token: str | None
) -> str | None:
    """Return the cursor for a state: the service's own, if that is enough."""
    if not windows:
        return None
    unsplit = windows == (selection.window,)
    if unsplit and token is not None and not token.startswith(_OURS):
        return token
    spelled = () if unsplit else tuple((one.date_from, one.date_to) for one in windows if one)
    return _OURS + msgspec.json.encode(_CursorState(spelled, token)).decode()


class OffsetPaging(Paging, frozen=True):
    """``{"rows": […], "hasMore": true | false}``, requested by ``offset`` and ``limit``."""

    response_fields: ClassVar[tuple[str, ...]] = ("hasMore",)
    by_offset: ClassVar[bool] = True

    def request(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request for the page at the offset."""
        query = {"limit": str(selection.page_size), "offset": str(_position(cursor))}
        return PageRequest(query, selection.window)

    def result(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the rows; the next offset counts the rows received, not those requested.

        They differ if the service returns short pages; to count requested rows would skip some.
        """
        response = require_body(selection, body)
        rows = extract_rows(selection, response, most=selection.page_size)
        if not require_field(selection, response, "hasMore", bool):
            return PageResult(rows, None)
        if not rows:
            raise BadResponse(f"{selection}: an empty page although hasMore is true.")
        return PageResult(rows, str(_position(cursor) + len(rows)))


class SinglePaging(Paging, frozen=True):
    """One request, one response: ``{"rows": […]}``, or an object that is the only row itself."""

    def request(self, selection: Selection, cursor: str | None) -> PageRequest:  # noqa: ARG002 - the protocol's
        """Return the only request."""
        return PageRequest({}, selection.window)

    def result(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:  # noqa: ARG002 - the protocol's
        """Return the response's rows and the end."""
        return PageResult(extract_rows(selection, require_body(selection, body)), None)


class ThreadPaging(Paging, frozen=True):
    """One object a request, by ID; the cursor is the position in the list of IDs."""

    def request(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request for the thread at the cursor."""
        return PageRequest({}, None, thread_id=selection.thread_ids[_position(cursor)])

    def result(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the thread, or no row if it does not exist, and the next position."""
        following = _position(cursor) + 1
        rows = [] if body is None else extract_rows(selection, body)
        return PageResult(rows, str(following) if following < len(selection.thread_ids) else None)


def _position(cursor: str | None) -> int:
    """Return a cursor that is a position; raises ``ValueError``, also for a negative one."""
    if cursor is not None and not cursor.isdecimal():
        raise ValueError("not a position")
    return int(cursor or "0")
