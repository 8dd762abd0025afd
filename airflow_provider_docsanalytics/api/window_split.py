"""Splits a window that is too wide for one response, if the halves give the same rows.

Each event is in one half or the other, and counts of events add up. Distinct visitors, averages,
rates and rounded durations do neither.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._fields import extract_rows, require_body, require_field
from airflow_provider_docsanalytics.api.endpoint import (
    Body,
    PageRequest,
    PageResult,
    Paging,
    Selection,
)
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NARROWEST = timedelta(days=1)
"""A service that fails for one day is down: to split that day would only spend the quota."""


def split_all(windows: Sequence[DateWindow]) -> tuple[DateWindow, ...] | None:
    """Return the windows, later ones first, after the first of them was too wide.

    Those that are about as wide are split, too, because they would also fail. ``None``: the first
    one is not wide enough to be the reason.
    """
    width = windows[0].end - windows[0].start
    if width <= NARROWEST:
        return None
    narrower: list[DateWindow] = []
    for window in windows:
        as_wide = 4 * (window.end - window.start) > 3 * width
        halves = window.halves() if as_wide else None
        narrower += reversed(halves) if halves else [window]
    return tuple(narrower)


class _SplitState(msgspec.Struct, frozen=True):
    """The cursor of :class:`WindowSplitPaging`: the windows to read, and the counts so far."""

    pending: tuple[tuple[str, str], ...]
    sums: dict[str, dict[str, Any]]


@lru_cache(maxsize=1)
def _state(cursor: str | None) -> _SplitState:
    """Return the state at a cursor: shared by the questions about it, so it must not be changed.

    It holds all sums, and each request has five questions.
    """
    if cursor is None:
        return _SplitState((), {})
    return msgspec.convert(_json.value(cursor.encode()), _SplitState)


class WindowSplitPaging(Paging, frozen=True):
    """``{"rows": […], "hasMore": true}`` without a cursor or an offset: request narrower windows.

    Counts add up over disjoint windows, so a window with ``hasMore`` is split until no response has
    it, and the halves are summed by ``key``. The last page has all rows, ordered by the last of
    ``counts``, descending, then by ``key``. The cursor contains the sums, so that a resume repeats
    no request.
    """

    response_fields: ClassVar[tuple[str, ...]] = ("hasMore",)

    key: str
    counts: tuple[str, ...]

    def request(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request for the first window that is still to read."""
        query = {"limit": str(selection.page_size)}
        if cursor is None:
            return PageRequest(query, selection.window)
        return PageRequest(query, DateWindow.parse(*_state(cursor).pending[0]))

    def result(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Add the response's counts, or replace its window with the two halves."""
        response = require_body(selection, body)
        rows = extract_rows(selection, response, most=selection.page_size)
        state = _state(cursor)
        window = self.request(selection, cursor).window
        for sums in state.sums.values():  # a checkpoint may be damaged
            self._check(selection, sums)
        if require_field(selection, response, "hasMore", bool):
            halves = self._halves(selection, window)
            pending = tuple((half.date_from, half.date_to) for half in halves)
            return self._next(_SplitState(pending + state.pending[1:], state.sums))
        if cursor is None:
            return PageResult(sorted(rows, key=lambda row: self._rank(selection, row)), None)
        sums = self._add(selection, state.sums, rows)
        if len(state.pending) > 1:
            return self._next(_SplitState(state.pending[1:], sums))
        merged = (_json.dump(row) for row in sums.values())
        return PageResult(sorted(merged, key=lambda row: self._rank(selection, row)), None)

    def split(self, selection: Selection, cursor: str | None) -> str | None:
        """Return the cursor for the two halves of the next window."""
        state = _state(cursor)
        windows = [DateWindow.parse(*window) for window in state.pending]
        if cursor is None and selection.window is not None:
            windows = [selection.window]
        halves = split_all(windows) if windows else None
        if halves is None:
            return None
        pending = tuple((half.date_from, half.date_to) for half in halves)
        return self._next(_SplitState(pending, state.sums)).next_cursor

    @staticmethod
    def _next(state: _SplitState) -> PageResult:
        return PageResult([], _json.dump(msgspec.to_builtins(state)).decode())

    @staticmethod
    def _halves(selection: Selection, window: DateWindow | None) -> tuple[DateWindow, DateWindow]:
        halves = window.halves() if window else None
        if halves is None:
            raise BadResponse(
                f"{selection}: more than {selection.page_size} rows in {window}, which can "
                "neither be paged nor be split.",
                "Set date_from and date_to, or filters that select fewer rows.",
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
                        f"{selection}: the window had to be split, and {unlike[0]!r} cannot be "
                        "added up over its halves.",
                        "Use a narrower window (date_from, date_to).",
                    )
                fields.update({name: known[name] + fields[name] for name in self.counts})
            merged[fields[self.key]] = fields
        return merged

    def _checked(self, selection: Selection, row: bytes) -> dict[str, Any]:
        fields: dict[str, Any] = _json.value(row)
        self._check(selection, fields)
        return fields

    def _check(self, selection: Selection, fields: Mapping[str, Any]) -> None:
        wrong = [name for name in self.counts if type(fields.get(name)) not in (int, float)]
        if wrong or not isinstance(fields.get(self.key), str):
            raise BadResponse(
                f"{selection}: a row without {self.key!r}, or with a count that is not a number "
                f"({', '.join(wrong) or self.key}); its fields: {', '.join(fields)}."
            )

    def _rank(self, selection: Selection, row: bytes) -> tuple[float, str]:
        fields = self._checked(selection, row)
        return -fields[self.counts[-1]], fields[self.key]
