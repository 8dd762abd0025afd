"""How the endpoints page: pure steps from (cursor, answer) to (rows, next cursor).

Nothing in here sends, sleeps or remembers. A cursor that comes back is found by the loop that
drives the steps (:meth:`.client.Client.iter_pages`), once for every kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics import rawjson
from airflow_provider_docsanalytics.api.endpoint import Ask, Body, Selection, Step
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_CURSOR_CHARS = 1024
"""A cursor longer than this is not followed: it travels in a URL and lies in the checkpoint."""


@dataclass(frozen=True, slots=True)
class CursorPaging:
    """``{"rows": […], "nextCursor": "01H…" | null, "hasMore": true | false}``.

    Without ``has_more`` (searches) the end is a null ``nextCursor`` alone.
    """

    has_more: bool = True

    def ask(self, selection: Selection, cursor: str | None) -> Ask:
        """Return the largest page from the cursor on."""
        query = {"limit": str(selection.page_size)}
        return Ask(query if cursor is None else {**query, "cursor": cursor}, selection.window)

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> Step:  # noqa: ARG002 - the protocol's
        """Return the rows and the answer's own cursor."""
        answer = _found(selection, body)
        rows = _rows(selection, answer)
        token = _member(selection, answer, "nextCursor", str | None)
        if self.has_more and not _member(selection, answer, "hasMore", bool):
            return Step(rows, None)
        if token and len(token) > MAX_CURSOR_CHARS:
            raise BadResponse(f"{selection}: a nextCursor of {len(token)} characters.")
        if self.has_more and not token:
            raise BadResponse(
                f"{selection}: the answer says hasMore and gives no nextCursor, so the rest cannot "
                "be asked for. Nothing was exported as complete; try again later."
            )
        return Step(rows, token or None)


@dataclass(frozen=True, slots=True)
class OffsetPaging:
    """``{"rows": […], "hasMore": true | false}``, asked for by ``offset`` and ``limit``."""

    def ask(self, selection: Selection, cursor: str | None) -> Ask:
        """Return the largest page from the offset on."""
        query = {"limit": str(selection.endpoint.page_size), "offset": str(_position(cursor))}
        return Ask(query, selection.window)

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> Step:
        """Return the rows; the next offset counts what came, not what was asked for.

        The two differ only if the service gives short pages, and then rows would be skipped.
        """
        answer = _found(selection, body)
        rows = _rows(selection, answer)
        if not _member(selection, answer, "hasMore", bool):
            return Step(rows, None)
        return Step(rows, str(_position(cursor) + len(rows)))


@dataclass(frozen=True, slots=True)
class SinglePaging:
    """One request, one answer: ``{"rows": […]}``, or an object that is the one row itself."""

    def ask(self, selection: Selection, cursor: str | None) -> Ask:  # noqa: ARG002 - the protocol's
        """Return the only request."""
        return Ask({}, selection.window)

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> Step:  # noqa: ARG002 - the protocol's
        """Return the answer's rows and the end."""
        return Step(_rows(selection, _found(selection, body)), None)


@dataclass(frozen=True, slots=True)
class ThreadPaging:
    """One object a request, by ID; the cursor is the position in the list of IDs."""

    def ask(self, selection: Selection, cursor: str | None) -> Ask:
        """Return the request for the thread at the cursor."""
        return Ask({}, None, thread_id=selection.thread_ids[_position(cursor)])

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> Step:
        """Return the thread, or no row if there is none of that ID, and the next position."""
        following = _position(cursor) + 1
        rows = [] if body is None else _rows(selection, body)
        return Step(rows, str(following) if following < len(selection.thread_ids) else None)


class _Halving(msgspec.Struct, frozen=True):
    """The cursor of :class:`HalvingPaging`: windows still to ask, and the counts so far."""

    pending: tuple[tuple[str, str], ...]
    sums: dict[str, dict[str, Any]]


_HALVING = msgspec.json.Decoder(_Halving)


@dataclass(frozen=True, slots=True)
class HalvingPaging:
    """``{"rows": […], "hasMore": true}`` with no way to ask for more: ask narrower windows.

    Counts add up over disjoint windows, so a window whose answer says ``hasMore`` is halved until
    none does, and the halves are summed by ``key``. Rows come out once, at the end, by the last of
    ``counts`` descending, then by ``key``. The cursor carries the sums, so that a resume asks
    nothing twice.
    """

    key: str
    counts: tuple[str, ...]

    def ask(self, selection: Selection, cursor: str | None) -> Ask:
        """Return the largest answer for the first window that is still to be asked."""
        query = {"limit": str(selection.page_size)}
        if cursor is None:
            return Ask(query, selection.window)
        return Ask(query, DateWindow.parse(*_HALVING.decode(cursor).pending[0]))

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> Step:
        """Add the answer up, or put its window's two halves in its place."""
        answer = _found(selection, body)
        rows = _rows(selection, answer)
        asked = self.ask(selection, cursor).window
        state = _Halving((), {}) if cursor is None else _HALVING.decode(cursor)
        for sums in state.sums.values():  # they may have lain in a file
            self._check(selection, sums)
        if _member(selection, answer, "hasMore", bool):
            halves = self._halves(selection, asked)
            pending = tuple((half.date_from, half.date_to) for half in halves)
            return self._go_on(_Halving(pending + state.pending[1:], state.sums))
        if cursor is None:
            return Step(sorted(rows, key=lambda row: self._rank(selection, row)), None)
        sums = self._add(selection, state.sums, rows)
        if len(state.pending) > 1:
            return self._go_on(_Halving(state.pending[1:], sums))
        merged = (msgspec.json.encode(row) for row in sums.values())
        return Step(sorted(merged, key=lambda row: self._rank(selection, row)), None)

    @staticmethod
    def _go_on(state: _Halving) -> Step:
        return Step([], msgspec.json.encode(state).decode())

    @staticmethod
    def _halves(selection: Selection, asked: DateWindow | None) -> tuple[DateWindow, DateWindow]:
        halves = asked.halves() if asked else None
        if halves is None:
            raise BadResponse(
                f"{selection}: more than {selection.page_size} rows in {asked}, which "
                "cannot be paged and not be halved. Give date_from and date_to, or filters that "
                "select less."
            )
        return halves

    def _add(
        self, selection: Selection, sums: Mapping[str, dict[str, Any]], rows: list[bytes]
    ) -> dict[str, dict[str, Any]]:
        """Return ``sums`` with ``rows`` added: counts by addition, all else must agree."""
        merged = dict(sums)
        for row in rows:
            fields = self._checked(selection, row)
            known = merged.get(fields[self.key])
            if known is not None:
                unlike = [
                    name
                    for name in fields.keys() | known.keys()
                    if name not in self.counts and fields.get(name) != known.get(name)
                ]
                if unlike:
                    raise BadResponse(
                        f"{selection}: the window had to be halved, and {unlike[0]!r} cannot be "
                        "added up over the halves. Use a narrower window."
                    )
                fields.update({name: known[name] + fields[name] for name in self.counts})
            merged[fields[self.key]] = fields
        return merged

    def _checked(self, selection: Selection, row: bytes) -> dict[str, Any]:
        fields: dict[str, Any] = rawjson.value(row)
        self._check(selection, fields)
        return fields

    def _check(self, selection: Selection, fields: Mapping[str, Any]) -> None:
        wrong = [name for name in self.counts if type(fields.get(name)) not in (int, float)]
        if wrong or not isinstance(fields.get(self.key), str):
            raise BadResponse(
                f"{selection}: a row without a {self.key!r} or with a count that is not a number "
                f"({', '.join(wrong) or self.key}); its fields: {', '.join(fields)}."
            )

    def _rank(self, selection: Selection, row: bytes) -> tuple[float, str]:
        fields = self._checked(selection, row)
        return -fields[self.counts[-1]], fields[self.key]


def _position(cursor: str | None) -> int:
    """Return a cursor that is a position; raises ``ValueError``, also for a negative one."""
    if cursor is not None and not cursor.isdecimal():
        raise ValueError("not a position")
    return int(cursor or "0")


def _found(selection: Selection, body: Body | None) -> Body:
    if body is None:
        raise BadResponse(f"{selection}: the service says that there is no such endpoint.")
    return body


def _rows(selection: Selection, body: Body) -> list[bytes]:
    """Return the text of each row, checked to be an object and UTF-8."""
    key = selection.endpoint.rows_key
    if not key:
        rows = [bytes(body.raw)]
    else:
        _require(selection, body, key)
        try:
            rows = [bytes(row) for row in rawjson.elements(body.members[key])]
        except rawjson.NotJson as error:
            raise BadResponse(f"{selection}: {key!r} is not a list ({error}).") from error
    for row in rows:
        if key and not row.startswith(b"{"):
            raise BadResponse(f"{selection}: an element of {key!r} is not an object.")
        if not row.isascii():
            try:
                row.decode()
            except UnicodeDecodeError as error:
                raise BadResponse(f"{selection}: a row is not UTF-8 ({error.reason}).") from error
    return rows


def _member(selection: Selection, body: Body, name: str, kind: Any) -> Any:
    _require(selection, body, name)
    try:
        return msgspec.json.decode(body.members[name], type=kind)
    except msgspec.DecodeError as error:
        raise BadResponse(f"{selection}: {name!r} of the answer is wrong: {error}.") from error


def _require(selection: Selection, body: Body, name: str) -> None:
    if name not in body.members:
        keys = ", ".join(body.members) or "none"
        raise BadResponse(f"{selection}: the answer has no {name!r}; its keys: {keys}.")
