"""The paging steps by themselves: pure functions, no server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_docsanalytics.api.endpoint import Body, Selection
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.window import DateWindow

WINDOW = DateWindow.parse("2026-01-01", "2026-01-01T00:00:00.004Z")


def _selection(endpoint: str, **arguments: Any) -> Selection:
    return MINTLIFY.select(endpoint, project_id="p", **{"window": WINDOW, **arguments})


def _body(answer: object) -> Body:
    return Body.parse(json.dumps(answer).encode())


def _step(endpoint: str, answer: object, cursor: str | None = None) -> tuple[list[Any], str | None]:
    selection = _selection(endpoint)
    result = selection.endpoint.paging.result(selection, cursor, _body(answer))
    return [json.loads(bytes(row)) for row in result.rows], result.next_cursor


def _refusal(endpoint: str, answer: object, cursor: str | None = None) -> str:
    with pytest.raises(BadResponse) as refused:
        _step(endpoint, answer, cursor)
    assert endpoint in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("endpoint", "limit"),
    [
        ("conversations", "1000"),
        ("feedback", "100"),
        ("feedback_by_page", "100"),
        ("searches", "100"),
        ("views", "250"),
        ("visitors", "250"),
    ],
)
def test_the_largest_page_is_asked_for(endpoint: str, limit: str) -> None:
    selection = _selection(endpoint)
    assert selection.endpoint.paging.request(selection, None).query["limit"] == limit


@pytest.mark.parametrize(
    ("answer", "cursor"),
    [
        ({"nextCursor": "c2", "hasMore": True}, "c2"),
        ({"nextCursor": "c2", "hasMore": False}, None),
        ({"nextCursor": None, "hasMore": False}, None),
    ],
)
def test_conversations_go_on_while_there_is_more(answer: dict[str, Any], cursor: str) -> None:
    rows, following = _step("conversations", {"conversations": [{"id": 1}], **answer})
    assert (rows, following) == ([{"id": 1}], cursor)


def test_searches_end_when_there_is_no_cursor_and_never_say_has_more() -> None:
    assert _step("searches", {"searches": [], "nextCursor": "c2"})[1] == "c2"
    assert _step("searches", {"searches": [], "nextCursor": None})[1] is None
    assert _step("searches", {"searches": [], "nextCursor": ""})[1] is None


def test_more_without_a_cursor_is_not_taken_for_the_end() -> None:
    for token in (None, ""):
        answer = {"conversations": [], "nextCursor": token, "hasMore": True}
        assert "no nextCursor" in _refusal("conversations", answer)


@pytest.mark.parametrize("missing", ["conversations", "nextCursor", "hasMore"])
def test_a_missing_key_is_named_beside_those_that_came(missing: str) -> None:
    answer = {"conversations": [], "nextCursor": "01A", "hasMore": True}
    del answer[missing]
    message = _refusal("conversations", answer)
    assert f"no {missing!r}" in message
    assert all(name in message for name in answer)


@pytest.mark.parametrize("endpoint", ["conversations", "caller_stats"])
def test_an_answer_without_any_member_is_said_to_have_none(endpoint: str) -> None:
    assert "its keys: none." in _refusal(endpoint, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"conversations": None},
        {"conversations": {}},
        {"conversations": [1]},
        {"conversations": [{}, None]},
        {"hasMore": "true"},
        {"hasMore": 1},
        {"nextCursor": 5},
    ],
)
def test_a_member_of_another_type_is_refused(wrong: dict[str, Any]) -> None:
    answer = {"conversations": [], "nextCursor": "c", "hasMore": True} | wrong
    assert next(iter(wrong)) in _refusal("conversations", answer)


def test_the_next_offset_counts_the_rows_that_came() -> None:
    # A service that gives fewer rows than asked for must not make us skip the rest.
    assert _step("views", {"views": [{}] * 3, "hasMore": True}, "250")[1] == "253"
    assert _step("views", {"views": [{}] * 3, "hasMore": False}, "250")[1] is None


def test_a_single_object_is_its_own_row() -> None:
    assert _step("caller_stats", {"web": 1, "total": 1}) == ([{"web": 1, "total": 1}], None)


def test_threads_are_walked_by_their_position_and_a_missing_one_gives_no_row() -> None:
    selection = _selection("threads", window=None, thread_ids=["a", "b"])
    paging = selection.endpoint.paging
    assert paging.request(selection, None).thread_id == "a"
    assert paging.result(selection, None, None).next_cursor == "1"
    assert paging.request(selection, "1").thread_id == "b"
    last = paging.result(selection, "1", _body({"threadId": "b"}))
    assert ([bytes(row) for row in last.rows], last.next_cursor) == ([b'{"threadId": "b"}'], None)


@pytest.mark.parametrize("endpoint", [*MINTLIFY.endpoints.keys() - {"threads"}, "dashboard"])
def test_only_a_thread_may_be_missing(endpoint: str) -> None:
    mintlify = endpoint in MINTLIFY.endpoints
    selection = _selection(endpoint) if mintlify else VYOM.select(endpoint, window=WINDOW)
    with pytest.raises(BadResponse, match=f"^{endpoint} .* this endpoint does not exist"):
        selection.endpoint.paging.result(selection, None, None)


class ByPage:
    """Feedback by page over 4 ms, one entry a millisecond, served as the API does: the top 2."""

    entries = ("/a", "/b", "/c", "/a")
    limit = 2

    def answer(self, window: DateWindow) -> dict[str, Any]:
        first, last = window.start.microsecond // 1000, window.end.microsecond // 1000
        chosen = self.entries[first:last]
        rows = [self.row(path, chosen.count(path)) for path in sorted(set(chosen))]
        return {"feedback": rows[: self.limit], "hasMore": len(rows) > self.limit}

    def row(self, path: str, count: int) -> dict[str, Any]:
        return {"path": path, "thumbsUp": count, "thumbsDown": 0, "code": 0, "total": count}

    def read(self) -> tuple[list[dict[str, Any]], list[DateWindow]]:
        """Drive the paging to its end; return the rows and the windows asked for."""
        selection = _selection("feedback_by_page")
        rows: list[dict[str, Any]] = []
        asked: list[DateWindow] = []
        cursor: str | None = None
        while True:
            window = selection.endpoint.paging.request(selection, cursor).window
            assert window is not None
            asked.append(window)
            result = selection.endpoint.paging.result(selection, cursor, _body(self.answer(window)))
            rows += [json.loads(bytes(row)) for row in result.rows]
            cursor = result.next_cursor
            if cursor is None:
                return rows, asked


def test_a_window_with_too_many_pages_is_halved_and_its_halves_add_up() -> None:
    service = ByPage()
    rows, asked = service.read()
    assert rows == [service.row("/a", 2), service.row("/b", 1), service.row("/c", 1)]
    halves = WINDOW.halves()
    assert halves is not None
    assert asked == [WINDOW, *halves]


def test_a_window_that_fits_is_asked_for_once_and_its_rows_keep_their_text() -> None:
    service = ByPage()
    service.limit = 3
    rows, asked = service.read()
    assert [row["path"] for row in rows] == ["/a", "/b", "/c"]
    assert asked == [WINDOW]


def test_a_window_that_cannot_be_halved_any_more_is_an_error_not_a_cut() -> None:
    service = ByPage()
    service.limit = 0
    with pytest.raises(BadResponse, match="can neither be paged nor be split"):
        service.read()


def test_an_unknown_field_that_differs_over_the_halves_is_not_made_up() -> None:
    class WithRate(ByPage):
        rows_given = 0

        def row(self, path: str, count: int) -> dict[str, Any]:
            self.rows_given += 1
            return super().row(path, count) | {"title": path, "rate": self.rows_given}

    with pytest.raises(BadResponse, match="'rate' cannot be added up"):
        WithRate().read()


@pytest.mark.parametrize("wrong", [{"total": "3"}, {"code": True}, {"path": None}])
def test_counts_that_are_no_numbers_are_refused(wrong: dict[str, Any]) -> None:
    row = ByPage().row("/a", 1) | wrong
    message = _refusal("feedback_by_page", {"feedback": [row], "hasMore": False})
    assert f"({next(iter(wrong))})" in message


def test_vyoms_envelope_is_opened() -> None:
    opened = VYOM.unwrap(_body({"success": True, "message": "", "data": {"services": []}}))
    assert bytes(opened.fields["services"]) == b"[]"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"success": False, "message": "no such tenant", "data": None}, "no such tenant"),
        ({"success": "true", "data": {}}, "success: false"),
        ({"data": {}}, "no 'success'"),
        ({"success": True, "result": {}}, "its keys: success, result"),
        ({}, "its keys: none"),
    ],
)
def test_vyoms_envelope_of_a_failure_is_an_error(answer: dict[str, Any], said: str) -> None:
    with pytest.raises(BadResponse, match=said):
        VYOM.unwrap(_body(answer))
