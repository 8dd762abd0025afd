"""Narrower windows for what a service cannot answer at once, where that gives the same rows.

Rows of events lie in one half or the other, and counts of events add up. Distinct visitors,
averages, rates and rounded durations do neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._fields import extract_rows, found, member
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
"""A service that cannot answer for a day is not asked for too much, it is down: halving would only
spend the quota."""


def split_all(windows: Sequence[DateWindow]) -> tuple[DateWindow, ...] | None:
    """Return the windows, later ones first, after the first of them was too wide to be answered.

    Those that are about as wide are halved, too: they would be refused as well. ``None``: the first
    one is not wide enough to be at fault.
    """
    refused = windows[0].end - windows[0].start
    if refused <= NARROWEST:
        return None
    halved: list[DateWindow] = []
    for window in windows:
        as_wide = 4 * (window.end - window.start) > 3 * refused
        halves = window.halves() if as_wide else None
        halved += reversed(halves) if halves else [window]
    return tuple(halved)


class _SplitState(msgspec.Struct, frozen=True):
    """The cursor of :class:`WindowSplitPaging`: windows still to ask, and the counts so far."""

    pending: tuple[tuple[str, str], ...]
    sums: dict[str, dict[str, Any]]


def _state(cursor: str | None) -> _SplitState:
    if cursor is None:
        return _SplitState((), {})
    return msgspec.convert(_json.value(cursor.encode()), _SplitState)


@dataclass(frozen=True, slots=True)
class WindowSplitPaging(Paging):
    """``{"rows": […], "hasMore": true}`` with no way to ask for more: ask narrower windows.

    Counts add up over disjoint windows, so a window whose answer says ``hasMore`` is halved until
    none does, and the halves are summed by ``key``. Rows come out once, at the end, by the last of
    ``counts`` descending, then by ``key``. The cursor carries the sums, so that a resume asks
    nothing twice.
    """

    members: ClassVar[tuple[str, ...]] = ("hasMore",)

    key: str
    counts: tuple[str, ...]

    def ask(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the largest answer for the first window that is still to be asked."""
        query = {"limit": str(selection.page_size)}
        if cursor is None:
            return PageRequest(query, selection.window)
        return PageRequest(query, DateWindow.parse(*_state(cursor).pending[0]))

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Add the answer up, or put its window's two halves in its place."""
        answer = found(selection, body)
        rows = extract_rows(selection, answer, most=selection.page_size)
        asked = self.ask(selection, cursor).window
        state = _state(cursor)
        for sums in state.sums.values():  # they may have lain in a file
            self._check(selection, sums)
        if member(selection, answer, "hasMore", bool):
            halves = self._halves(selection, asked)
            pending = tuple((half.date_from, half.date_to) for half in halves)
            return self._go_on(_SplitState(pending + state.pending[1:], state.sums))
        if cursor is None:
            return PageResult(sorted(rows, key=lambda row: self._rank(selection, row)), None)
        sums = self._add(selection, state.sums, rows)
        if len(state.pending) > 1:
            return self._go_on(_SplitState(state.pending[1:], sums))
        merged = (_json.dump(row) for row in sums.values())
        return PageResult(sorted(merged, key=lambda row: self._rank(selection, row)), None)

    def narrowed(self, selection: Selection, cursor: str | None) -> str | None:
        """Return the cursor that asks for the halves of what is to be asked next."""
        state = _state(cursor)
        asked = [DateWindow.parse(*window) for window in state.pending]
        if cursor is None and selection.window is not None:
            asked = [selection.window]
        halved = split_all(asked) if asked else None
        if halved is None:
            return None
        pending = tuple((half.date_from, half.date_to) for half in halved)
        return self._go_on(_SplitState(pending, state.sums)).next_cursor

    @staticmethod
    def _go_on(state: _SplitState) -> PageResult:
        return PageResult([], _json.dump(msgspec.to_builtins(state)).decode())

    @staticmethod
    def _halves(selection: Selection, asked: DateWindow | None) -> tuple[DateWindow, DateWindow]:
        halves = asked.halves() if asked else None
        if halves is None:
            raise BadResponse(
                f"{selection}: more than {selection.page_size} rows in {asked}, which "
                "cannot be paged and not be halved.",
                "Give date_from and date_to, or filters that select less.",
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
                        "added up over the halves.",
                        "Use a narrower window.",
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
                f"{selection}: a row without a {self.key!r} or with a count that is not a number "
                f"({', '.join(wrong) or self.key}); its fields: {', '.join(fields)}."
            )

    def _rank(self, selection: Selection, row: bytes) -> tuple[float, str]:
        fields = self._checked(selection, row)
        return -fields[self.counts[-1]], fields[self.key]
