"""How the endpoints page: pure steps from (cursor, answer) to (rows, next cursor).

Nothing in here sends, sleeps or remembers. A cursor that comes back, and a page that does, are
found by the loop that drives the steps (:meth:`.client.Client.iter_pages`), once for every kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from airflow_provider_docsanalytics.api._fields import extract_rows, found, member
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

_PLACE = "windows:"
"""What a cursor of ours begins with, where the service's own is not enough."""


class _CursorState(msgspec.Struct, frozen=True):
    """Windows still to be read, none for the selection's own, and the cursor within the first."""

    windows: tuple[tuple[str, str], ...]
    token: str | None


_URL = re.compile(
    r"[a-z][a-z0-9+.-]*:/|//|[\w/.%~-]*\?(.*&)?cursor=|[\w/.%~-]*/[\w/.%~-]*\?|\?\w+=",
    re.ASCII | re.IGNORECASE,
)
"""What a ``nextCursor`` begins with that is not a cursor but the URL of the next page."""
MAX_CURSOR_CHARS = 1024
"""A cursor longer than this is not followed: it travels in a URL and lies in the checkpoint."""


@dataclass(frozen=True, slots=True)
class CursorPaging(Paging):
    """``{"rows": […], "nextCursor": "01H…" | null, "hasMore": true | false}``.

    Without ``has_more`` (searches) the end is a null ``nextCursor`` alone. Rows that are ``events``
    (each of one instant, none a sum over the window) can be read by narrower windows, one after
    another, the latest first: so do the services give them. The cursor is the service's own until
    then. ``nextCursor`` may be a URL, whose parameter ``cursor`` it is then; where ``hasMore`` is
    false it is not looked at.
    """

    members: ClassVar[tuple[str, ...]] = ("nextCursor", "hasMore")
    counts_rows: ClassVar[bool] = False

    has_more: bool = True
    events: bool = False

    def ask(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return a page from the cursor on, of the size that is asked for."""
        windows, token = _state_of(selection, cursor)
        query = {"limit": str(selection.page_size)}
        return PageRequest(query if token is None else {**query, "cursor": token}, windows[0])

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the rows, and the answer's own cursor or the next window."""
        answer = found(selection, body)
        rows = extract_rows(selection, answer, most=selection.page_size)
        if self.has_more and not member(selection, answer, "hasMore", bool):
            token = None
        else:
            token = _token(selection, member(selection, answer, "nextCursor", str | None))
            if self.has_more and not token:
                raise BadResponse(
                    f"{selection}: the answer says hasMore and gives no nextCursor, so the rest "
                    "cannot be asked for."
                )
        windows, _ = _state_of(selection, cursor)
        return PageResult(
            rows, _cursor(selection, windows if token else windows[1:], token or None)
        )

    def narrowed(self, selection: Selection, cursor: str | None) -> str | None:
        """Return a cursor by halves, where no page of the first window has been read yet."""
        windows, token = _state_of(selection, cursor)
        if not self.events or token is not None or windows[0] is None:
            return None
        halved = split_all([window for window in windows if window])
        return _cursor(selection, halved, None) if halved else None


def _token(selection: Selection, given: str | None) -> str | None:
    """Return the cursor that ``nextCursor`` gives, be it a URL that holds it."""
    token = given
    if given and _URL.match(given):
        try:
            (token,) = parse_qs(urlsplit(given).query)["cursor"]
        except (ValueError, KeyError):  # no URL, no such parameter, or several
            raise BadResponse(
                f"{selection}: nextCursor is a URL that does not hold one cursor, so the rest "
                "cannot be asked for."
            ) from None
    if token and len(token) > MAX_CURSOR_CHARS:
        raise BadResponse(f"{selection}: a nextCursor of {len(token)} characters.")
    return token


def _state_of(
    selection: Selection, cursor: str | None
) -> tuple[tuple[DateWindow | None, ...], str | None]:
    """Return the windows still to be read, and the service's own cursor within the first."""
    if cursor is None or not cursor.startswith(_PLACE):
        return (selection.window,), cursor
    place = msgspec.json.decode(cursor.removeprefix(_PLACE), type=_CursorState)
    windows = tuple(DateWindow.parse(*window) for window in place.windows)
    return windows or (selection.window,), place.token


def _cursor(
    selection: Selection, windows: tuple[DateWindow | None, ...], token: str | None
) -> str | None:
    """Return the cursor of a place: the service's own, where that says it all."""
    if not windows:
        return None
    whole = windows == (selection.window,)
    if whole and token is not None and not token.startswith(_PLACE):
        return token
    spelled = () if whole else tuple((one.date_from, one.date_to) for one in windows if one)
    return _PLACE + msgspec.json.encode(_CursorState(spelled, token)).decode()


@dataclass(frozen=True, slots=True)
class OffsetPaging(Paging):
    """``{"rows": […], "hasMore": true | false}``, asked for by ``offset`` and ``limit``."""

    members: ClassVar[tuple[str, ...]] = ("hasMore",)
    by_offset: ClassVar[bool] = True

    def ask(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return a page from the offset on, of the size that is asked for."""
        query = {"limit": str(selection.page_size), "offset": str(_position(cursor))}
        return PageRequest(query, selection.window)

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the rows; the next offset counts what came, not what was asked for.

        The two differ only if the service gives short pages, and then rows would be skipped.
        """
        answer = found(selection, body)
        rows = extract_rows(selection, answer, most=selection.page_size)
        if not member(selection, answer, "hasMore", bool):
            return PageResult(rows, None)
        if not rows:
            raise BadResponse(f"{selection}: an empty page that promises more.")
        return PageResult(rows, str(_position(cursor) + len(rows)))


@dataclass(frozen=True, slots=True)
class SinglePaging(Paging):
    """One request, one answer: ``{"rows": […]}``, or an object that is the one row itself."""

    def ask(self, selection: Selection, cursor: str | None) -> PageRequest:  # noqa: ARG002 - the protocol's
        """Return the only request."""
        return PageRequest({}, selection.window)

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:  # noqa: ARG002 - the protocol's
        """Return the answer's rows and the end."""
        return PageResult(extract_rows(selection, found(selection, body)), None)


@dataclass(frozen=True, slots=True)
class ThreadPaging(Paging):
    """One object a request, by ID; the cursor is the position in the list of IDs."""

    def ask(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request for the thread at the cursor."""
        return PageRequest({}, None, thread_id=selection.thread_ids[_position(cursor)])

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the thread, or no row if there is none of that ID, and the next position."""
        following = _position(cursor) + 1
        rows = [] if body is None else extract_rows(selection, body)
        return PageResult(rows, str(following) if following < len(selection.thread_ids) else None)


def _position(cursor: str | None) -> int:
    """Return a cursor that is a position; raises ``ValueError``, also for a negative one."""
    if cursor is not None and not cursor.isdecimal():
        raise ValueError("not a position")
    return int(cursor or "0")
