"""Any rows, cut into any pages, come out once and in order, also when resumed at any cursor."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_docsanalytics._loop_guard import LoopGuard, page_fingerprint
from airflow_provider_docsanalytics.api.endpoint import Body, PageRequest, Selection
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.window_split import NARROWEST, split_all
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[PageRequest], dict[str, Any] | None]
    Read = tuple[list[dict[str, Any]], str | None]

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 40
WINDOW = DateWindow(START, START + timedelta(days=DAYS))
MS = 24 * 3600 * 1000
INSTANTS = st.lists(st.integers(0, DAYS * MS - 1), max_size=25)
CUTS = st.lists(st.integers(0, 7), min_size=1, max_size=5)
WIDEST = st.sampled_from([2, 3.5, 11, 20, 39.9, DAYS])
MANY = settings(max_examples=60)


class TooWideError(Exception):
    """The made-up service does not answer for such a window."""


def _read(selection: Selection, answer: Answer, cursor: str | None) -> list[Read]:
    """Drive the paging as the client does; return each page with the cursor behind it."""
    paging, pages, guard = selection.endpoint.paging, [], LoopGuard("")
    guard.start(cursor)
    while True:
        try:
            given = answer(paging.request(selection, cursor))
        except TooWideError:
            cursor = paging.split(selection, cursor)
            assert cursor is not None
            continue
        body = None if given is None else Body.parse(json.dumps(given).encode())
        result = paging.result(selection, cursor, body)
        guard.check(page_fingerprint(result.rows), result.next_cursor)
        pages.append(([json.loads(row) for row in result.rows], result.next_cursor))
        cursor = result.next_cursor
        if cursor is None:
            return pages


def _assert_exact(selection: Selection, answer: Answer, truth: list[Any]) -> None:
    whole = _read(selection, answer, None)
    assert [row for rows, _ in whole for row in rows] == truth
    for done, (_, cursor) in enumerate(whole[:-1], start=1):
        assert _read(selection, answer, cursor) == whole[done:]


def _ms(window: DateWindow | None) -> range:
    assert window is not None
    first, last = (
        (instant - START) // timedelta(milliseconds=1) for instant in (window.start, window.end)
    )
    return range(first, last)


@MANY
@given(INSTANTS, CUTS, WIDEST, st.sampled_from(["", "01H", "windows:", '{"a']))
def test_events_by_cursor(instants: list[int], cuts: list[int], widest: float, prefix: str) -> None:
    rows = [{"id": number, "at": at} for number, at in enumerate(sorted(instants, reverse=True))]

    def answer(request: PageRequest) -> dict[str, Any]:
        token = request.query.get("cursor")
        if token is None and len(_ms(request.window)) > widest * MS:
            raise TooWideError
        here = [row for row in rows if row["at"] in _ms(request.window)]
        start, turn = json.loads(token.removeprefix(prefix)) if token else (0, 0)
        end = start + cuts[turn % len(cuts)]
        turn_after = turn + 1
        if end == start:  # an empty page, and never two
            end = start + (turn > 0 and cuts[(turn - 1) % len(cuts)] == 0)
        more = end < len(here)
        token = prefix + json.dumps([end, turn_after]) if more else None
        return {"conversations": here[start:end], "hasMore": more, "nextCursor": token}

    selection = MINTLIFY.select("conversations", project_id="p", window=WINDOW)
    _assert_exact(selection, answer, rows)


@MANY
@given(st.integers(0, 40), CUTS)
def test_groups_by_cursor_without_has_more(count: int, cuts: list[int]) -> None:
    rows = [{"searchQuery": number} for number in range(count)]

    def answer(request: PageRequest) -> dict[str, Any]:
        start = int(request.query.get("cursor", "0"))
        end = start + 1 + cuts[start % len(cuts)]
        return {"searches": rows[start:end], "nextCursor": str(end) if end < count else None}

    selection = MINTLIFY.select("searches", project_id="p", window=WINDOW)
    _assert_exact(selection, answer, rows)


@MANY
@given(st.integers(0, 40), CUTS)
def test_groups_by_offset(count: int, cuts: list[int]) -> None:
    rows = [{"path": number} for number in range(count)]

    def answer(request: PageRequest) -> dict[str, Any]:
        start = int(request.query["offset"])
        end = start + 1 + cuts[start % len(cuts)]  # also shorter than asked for
        return {"views": rows[start:end], "hasMore": end < count}

    selection = MINTLIFY.select("views", project_id="p", window=WINDOW)
    _assert_exact(selection, answer, rows)


@MANY
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_objects_by_id(there: list[bool]) -> None:
    ids = [f"t{number}" for number in range(len(there))]

    def answer(request: PageRequest) -> dict[str, Any] | None:
        return {"threadId": request.thread_id} if there[ids.index(request.thread_id)] else None

    selection = MINTLIFY.select("threads", project_id="p", thread_ids=ids)
    truth = [{"threadId": one} for one, exists in zip(ids, there, strict=True) if exists]
    _assert_exact(selection, answer, truth)


@MANY
@given(st.lists(st.tuples(st.integers(0, DAYS * MS - 1), st.integers(0, 4))), WIDEST)
def test_counts_by_halves(entries: list[tuple[int, int]], widest: float) -> None:
    limit = 3
    distinct = dict(entries)

    def counts(instants: range) -> list[dict[str, Any]]:
        pages = [page for at, page in distinct.items() if at in instants]
        rows = [(-pages.count(page), f"/{page}") for page in set(pages)]
        return [
            {"path": path, "thumbsUp": -less, "thumbsDown": 0, "code": 0, "total": -less}
            for less, path in sorted(rows)
        ]

    def answer(request: PageRequest) -> dict[str, Any]:
        if len(_ms(request.window)) > widest * MS:
            raise TooWideError
        rows = counts(_ms(request.window))
        return {"feedback": rows[:limit], "hasMore": len(rows) > limit}

    selection = MINTLIFY.select("feedback_by_page", project_id="p", window=WINDOW)
    _assert_exact(selection, answer, counts(_ms(WINDOW)))


@given(st.integers(1, 10**13), st.integers(0, 20))
def test_halves_cover_a_window_and_share_no_instant(length_ms: int, depth: int) -> None:
    windows = [DateWindow(START, START + timedelta(milliseconds=length_ms))]
    whole = _ms(windows[0])
    for _ in range(depth):
        halves = windows[0].halves()
        assert (halves is None) == (len(_ms(windows[0])) == 1)
        windows[:1] = halves or (windows[0],)
    at = whole.start
    for window in windows:
        assert _ms(window).start == at < _ms(window).stop
        at = _ms(window).stop
    assert at == whole.stop


@given(st.lists(st.integers(1, 400 * MS), min_size=1, max_size=6))
def test_narrower_windows_cover_the_same_latest_first(lengths: list[int]) -> None:
    edges = [START]
    for length in lengths:
        edges.append(edges[-1] + timedelta(milliseconds=length))
    windows = [DateWindow(*pair) for pair in pairwise(edges)][::-1]
    halved = split_all(windows)
    if windows[0].end - windows[0].start <= NARROWEST:
        assert halved is None
        return
    assert halved is not None
    assert (halved[0].end, halved[-1].start) == (edges[-1], edges[0])
    assert all(later.start == earlier.end for later, earlier in pairwise(halved))
    assert len(_ms(halved[0])) < len(_ms(windows[0]))
