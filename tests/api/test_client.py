"""The client against the simulator, over real HTTP; its sleeping is noted instead of done."""

from __future__ import annotations

import json
import math
import socket
import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics._loop_guard import page_fingerprint
from airflow_provider_docsanalytics.api import _deadline
from airflow_provider_docsanalytics.api import client as client_module
from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import (
    ApiError,
    AuthError,
    BadResponse,
    CursorLost,
    DocsAnalyticsError,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.window import DateWindow
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Page, Platform, Selection

MONTH = DateWindow.parse("2026-01-01", "2026-01-31")
PLATFORM = dict.fromkeys(MINTLIFY.endpoints, MINTLIFY) | dict.fromkeys(VYOM.endpoints, VYOM)
WINDOWED = [name for name, platform in PLATFORM.items() if platform.endpoint(name).windowed]


class Reader:
    """A client of the simulator that notes how long it would have slept."""

    def __init__(self, service: Simulator, **settings: Any) -> None:
        self.service = service
        self.settings = settings
        self.slept: list[float] = []
        self.sent = 0

    def select(self, endpoint: str, window: DateWindow = MONTH, **arguments: Any) -> Selection:
        platform = PLATFORM[endpoint]
        if platform is MINTLIFY:
            arguments.setdefault("project_id", self.service.project_id)
        if platform.endpoint(endpoint).windowed:
            arguments["window"] = window
        return platform.select(endpoint, **arguments)

    def pages(self, endpoint: str, cursor: str | None = None, **arguments: Any) -> list[Page]:
        selection = self.select(endpoint, **arguments)
        mintlify = selection.platform is MINTLIFY
        key = self.service.mintlify_key if mintlify else self.service.vyom_key
        usual = {"base_url": self.service.url, "api_key": key}
        with Client(Settings(**usual | self.settings), sleep=self.slept.append) as client:
            try:
                return list(client.iter_pages(selection, cursor))
            finally:
                self.sent = client.requests_sent

    def rows(self, endpoint: str, **arguments: Any) -> list[dict[str, Any]]:
        return [row for page in self.pages(endpoint, **arguments) for row in page.decode()]

    def failure(self, endpoint: str = "conversations", **arguments: Any) -> DocsAnalyticsError:
        with pytest.raises(DocsAnalyticsError) as failed:
            self.rows(endpoint, **arguments)
        assert self.service.mintlify_key not in repr(failed.value)
        return failed.value


def _fault(
    service: Simulator, kind: str, *, nth: int = 1, times: int | None = 1, **more: Any
) -> None:
    service.add_faults([{"kind": kind, "match": {"nth": nth}, "times": times, **more}])


@pytest.mark.parametrize("endpoint", WINDOWED)
def test_every_endpoint_is_read_whole_in_order_and_with_the_fewest_requests(
    service: Simulator, endpoint: str
) -> None:
    reader = Reader(service)
    pages = reader.pages(endpoint)
    truth, totals = service.truth(endpoint, "2026-01-01", "2026-01-31")
    rows = [row for page in pages for row in page.decode()]
    assert len(truth) > 0
    assert rows == truth
    assert all(page.totals == totals for page in pages)
    if endpoint != "feedback_by_page":  # which has a test of its own
        page_size = PLATFORM[endpoint].endpoint(endpoint).page_size or 1_000_000
        assert len(service.requests) == reader.sent == math.ceil(len(truth) / page_size)


def test_feedback_by_page_over_more_pages_than_an_answer_holds_equals_the_feedback_itself(
    service: Simulator,
) -> None:
    rows = Reader(service).rows("feedback_by_page")
    feedback = service.truth("feedback", "2026-01-01", "2026-01-31")[0]
    entries = Counter(row["path"].removeprefix("https://docs.example.com") for row in feedback)
    assert len(rows) > 250
    assert {row["path"]: row["total"] for row in rows} == entries
    assert rows == sorted(rows, key=lambda row: (-row["total"], row["path"]))


def test_feedback_by_page_is_resumed_in_the_middle_without_asking_twice(service: Simulator) -> None:
    reader = Reader(service)
    whole = reader.pages("feedback_by_page")
    asked = len(service.requests)
    cursor = whole[asked // 2 - 1].next_cursor
    service.clear_requests()
    rest = reader.pages("feedback_by_page", cursor=cursor)
    assert len(service.requests) == asked - asked // 2
    assert rest[-1].rows == whole[-1].rows


@pytest.mark.parametrize("endpoint", ["conversations", "feedback_by_page", "views"])
def test_a_page_carries_what_the_loop_guard_tells_it_by(service: Simulator, endpoint: str) -> None:
    pages = Reader(service).pages(endpoint)
    assert [page.fingerprint for page in pages] == [page_fingerprint(page.rows) for page in pages]
    told = [page.fingerprint for page in pages if page.rows]
    assert len(set(told)) == len(told) > 0
    assert "" not in told


@pytest.mark.parametrize("endpoint", ["conversations", "searches", "views"])
def test_any_pages_cursor_resumes_behind_it(service: Simulator, endpoint: str) -> None:
    whole = Reader(service).pages(endpoint)
    assert len(whole) > 1
    for done, page in enumerate(whole[:-1], start=1):
        rest = Reader(service).pages(endpoint, cursor=page.next_cursor)
        assert [one.rows for one in rest] == [one.rows for one in whole[done:]]


@pytest.mark.parametrize("endpoint", WINDOWED)
def test_a_window_without_data_takes_one_request(service: Simulator, endpoint: str) -> None:
    window = DateWindow.parse("2020-01-01", "2020-01-02")
    pages = Reader(service).pages(endpoint, window=window)
    whole_object = endpoint in ("caller_stats", "dashboard")  # tokens_summary: an empty one
    assert (len(service.requests), len(pages)) == (1, 1)
    assert len(pages[0].rows) == (1 if whole_object else 0)


def test_filters_reach_the_service(service: Simulator) -> None:
    rows = Reader(service).rows("feedback", filters={"status": ["pending", "resolved"]})
    assert {row["status"] for row in rows} == {"pending", "resolved"}


def test_threads_are_read_by_id_and_a_missing_one_is_named(service: Simulator) -> None:
    conversations, _ = service.truth("conversations", "2026-01-01", "2026-01-31")
    there = conversations[0]["id"]
    gone = "01HQZX9K2MNBVCXZ7GQRST8WVY"
    pages = Reader(service).pages("threads", thread_ids=[gone, there])
    assert [page.missing for page in pages] == [(gone,), ()]
    assert [row["threadId"] for page in pages for row in page.decode()] == [there]


def test_no_threads_take_no_request(service: Simulator) -> None:
    assert Reader(service).pages("threads", thread_ids=[]) == []
    assert service.requests == []


def test_a_call_at_midnight_is_in_one_of_two_adjacent_days(service: Simulator) -> None:
    days = [DateWindow.parse(f"2026-01-{day:02}", f"2026-01-{day + 1:02}") for day in range(1, 30)]
    reader = Reader(service)
    daily = sum(reader.rows("dashboard", window=day)[0]["total_calls"] for day in days)
    whole = DateWindow.parse("2026-01-01", "2026-01-30")
    assert daily == reader.rows("dashboard", window=whole)[0]["total_calls"]
    naive = {"start_date": "2026-01-02T00:00:00.000Z", "end_date": "2026-01-02T00:00:00.000Z"}
    assert VYOM.dates(days[1]) != naive
    at_midnight = DateWindow.parse("2026-01-02", "2026-01-02T00:00:00.001Z")
    assert reader.rows("dashboard", window=at_midnight)[0]["total_calls"] > 0


def test_pages_share_one_connection_and_say_who_asks(service: Simulator) -> None:
    Reader(service).pages("views")
    log = service.requests
    assert len({entry["connection"] for entry in log}) == 1
    assert len(log) > 1
    agent = str(log[0]["headers"]["User-Agent"])
    assert agent.startswith(f"airflow-provider-docsanalytics/{__version__} ")


@pytest.mark.parametrize(
    "how", [{"gzip": True}, {"faults": [{"kind": "pretty", "times": None}]}], ids=["gzip", "pretty"]
)
def test_compressed_and_pretty_answers_are_read_as_well(how: dict[str, Any]) -> None:
    config = Config(rows=50, start="2026-01-01", end="2026-01-31")
    with OddSimulator(config, **how) as service:
        truth, _ = service.truth("conversations")
        assert Reader(service).rows("conversations") == truth
        assert "gzip" in str(service.requests[0]["headers"]["Accept-Encoding"])


def test_the_older_schema_is_read_as_it_is() -> None:
    config = Config(rows=50, start="2026-01-01", end="2026-01-31", legacy_schema=True)
    with Simulator(config) as service:
        rows = Reader(service).rows("conversations")
        assert rows == service.truth("conversations")[0]
        assert not any("resolutionStatus" in row for row in rows)


TRANSIENT = [
    ("status", {"status": 429}),
    ("status", {"status": 500}),
    ("status", {"status": 502, "body": "<html>Bad gateway</html>"}),
    ("status", {"status": 503}),
    ("status", {"status": 504}),
    ("reset_before_headers", {}),
    ("reset_in_body", {}),
    ("short_body", {}),
    ("truncated_json", {}),
]


@pytest.mark.parametrize(("kind", "more"), TRANSIENT)
def test_a_passing_fault_costs_a_retry_and_no_row(
    service: Simulator, kind: str, more: dict[str, Any]
) -> None:
    _fault(service, kind, nth=2, times=2, **more)
    reader = Reader(service, max_wait_s=180)  # a 429 that does not say when: 60 and 120 seconds
    rows = reader.rows("conversations")
    assert rows == service.truth("conversations", "2026-01-01", "2026-01-31")[0]
    assert reader.sent == len(service.requests) == 5
    assert len(reader.slept) == 2


@pytest.mark.parametrize(
    ("kind", "more", "error", "small_pages"),
    [
        ("status", {"status": 429}, RateLimited, 0),
        ("status", {"status": 503}, ServerError, 1),
        ("reset_before_headers", {}, Unreachable, 0),
        ("short_body", {}, Unreachable, 1),
    ],
)
def test_a_fault_that_stays_is_given_up_after_max_attempts_and_one_small_page(
    service: Simulator, kind: str, more: dict[str, Any], error: type[Exception], small_pages: int
) -> None:
    _fault(service, kind, times=None, **more)
    reader = Reader(service, max_attempts=3, max_wait_s=1e9)
    assert type(reader.failure()) is error
    assert (reader.sent, len(reader.slept)) == (3 + small_pages, 2)


def test_waits_grow_and_vary(service: Simulator) -> None:
    _fault(service, "status", status=500, times=None)
    waits = []
    for _ in range(20):
        reader = Reader(service, max_attempts=7, max_wait_s=1e9)
        reader.failure()
        waits.append(reader.slept)
    longest = [max(column) for column in zip(*waits, strict=True)]
    assert all(wait <= 2.0**number for number, wait in enumerate(longest))
    assert longest[-1] > 4 * longest[0]
    assert len({wait for row in waits for wait in row}) == 120


def test_the_log_says_why_and_for_how_long_is_waited(
    service: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    _fault(service, "status", status=503, headers={"Retry-After": "40"})
    reader = Reader(service)
    reader.rows("caller_stats")
    (line,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert line.startswith("caller_stats: HTTP 503: ")
    assert line.endswith(f" Attempt 1 failed; retrying in {reader.slept[0]:.1f} s")


@pytest.mark.parametrize("style", ["seconds", "date"])
def test_a_429_is_waited_for_as_long_as_the_service_says(service: Simulator, style: str) -> None:
    service.set_quota(2, period_s=60, retry_after=style)
    reader = Reader(service, max_attempts=2)
    error = reader.failure("feedback")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s is not None
    assert 55 < error.retry_after_s <= 61
    assert len(reader.slept) == 1
    assert error.retry_after_s <= reader.slept[0] <= error.retry_after_s + 6


def test_a_wait_longer_than_max_wait_is_not_slept(service: Simulator) -> None:
    service.set_quota(1, period_s=3600)
    reader = Reader(service, max_wait_s=120)
    error = reader.failure("feedback")
    assert isinstance(error, RateLimited)
    assert "Try again in" in str(error)
    assert (reader.slept, len(service.requests)) == ([], 2)


def test_a_429_that_says_nothing_is_not_asked_again_within_seconds(service: Simulator) -> None:
    service.set_quota(0, retry_after="none")
    reader = Reader(service, max_attempts=100, max_wait_s=120)
    error = reader.failure("feedback")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s is None
    assert all(wait >= 15 for wait in reader.slept)
    assert sum(reader.slept) <= 120
    assert reader.slept == [60]


@pytest.mark.parametrize("until", ["00:01:30 GMT", "00:01:30", "01:01:30 +0100"])
def test_a_retry_after_date_is_measured_by_the_services_own_clock(
    service: Simulator, until: str
) -> None:
    headers = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Retry-After": f"Thu, 01 Jan 2026 {until}",
    }
    _fault(service, "status", status=429, headers=headers)
    error = Reader(service, max_wait_s=0).failure("caller_stats")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 90


def test_a_retry_after_of_ages_is_not_believed(service: Simulator) -> None:
    _fault(service, "status", status=429, headers={"Retry-After": "1e15"})
    error = Reader(service).failure("caller_stats")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 24 * 3600


@pytest.mark.parametrize("header", ["soon", "inf", "nan", "", "-5", "Mon, 99 Foo"])
def test_a_retry_after_that_makes_no_sense_does_no_harm(service: Simulator, header: str) -> None:
    _fault(service, "status", status=503, headers={"Retry-After": header})
    reader = Reader(service)
    assert len(reader.rows("caller_stats")) == 1
    assert 0 <= reader.slept[0] <= 5


@pytest.mark.parametrize(("status", "known"), [(401, "90 days"), (429, "100 requests an hour")])
def test_what_is_known_of_one_service_is_not_said_of_the_other(
    service: Simulator, status: int, known: str
) -> None:
    _fault(service, "status", status=status, times=None)
    reader = Reader(service, max_attempts=1)
    assert known in str(reader.failure("views"))
    error = reader.failure("dashboard")
    assert str(status) in str(error)
    assert "Mintlify" not in str(error)


def test_a_refused_key_is_not_tried_twice_and_the_error_says_what_to_do(service: Simulator) -> None:
    reader = Reader(service, api_key="mint_expired")
    error = reader.failure()
    assert isinstance(error, AuthError)
    assert error.status == 401
    assert "expired" in str(error)
    assert reader.sent == 1


def test_a_key_without_the_right_gets_another_advice(service: Simulator) -> None:
    reader = Reader(service)
    error = reader.failure(project_id="somebody-elses")
    assert isinstance(error, AuthError)
    assert error.status == 403
    assert "scope" in str(error)
    assert reader.sent == 1


def test_a_422_quotes_the_errors_that_name_the_parameter(service: Simulator) -> None:
    errors = [
        {"type": "datetime", "loc": ["query", "start_date"], "msg": "not a date", "input": "soon"},
        {"message": "end_date: too far"},
        "one more",
        {"loc": "query"},
        7,
    ]
    body = {"success": False, "message": "Validation error", "data": {"errors": errors}}
    service.add_faults([{"kind": "body", "body": json.dumps(body), "status": 422}])
    error = Reader(service).failure("dashboard")
    assert isinstance(error, InvalidRequest)
    assert error.status == 422
    assert error.detail == (
        "Validation error; query.start_date: not a date; end_date: too far; one more"
    )
    assert len(service.requests) == 1


def test_an_error_carries_the_apis_own_words(service: Simulator) -> None:
    body = json.dumps({"error": "Bad query", "details": [{"message": "dateTo: too far"}, {}, 3]})
    _fault(service, "status", status=400, body=body)
    error = Reader(service).failure()
    assert isinstance(error, InvalidRequest)
    assert (error.status, error.endpoint) == (400, "conversations")
    assert error.detail == "Bad query; dateTo: too far"
    assert len(service.requests) == 1


def test_the_apis_words_are_left_as_they_can_be_read(service: Simulator) -> None:
    said = "größer als \\1000, 不可"
    _fault(service, "status", status=400, body=json.dumps({"error": said}))
    error = Reader(service).failure()
    assert isinstance(error, ApiError)
    assert error.detail == said


def test_a_long_error_body_is_cut(service: Simulator) -> None:
    _fault(service, "status", status=400, body=json.dumps({"error": "x" * 10_000}))
    assert len(str(Reader(service).failure())) < 700


def test_a_404_is_named(service: Simulator) -> None:
    reader = Reader(service, base_url=f"{service.url}/elsewhere")
    assert isinstance(reader.failure(), NotFound)
    assert reader.sent == 1


def test_a_base_url_may_carry_a_path(service: Simulator) -> None:
    reader = Reader(service, base_url=f"{service.url}/api/external/")
    assert len(reader.rows("caller_stats")) == 1


def test_a_redirect_is_not_followed_so_that_the_key_stays_where_it_is(service: Simulator) -> None:
    with Simulator(Config(rows=1)) as elsewhere:
        location = f"{elsewhere.url}/v1/analytics/p/assistant"
        _fault(service, "status", status=302, headers={"Location": location})
        error = Reader(service).failure()
        assert isinstance(error, BadResponse)
        assert "redirected to 127.0.0.1" in str(error)
        assert elsewhere.requests == []


def test_a_redirect_to_a_host_of_any_length_gives_a_short_message(service: Simulator) -> None:
    location = f"https://{'x' * 1500}.example.com/"
    _fault(service, "status", status=302, headers={"Location": location})
    assert len(str(Reader(service).failure())) < 800


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("html", {}, "got text/html"),
        ("body", {"body": "[]"}, "expected a JSON object"),
        ("body", {"body": ""}, "expected a JSON object"),
        ("invalid_utf8", {}, "not UTF-8"),
        ("drop_key", {"key": "conversations"}, "no 'conversations'; its keys: "),
        ("drop_key", {"key": "nextCursor"}, "no 'nextCursor'"),
        ("set_key", {"key": "conversations", "value": None}, "'conversations' is not a list"),
        ("set_key", {"key": "nextCursor", "value": None}, "gives no nextCursor"),
    ],
)
def test_an_answer_that_the_api_does_not_promise_is_an_error_not_an_end(
    service: Simulator, kind: str, more: dict[str, Any], said: str
) -> None:
    _fault(service, kind, **more)
    reader = Reader(service)
    error = reader.failure()
    assert isinstance(error, BadResponse)
    assert said in str(error)
    assert "a retry" in str(error)
    assert reader.sent == 1


def test_an_answer_that_is_none_of_the_apis_says_where_to_look(service: Simulator) -> None:
    _fault(service, "html")
    assert "Check the connection's host" in str(Reader(service).failure())


def _script(service: Simulator, cursors: list[str], row: str = '{"id":"%d"}') -> None:
    """Make the service answer with one page after another that name these next cursors."""
    for number, cursor in enumerate(cursors, start=1):
        rows = row % number if "%" in row else row
        body = f'{{"conversations":[{rows}],"nextCursor":"{cursor}","hasMore":true}}'
        _fault(service, "body", nth=number, body=body, status=200)


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "c", "a"]])
def test_a_cursor_that_comes_back_is_not_followed(service: Simulator, cursors: list[str]) -> None:
    _script(service, cursors)
    reader = Reader(service)
    error = reader.failure()
    assert isinstance(error, BadResponse)
    assert "for the second time" in str(error)
    assert reader.sent == len(cursors)


def test_empty_pages_that_promise_more_are_not_followed_for_ever(service: Simulator) -> None:
    _script(service, [f"c{number}" for number in range(100)], row="")
    error = Reader(service).failure()
    assert isinstance(error, BadResponse)
    assert len(service.requests) == client_module.MAX_EMPTY_PAGES + 1


def test_an_offset_that_is_ignored_is_not_followed_for_ever(service: Simulator) -> None:
    _fault(service, "ignored_offset", nth=2, times=None)
    error = Reader(service).failure("views")
    assert isinstance(error, BadResponse)
    assert "same page a second time" in str(error)
    assert len(service.requests) == 2


def _too_wide(service: Simulator, status: int = 504) -> None:
    match = {"wider_than_days": 20}
    service.add_faults([{"kind": "status", "status": status, "match": match, "times": None}])


@pytest.mark.parametrize(("status", "cost"), [(504, 3), (413, 2), (414, 1)])
def test_a_window_too_wide_is_read_by_halves_in_the_same_order(
    service: Simulator, status: int, cost: int
) -> None:
    _too_wide(service, status)
    reader = Reader(service)
    assert reader.rows("conversations") == service.truth("conversations")[0]
    asked = [entry["query"]["dateFrom"][:10] for entry in service.requests]
    assert asked == ["2026-01-01"] * cost + ["2026-01-16"] * 2 + ["2026-01-01"] * 2


def test_empty_pages_of_a_half_are_not_followed_for_ever(service: Simulator) -> None:
    _too_wide(service)
    _fault(service, "empty_page", nth=4, times=None)
    assert isinstance(Reader(service).failure(), BadResponse)
    assert len(service.requests) == 3 + client_module.MAX_EMPTY_PAGES + 1


def test_a_window_is_not_halved_when_some_of_it_was_read(service: Simulator) -> None:
    _fault(service, "status", status=504, nth=2, times=None)
    reader = Reader(service, max_attempts=3)
    error = reader.failure()
    assert isinstance(error, TooWide)
    first, second = MONTH.halves() or ()
    assert f"{first} and {second}" in str(error)
    assert reader.sent == 1 + 3 + 1
    assert len({entry["query"]["dateFrom"] for entry in service.requests}) == 1


def test_a_single_attempt_is_a_single_request_also_for_a_wide_window(service: Simulator) -> None:
    _too_wide(service, 414)
    reader = Reader(service, max_attempts=1)
    assert isinstance(reader.failure(), TooWide)
    assert reader.sent == 1


def test_an_old_cursor_is_told_from_a_wrong_question(service: Simulator) -> None:
    cursor = Reader(service).pages("conversations")[0].next_cursor
    service.expire_cursors()
    assert isinstance(Reader(service).failure(cursor=cursor), CursorLost)
    _fault(service, "status", status=400)
    assert isinstance(Reader(service).failure("views"), InvalidRequest)


def test_a_fresh_cursor_that_is_refused_is_not_a_lost_one(service: Simulator) -> None:
    _fault(service, "status", status=400, nth=2)
    assert type(Reader(service).failure()) is ApiError


def test_a_service_that_hangs_is_left_after_the_time_out(service: Simulator) -> None:
    _fault(service, "hang", seconds=30, times=None)
    reader = Reader(service, timeout_s=0.2, max_attempts=2)
    started = time.monotonic()
    assert isinstance(reader.failure(), Unreachable)
    assert time.monotonic() - started < 30
    assert reader.sent == 2


def test_an_answer_that_drips_is_left_at_its_deadline(
    service: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fault(service, "slow_drip", bytes_per_s=50, times=None)
    reader = Reader(service, timeout_s=60, max_attempts=1)
    fast = SimpleNamespace(monotonic=lambda: 500 * time.monotonic())  # the sockets' clock is not
    monkeypatch.setattr(_deadline, "time", fast)
    error = reader.failure("views")
    assert isinstance(error, Unreachable)
    assert "not complete after 120 s" in str(error)


def test_nobody_listening_is_unreachable(service: Simulator) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        reader = Reader(service, base_url=url, max_attempts=2)
        error = reader.failure()
    assert isinstance(error, Unreachable)
    assert "Connection refused" in str(error)
    assert "A retry resumes" in str(error)
    assert "dateFrom" not in str(error)
    assert reader.sent == 2


def test_netrc_does_not_replace_the_key(
    service: Simulator, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert len(Reader(service).rows("caller_stats")) == 1


def _platforms() -> list[Platform]:
    return [MINTLIFY, VYOM]


def test_the_wrong_key_is_told_by_both_services(service: Simulator) -> None:
    for platform in _platforms():
        reader = Reader(service, api_key="mint_wrong")
        assert isinstance(reader.failure(platform.health_check_endpoint), AuthError)
