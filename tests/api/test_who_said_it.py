"""A status is judged before its body, and only the API's own words count as the API's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api._response import MAX_ERROR_BYTES
from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ApiError,
    AuthError,
    BadResponse,
    CursorLost,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)
from airflow_provider_docsanalytics.window import DateWindow
from tests.api.test_client import Reader

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

DAY = DateWindow.parse("2026-01-10", "2026-01-11")
PAGE = "<!doctype html><title>Just a  moment...</title><p>Enable JavaScript and cookies"
THREAD = "01HQZX9K2MNBVCXZ7GQRST8WVY"


def _answers(service: Simulator, status: int, body: str = "", **more: Any) -> None:
    headers = {name.replace("_", "-"): value for name, value in more.pop("headers", {}).items()}
    fault = {"kind": "status", "status": status, "body": body, "headers": headers, "times": None}
    service.add_faults([fault | more])


def _said(service: Simulator, error: type[Exception], **arguments: Any) -> str:
    """Return the text of the error that a request with a single attempt ends with."""
    failure = Reader(service, max_attempts=1).failure(**{"endpoint": "views"} | arguments)
    assert type(failure) is error
    return str(failure)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("body", "more", "named"),
    [
        (PAGE, {"content_type": "text/html"}, "an HTML page ('Just a moment...')"),
        (PAGE, {}, "an HTML page"),
        ("", {"content_type": "text/html"}, "an HTML page"),
        ("<?xml version='1.0'?><Error/>", {"content_type": "application/xml"}, "an XML document"),
        ("Blocked by policy 17", {"content_type": "text/plain"}, "'Blocked by policy 17'"),
        ('{"error":"x"}', {"headers": {"cf-mitigated": "challenge"}}, "a firewall or a proxy"),
        ("", {"headers": {"WWW_Authenticate": "Basic realm=proxy"}}, "a firewall or a proxy"),
        ("", {"headers": {"Proxy_Authenticate": "Basic"}}, "a firewall or a proxy"),
    ],
)
def test_a_refusal_that_is_not_the_apis_does_not_blame_the_key(
    service: Simulator, status: int, body: str, more: dict[str, Any], named: str
) -> None:
    _answers(service, status, body, **more)
    said = _said(service, Unreachable)
    assert named in said
    assert f"HTTP {status}" in said
    assert "not the API" in said
    assert "The API has not checked the key" in said
    assert "A retry resumes" in said


def test_a_challenge_page_that_passes_costs_a_retry_and_no_row(service: Simulator) -> None:
    _answers(service, 403, PAGE, content_type="text/html", match={"nth": 2}, times=2)
    reader = Reader(service)
    rows = reader.rows("conversations")
    assert rows == service.truth("conversations", "2026-01-01", "2026-01-31")[0]
    assert reader.sent == 5


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/plain"])
def test_a_407_is_a_proxy_that_wants_a_login(service: Simulator, content_type: str) -> None:
    _answers(service, 407, '{"error":"login"}', content_type=content_type)
    said = _said(service, Unreachable)
    assert "a proxy that requires a login" in said
    assert "proxies" in said


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ("", {}),
        ("", {"content_type": ""}),
        ('{"error":"Unauthorized"}', {"content_type": "", "damage": "cut"}),
        ("", {"headers": {"WWW_Authenticate": "Bearer"}}),
        ('{"error":"Unauthorized"}', {"damage": "cut"}),
        ('{"error":"Unauthorized"}', {"damage": "gzip"}),
        ('{"error":"Unauthorized"}', {"damage": "utf8"}),
        ('{"error":"Unauthorized"}', {"headers": {"Content_Encoding": "br"}}),
        ('{"detail":"Not authenticated"}', {}),
    ],
)
def test_a_401_of_which_only_the_status_can_be_read_costs_one_request(
    service: Simulator, body: str, more: dict[str, Any]
) -> None:
    _answers(service, 401, body, **more)
    reader = Reader(service)
    assert isinstance(reader.failure(), AuthError)
    assert reader.sent == 1


def test_a_401_whose_body_breaks_off_costs_one_request(service: Simulator) -> None:
    _answers(service, 401, '{"error":"x"}', headers={"Content_Length": "900", "Connection": "x"})
    reader = Reader(service, timeout_s=2)
    assert isinstance(reader.failure(), AuthError)
    assert reader.sent == 1


def test_a_403_without_content_is_nobodys_word_on_the_key(service: Simulator) -> None:
    _answers(service, 403)
    assert "a response without content, not the API" in _said(service, Unreachable)


def test_a_403_of_the_api_names_every_cause_and_blames_none(service: Simulator) -> None:
    said = _said(service, AuthError, endpoint="conversations", project_id="somebody-elses")
    for cause in ("scope", "allowlist", "plan", "organisation", "firewall in front of the API"):
        assert cause in said
    assert "Pro or an Enterprise plan" in said
    assert "does not say why" in said


@pytest.mark.parametrize(
    ("body", "headers", "wait_s"),
    [
        ('{"error":"You have exceeded a secondary rate limit"}', {}, None),
        ('{"error":"Too many requests"}', {}, None),
        ('{"error":"Forbidden"}', {"Retry_After": "60"}, 60),
        (PAGE, {"Retry_After": "60"}, 60),
    ],
)
def test_a_403_that_speaks_of_a_limit_is_a_429(
    service: Simulator, body: str, headers: dict[str, str], wait_s: float | None
) -> None:
    _answers(service, 403, body, headers=headers)
    error = Reader(service, max_attempts=1).failure()
    assert isinstance(error, RateLimited)
    assert (error.status, error.retry_after_s) == (403, wait_s)


@pytest.mark.parametrize("damage", ["cut", "gzip", "utf8"])
def test_a_429_keeps_its_retry_after_whatever_its_body_is_like(
    service: Simulator, damage: str
) -> None:
    headers = {"Retry_After": "60"}
    _answers(service, 429, '{"error":"Rate limit exceeded"}', headers=headers, damage=damage)
    reader = Reader(service, max_attempts=2)
    error = reader.failure()
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 60
    assert len(reader.slept) == 1
    assert reader.slept[0] >= 60


def test_a_429_in_plain_text_is_quoted(service: Simulator) -> None:
    _answers(service, 429, "Slow down, friend", content_type="text/plain")
    assert "Slow down, friend" in _said(service, RateLimited)


def test_damaged_text_is_not_quoted(service: Simulator) -> None:
    _answers(service, 429, "Slow down, friend", content_type="text/plain", damage="utf8")
    said = _said(service, RateLimited)
    assert "text/plain" in said
    assert "Slow" not in said


def test_text_that_is_too_long_to_be_read_to_its_end_is_not_quoted(service: Simulator) -> None:
    text = "Slow down, friend".ljust(MAX_ERROR_BYTES, "!")
    _answers(service, 429, text, content_type="text/plain")
    assert "('Slow down, friend!!!" in _said(service, RateLimited)
    service.clear_faults()
    _answers(service, 429, text + "!", content_type="text/plain")
    said = _said(service, RateLimited)
    assert "text/plain" in said
    assert "Slow" not in said


@pytest.mark.parametrize("body", ['["Slow down"]', '"Slow down"', '{"error":["Slow down"]'])
def test_json_in_another_format_than_the_apis_is_quoted_as_it_came(
    service: Simulator, body: str
) -> None:
    _answers(service, 429, body)
    assert f": {body}" in _said(service, RateLimited)


def test_a_page_is_named_by_its_title_and_not_quoted(service: Simulator) -> None:
    _answers(service, 502, PAGE, content_type="text/html")
    said = _said(service, ServerError)
    assert "an HTML page ('Just a moment...')" in said
    assert "cookies" not in said


@pytest.mark.parametrize("status", [408, 421, 425])
def test_a_request_that_came_at_the_wrong_time_is_sent_again(
    service: Simulator, status: int
) -> None:
    _answers(service, status, times=2)
    reader = Reader(service)
    assert len(reader.rows("caller_stats")) == 1
    assert reader.sent == 3
    _answers(service, status)
    assert str(status) in _said(service, ServerError)


@pytest.mark.parametrize(("status", "refused"), [(413, 2), (414, 1), (431, 1), (504, 3), (524, 3)])
def test_what_a_narrower_window_may_get_through_is_split(
    service: Simulator, status: int, refused: int
) -> None:
    _answers(service, status, PAGE, match={"wider_than_days": 20})
    reader = Reader(service)
    rows = reader.rows("conversations")
    assert rows == service.truth("conversations", "2026-01-01", "2026-01-31")[0]
    assert [entry["status"] for entry in service.requests].count(status) == refused
    assert "such as [" in _said(service, TooWide, endpoint="views")


def test_a_maintenance_is_waited_for_as_long_as_it_says(service: Simulator) -> None:
    _answers(service, 503, headers={"Retry_After": "40"}, times=1)
    reader = Reader(service)
    assert len(reader.rows("caller_stats")) == 1
    assert 40 <= reader.slept[0] <= 45
    _answers(service, 503, headers={"Retry_After": "3600"})
    reader = Reader(service, max_wait_s=120)
    error = reader.failure()
    assert isinstance(error, ServerError)
    assert error.retry_after_s == 3600
    assert "Try again in 3600 s" in str(error)
    assert (reader.sent, reader.slept) == (1, [])


def test_a_504_that_asks_for_a_long_wait_is_not_asked_again_for_halves(service: Simulator) -> None:
    _answers(service, 504, headers={"Retry_After": "3600"})
    reader = Reader(service, max_wait_s=120)
    error = reader.failure()
    assert type(error) is ServerError
    assert error.retry_after_s == 3600
    assert (reader.sent, reader.slept) == (1, [])


def test_a_504_that_asks_for_a_short_wait_gets_it_before_the_halves(service: Simulator) -> None:
    headers = {"Retry_After": "7"}
    _answers(service, 504, headers=headers, match={"wider_than_days": 20})
    reader = Reader(service)
    assert len(reader.rows("conversations")) > 0
    assert len(reader.slept) == 3  # the second time, a small page, the halves
    assert all(slept >= 7 for slept in reader.slept)


def test_the_longest_wait_that_is_believed_is_public(service: Simulator) -> None:
    _answers(service, 503, headers={"Retry_After": "1e9"})
    error = Reader(service).failure()
    assert isinstance(error, ServerError)
    assert error.retry_after_s == LONGEST_RETRY_AFTER.total_seconds()


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (PAGE, {"content_type": "text/html"}),
        ("Thread not found", {"content_type": "text/plain"}),
        ('{"error":"Not found"}', {}),
        ('{"error":"Project not found"}', {}),
        ('{"error":"Route /v1/analytics/p/assistant/threads/x does not exist"}', {}),
        ('{"message":"Cannot GET /v1/analytics/p/assistant/threads/x"}', {}),
        ('{"error":"Unknown path: threads"}', {}),
        ("", {}),
        ('{"error":"Thread not found"}', {"damage": "cut"}),
        ('{"error":"Thread not found"}', {"headers": {"cf-mitigated": "challenge"}}),
    ],
)
def test_a_404_that_is_not_about_the_thread_is_not_a_missing_thread(
    service: Simulator, body: str, more: dict[str, Any]
) -> None:
    _answers(service, 404, body, **more)
    _said(service, NotFound, endpoint="threads", thread_ids=[THREAD])


def test_threads_behind_a_base_url_with_a_segment_too_many_are_an_error(
    service: Simulator,
) -> None:
    reader = Reader(service, base_url=f"{service.url}/v1")
    assert isinstance(reader.failure("threads", thread_ids=[THREAD]), NotFound)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "backend is down"},
        {"errors": [{"message": "backend is down"}]},
        {"error": {"text": "backend is down"}, "searches": [], "totalSearches": 0},
        {"error": "backend is down", "searches": [], "nextCursor": None, "totalSearches": 0},
    ],
)
def test_an_error_beside_an_empty_list_is_no_export_of_nothing(
    service: Simulator, body: dict[str, Any]
) -> None:
    service.add_faults([{"kind": "body", "body": json.dumps(body)}])
    assert "backend is down" in _said(service, BadResponse, endpoint="searches")


@pytest.mark.parametrize("key", ["error", "data.errors"])
def test_an_error_beside_a_success_is_refused(service: Simulator, key: str) -> None:
    service.add_faults([{"kind": "set_key", "key": key, "value": "partly"}])
    assert "partly" in _said(service, BadResponse, endpoint="calls_by_service")


@pytest.mark.parametrize("nothing", [None, "", [], {}, False])
def test_a_member_for_errors_that_holds_none_is_only_told(service: Simulator, nothing: Any) -> None:
    service.add_faults([{"kind": "set_key", "key": "error", "value": nothing}])
    page = Reader(service).pages("searches", window=DAY)[0]
    assert page.unknown == ("error",)


@pytest.mark.parametrize(
    ("endpoint", "key", "unknown"),
    [
        ("conversations", "warnings", ("warnings",)),
        ("searches", "hasMore", ()),
        ("views", "nextCursor", ("nextCursor",)),
        ("caller_stats", "robots", ()),  # the row itself: compared with the table as rows are
        ("calls_by_service", "warnings", ("warnings",)),
        ("calls_by_service", "data.hasMore", ("hasMore",)),
        ("dashboard", "warnings", ("warnings",)),
    ],
)
def test_members_that_are_not_known_are_named(
    service: Simulator, endpoint: str, key: str, unknown: tuple[str, ...]
) -> None:
    service.add_faults([{"kind": "set_key", "key": key, "value": 1}])
    page = Reader(service).pages(endpoint, window=DAY)[0]
    assert page.unknown == unknown


def test_unknown_members_are_bounded_in_number_and_length(service: Simulator) -> None:
    body = {"searches": [], "totalSearches": 0, "nextCursor": None}
    more = {f"{number:03}" + "x" * 500: 1 for number in range(500)}
    service.add_faults([{"kind": "body", "body": json.dumps(body | more)}])
    (page,) = Reader(service).pages("searches")
    assert len(page.unknown) == 20
    assert {len(name) for name in page.unknown} == {100}


@pytest.mark.parametrize("endpoint", ["conversations", "feedback", "searches"])
def test_a_next_cursor_that_is_a_url_is_read_to_the_end(service: Simulator, endpoint: str) -> None:
    service.add_faults([{"kind": "cursor_as_url", "times": None}])
    pages = Reader(service).pages(endpoint)
    assert len(pages) > 1
    rows = [row for page in pages for row in page.decode()]
    assert rows == service.truth(endpoint, "2026-01-01", "2026-01-31")[0]
    assert not any("://" in (page.next_cursor or "") for page in pages)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/next",
        "https://api.example.com/next?limit=1",
        "https://api.example.com/next?cursor=",
        "https://api.example.com/next?cursor=a&cursor=b",
        "https://[::1/next?cursor=a",
        "//api.example.com/next",
        "/v1/next?after=a",
        "?page=2",
    ],
)
def test_a_next_cursor_that_is_a_url_without_one_is_no_end(service: Simulator, url: str) -> None:
    service.add_faults([{"kind": "set_key", "key": "nextCursor", "value": url}])
    assert "does not hold one cursor" in _said(service, BadResponse, endpoint="searches")


@pytest.mark.parametrize("cursor", ["/abc+/def==", "a=b", "{}", '{"q":"what?"}'])
def test_a_cursor_that_only_looks_odd_is_taken_as_it_is(service: Simulator, cursor: str) -> None:
    service.add_faults([{"kind": "set_key", "key": "nextCursor", "value": cursor}])
    reader = Reader(service, max_attempts=1)
    reader.failure("searches")
    assert service.requests[1]["query"]["cursor"] == cursor


def test_a_next_cursor_may_be_left_out_at_the_end_and_only_there(service: Simulator) -> None:
    service.add_faults([{"kind": "drop_key", "key": "nextCursor"}])
    (page,) = Reader(service).pages("conversations", window=DAY)
    assert page.next_cursor is None
    service.add_faults([{"kind": "drop_key", "key": "nextCursor"}])
    assert "no 'nextCursor'" in _said(service, BadResponse, endpoint="conversations")


REFUSALS = [400, 404, 405, 409, 410, 416, 422]


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize(
    ("endpoint", "cursor"), [("conversations", "01A"), ("searches", "01A"), ("views", "250")]
)
def test_any_refusal_of_an_old_cursor_starts_over(
    service: Simulator, status: int, endpoint: str, cursor: str
) -> None:
    _answers(service, status, '{"error":"cursor expired"}')
    reader = Reader(service)
    assert isinstance(reader.failure(endpoint, cursor=cursor), CursorLost)
    assert reader.sent == 1


@pytest.mark.parametrize(
    ("status", "more", "error"),
    [
        (401, {}, AuthError),
        (403, {}, AuthError),
        (408, {}, ServerError),
        (413, {}, TooWide),
        (429, {}, RateLimited),
        (431, {}, TooWide),
        (500, {}, ServerError),
        (404, {"body": PAGE, "content_type": "text/html"}, NotFound),
        (400, {"body": PAGE, "content_type": "text/html"}, ApiError),
    ],
)
def test_what_is_not_about_the_cursor_does_not_start_over(
    service: Simulator, status: int, more: dict[str, Any], error: type[Exception]
) -> None:
    _answers(service, status, **{"body": '{"error":"no"}'} | more)
    _said(service, error, endpoint="conversations", cursor="01A")


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_where_no_cursor_was_sent_is_about_the_question(
    service: Simulator, status: int
) -> None:
    _answers(service, status, '{"error":"no"}')
    _said(service, InvalidRequest, endpoint="views")
    _said(service, InvalidRequest, endpoint="threads", cursor="1", thread_ids=[THREAD, "b"])


@pytest.mark.parametrize(
    "more",
    [
        {"body": PAGE, "content_type": "text/html"},
        {"body": "no", "content_type": "text/plain"},
        {"body": ""},
        {"body": '{"error":"no"', "content_type": "application/json"},
    ],
    ids=["a page", "plain text", "nothing", "half of it"],
)
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_that_is_not_the_apis_own_may_pass(
    service: Simulator, status: int, more: dict[str, Any]
) -> None:
    _answers(service, status, **more)
    assert type(Reader(service).failure("views")) is ApiError


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://user:secret@login.example.com:8443/sso?token=t0k", "login.example.com:8443, "),
        ("/login?next=secret", "/login on the same host"),
        ("https://[::1/", "something that is not a URL"),
        ("https://a:b/", "something that is not a URL"),
    ],
)
def test_a_redirect_names_where_it_leads_without_what_is_secret(
    service: Simulator, location: str, named: str
) -> None:
    service.add_faults([{"kind": "status", "status": 302, "headers": {"Location": location}}])
    said = _said(service, BadResponse)
    assert f"redirected to {named}" in said
    assert "secret" not in said
    assert "t0k" not in said


@pytest.mark.parametrize("status", [300, 301, 304])
def test_a_redirect_that_leads_nowhere_is_one_all_the_same(service: Simulator, status: int) -> None:
    _answers(service, status)
    assert "redirected to nowhere" in _said(service, BadResponse)


@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize("name", ["views", "hasMore"])
def test_a_member_that_comes_twice_is_not_silently_the_last(
    service: Simulator, name: str, space: str
) -> None:
    """Else an empty second list would make a complete export of no rows."""
    row = '{"path":"/a","human":1,"ai":1,"total":2}'
    values = {"views": (f"[{row}]", "[]"), "hasMore": ("true", "false")}[name]
    other = {"views": "hasMore", "hasMore": "views"}[name]
    rest = {"views": "[]", "hasMore": "false"}[other]
    members = [f'"{name}":{space}{values[0]}', f'"{name}":{values[1]}', f'"{other}":{rest}']
    _answers(service, 200, "{" + ",".join(members) + "}")
    assert f"the response has '{name}' twice" in _said(service, BadResponse)
