"""Pages that are too large: smaller ones in their place, and what that costs."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import (
    ApiError,
    ConfigError,
    CursorLost,
    InvalidRequest,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)
from tests.api.test_client import PLATFORM, Reader

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

PAGED = ("conversations", "feedback", "feedback_by_page", "searches", "views", "visitors")
UNPAGED = sorted(PLATFORM.keys() - set(PAGED))


def _above(service: Simulator, rows: int, status: int = 502, **more: Any) -> None:
    """Refuse larger pages from now on."""
    match = {"limit_above": rows, **more.pop("match", {})}
    service.add_faults(
        [{"kind": "status", "status": status, "times": None, **more, "match": match}]
    )


def _refusal(*messages: str, error: str = "Invalid query parameters") -> str:
    return json.dumps({"error": error, "details": [{"message": said} for said in messages]})


def _limits(service: Simulator) -> list[int]:
    return [int(entry["query"]["limit"]) for entry in service.requests]


@pytest.mark.parametrize("endpoint", PAGED)
def test_pages_are_as_large_as_they_are_wanted(service: Simulator, endpoint: str) -> None:
    reader = Reader(service)
    rows = reader.rows(endpoint, page_size=70)
    assert rows == service.truth(endpoint, "2026-01-01", "2026-01-31")[0]
    assert set(_limits(service)) == {70}


@pytest.mark.parametrize("wrong", [0, -1, 1001, "50", 2.5, True])
def test_a_page_size_that_is_none_is_refused_by_name(service: Simulator, wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"page_size=.* from 1 to 1000 for conversations"):
        Reader(service).select("conversations", page_size=wrong)


@pytest.mark.parametrize("endpoint", UNPAGED)
def test_a_page_size_is_refused_where_nothing_pages(service: Simulator, endpoint: str) -> None:
    more = {"thread_ids": ["a"]} if endpoint == "threads" else {}
    with pytest.raises(ConfigError, match=rf"{endpoint} has no pages\.\nLeave out page_size"):
        Reader(service).select(endpoint, page_size=10, **more)


def test_half_of_the_page_is_asked_for_once_a_small_one_is_answered(
    service: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    _above(service, 300)
    reader = Reader(service, max_attempts=3)
    pages = reader.pages("conversations")
    rows = [row for page in pages for row in page.decode()]
    assert rows == service.truth("conversations", "2026-01-01", "2026-01-31")[0]
    assert _limits(service) == [1000, 1000, 1000, 25, 500, *[250] * 10]
    assert [page.page_size for page in pages] == [250] * 10
    lowered = [entry.getMessage() for entry in caplog.records if "from here on" in entry.message]
    assert [line.partition("): ")[2] for line in lowered] == [
        "HTTP 502 for a page of 1000 rows; requesting 500 rows a page from here on",
        "HTTP 502 for a page of 500 rows; requesting 250 rows a page from here on",
    ]


def test_a_lowered_page_that_was_answered_is_sent_again_as_any_other(service: Simulator) -> None:
    _above(service, 600)
    passing = {"kind": "status", "status": 502, "match": {"query": {"limit": "500"}, "nth": 3}}
    service.add_faults([passing | {"times": 2}])
    Reader(service, max_attempts=3).rows("conversations")
    assert _limits(service) == [1000, 1000, 1000, 25, *[500] * 7]


def test_less_than_the_smallest_page_is_never_asked_for(service: Simulator) -> None:
    _above(service, 30)
    Reader(service, max_attempts=2).rows("views", page_size=70)
    assert _limits(service)[:4] == [70, 70, 25, 35]
    assert set(_limits(service)[4:]) == {25}


@pytest.mark.parametrize("size", [1, 25])
def test_a_page_that_is_small_is_not_made_smaller(service: Simulator, size: int) -> None:
    service.add_faults([{"kind": "status", "status": 502, "times": None}])
    reader = Reader(service, max_attempts=3)
    assert type(reader.failure("views", page_size=size)) is ServerError
    assert _limits(service) == [size] * 3


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (_refusal("limit must be <= 50"), 50),
        (_refusal("limit must be <=50."), 50),
        (_refusal("limit: 100 is not between 1 and 60"), 60),
        (_refusal("limit must not be greater than 80"), 80),
        (_refusal("Number must be less than or equal to 40"), 40),
        (_refusal("Too big: expected number to be <=10"), 10),
        (_refusal(error="The maximum page size is 30 rows"), 30),
        (_refusal("cursor is fine", "pageSize exceeds the maximum of 20"), 20),
    ],
)
def test_a_limit_that_the_service_names_is_kept_to(
    service: Simulator, said: str, asked: int
) -> None:
    _above(service, asked, 400, body=said)
    rows = Reader(service).rows("searches")
    assert rows == service.truth("searches", "2026-01-01", "2026-01-31")[0]
    assert _limits(service)[0] == 100
    assert set(_limits(service)[1:]) == {asked}


@pytest.mark.parametrize("said", ["limit: too big", "limit must be between 1 and 100", "limit > 1"])
def test_a_limit_that_is_refused_without_a_number_is_halved(service: Simulator, said: str) -> None:
    _above(service, 60, 400, body=_refusal(said))
    Reader(service).rows("searches")
    assert _limits(service)[:2] == [100, 25]
    assert set(_limits(service)[2:]) == {50}


@pytest.mark.parametrize(
    ("said", "more", "error"),
    [
        (_refusal("dateTo: at most 50 days"), {}, InvalidRequest),
        (_refusal(error="Rate limit of 50 exceeded"), {}, ApiError),
        ("<title>limit must be <= 50</title>", {"content_type": "text/html"}, ApiError),
    ],
)
def test_a_400_about_something_else_lowers_nothing(
    service: Simulator, said: str, more: dict[str, Any], error: type[Exception]
) -> None:
    _above(service, 0, 400, body=said, **more)
    assert type(Reader(service).failure("searches")) is error
    assert _limits(service) == [100]


def test_a_refused_limit_is_not_taken_for_a_lost_cursor(service: Simulator) -> None:
    whole = Reader(service).pages("searches")
    cursor = whole[0].next_cursor
    _above(service, 50, 400, body=_refusal("limit must be <= 50"))
    rest = [row for page in Reader(service).pages("searches", cursor=cursor) for row in page.rows]
    assert rest == [row for page in whole[1:] for row in page.rows]
    service.clear_faults()
    _above(service, 0, 400, body=_refusal("limit: too large for a cursor"))
    assert type(Reader(service).failure("searches", cursor=cursor)) is ApiError
    service.clear_faults()
    service.expire_cursors()
    _above(service, 50, 400, body=_refusal("limit must be <= 50"))
    assert type(Reader(service).failure("searches", cursor=cursor)) is CursorLost


REFUSALS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"kind": "status", "status": 413}, TooWide),
    ({"kind": "status", "status": 500}, ServerError),
    ({"kind": "status", "status": 504}, TooWide),
    ({"kind": "short_body"}, Unreachable),
    ({"kind": "truncated_json"}, Unreachable),
    (
        {
            "kind": "status",
            "status": 400,
            "body": _refusal("limit must be <= 50"),
            "match": {"limit_above": 50},
        },
        InvalidRequest,
    ),
]


@pytest.mark.parametrize(("fault", "error"), REFUSALS)
def test_a_single_attempt_is_a_single_request_also_for_a_large_page(
    service: Simulator, fault: dict[str, Any], error: type[Exception]
) -> None:
    service.add_faults([fault | {"times": None}])
    reader = Reader(service, max_attempts=1)
    assert type(reader.failure()) is error
    assert reader.sent == 1


@pytest.mark.parametrize(
    ("fault", "endpoint", "sent"),
    [
        ({"kind": "status", "status": 500}, "conversations", 6),
        ({"kind": "status", "status": 503}, "views", 6),
        ({"kind": "short_body"}, "searches", 6),
        ({"kind": "status", "status": 413}, "searches", 2),
        ({"kind": "status", "status": 413}, "conversations", 8),
        ({"kind": "status", "status": 504}, "views", 6),
        ({"kind": "status", "status": 504}, "conversations", 17),
        ({"kind": "reset_before_headers"}, "conversations", 5),
        ({"kind": "status", "status": 500}, "caller_stats", 5),
        ({"kind": "status", "status": 413}, "dashboard", 1),
        ({"kind": "status", "status": 414}, "views", 1),
        ({"kind": "status", "status": 431}, "searches", 1),
    ],
)
def test_an_outage_costs_no_more_than_one_small_page(
    service: Simulator, fault: dict[str, Any], endpoint: str, sent: int
) -> None:
    service.add_faults([fault | {"times": None}])
    reader = Reader(service, max_wait_s=1e9)
    assert isinstance(reader.failure(endpoint), ServerError | Unreachable)
    assert reader.sent == sent


def test_an_outage_between_two_pages_is_the_same(service: Simulator) -> None:
    service.add_faults([{"kind": "status", "status": 502, "match": {"nth": 2}, "times": None}])
    assert type(Reader(service, max_attempts=3).failure()) is ServerError
    assert _limits(service) == [1000, 1000, 1000, 1000, 25]


def test_an_outage_while_the_size_is_looked_for_ends_soon(service: Simulator) -> None:
    _above(service, 300)
    service.add_faults([{"kind": "status", "status": 502, "match": {"nth": 5}, "times": None}])
    assert type(Reader(service, max_attempts=3).failure()) is ServerError
    assert _limits(service) == [1000, 1000, 1000, 25, 500, 250, 125, 62, 31, 25]


def test_a_spent_quota_is_waited_for_while_the_size_is_looked_for(service: Simulator) -> None:
    quota = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}
    sizes = [{"match": {"query": {"limit": limit}}} for limit in ("25", "500", "250")]
    service.add_faults([quota | size for size in sizes])
    _above(service, 150, 413)
    reader = Reader(service, max_wait_s=13)  # for each page; no size is given up for it
    assert len(reader.rows("conversations")) == 2500
    assert _limits(service)[:8] == [1000, 25, 25, 500, 500, 250, 250, 125]
    assert [slept >= 7 for slept in reader.slept] == [True] * 3
    service.add_faults([quota | sizes[0] | {"times": None}])
    assert type(Reader(service, max_wait_s=1).failure()) is RateLimited


def test_a_wait_that_is_asked_for_is_kept_between_the_sizes(service: Simulator) -> None:
    _above(service, 600, 503, headers={"Retry-After": "7"})
    reader = Reader(service, max_attempts=2)
    assert len(reader.rows("conversations")) == 2500
    assert _limits(service) == [1000, 1000, 25, *[500] * 5]
    assert len(reader.slept) == 2
    assert all(slept >= 7 for slept in reader.slept)


def test_a_wait_that_is_too_long_for_a_worker_comes_first(service: Simulator) -> None:
    _above(service, 600, 503, headers={"Retry-After": "50"})
    reader = Reader(service, max_wait_s=120)
    error = reader.failure()
    assert type(error) is ServerError
    assert error.retry_after_s == 50
    assert set(_limits(service)) == {1000}
    assert sum(reader.slept) <= 120


def test_a_time_out_of_a_large_page_is_told_from_that_of_a_wide_window(service: Simulator) -> None:
    _above(service, 600, 504)
    Reader(service).rows("conversations")
    assert _limits(service)[:4] == [1000, 1000, 25, 500]
    assert len({entry["query"]["dateFrom"] for entry in service.requests}) == 1
    service.clear_faults()
    service.clear_requests()
    _above(service, 0, 504, match={"wider_than_days": 20})
    Reader(service).rows("conversations")
    assert [limit for limit in _limits(service) if limit != 1000] == [25]
    assert {entry["query"]["dateFrom"][:10] for entry in service.requests} == {
        "2026-01-01",
        "2026-01-16",
    }


@pytest.mark.parametrize("status", [502, 504])
@pytest.mark.parametrize("endpoint", ["conversations", "feedback_by_page"])
def test_a_window_too_wide_and_a_page_too_large_are_both_overcome(
    service: Simulator, endpoint: str, status: int
) -> None:
    _above(service, 0, 504, match={"wider_than_days": 20})
    _above(service, 60, status)
    rows = Reader(service).rows(endpoint)
    assert rows == service.truth(endpoint, "2026-01-01", "2026-01-31")[0]


def test_a_page_too_large_behind_a_window_too_wide_is_found(service: Simulator) -> None:
    _above(service, 0, 504, match={"wider_than_days": 20})
    _above(service, 300, 504, match={"nth": 5})  # the first page of the second half
    rows = Reader(service, max_attempts=2).rows("conversations")
    assert rows == service.truth("conversations", "2026-01-01", "2026-01-31")[0]
    assert _limits(service)[-1] == 250
    starts = {entry["query"]["dateFrom"][:10] for entry in service.requests}
    assert starts == {"2026-01-01", "2026-01-16"}


def test_what_an_earlier_attempt_has_come_to_is_not_found_out_again(service: Simulator) -> None:
    _above(service, 300)
    selection = Reader(service).select("views")
    with Client(Settings(service.url, service.mintlify_key)) as client:
        pages = list(client.iter_pages(selection, None, 125))
        assert {page.page_size for page in pages} == {125}
        assert {page.page_size for page in client.iter_pages(selection, None, 9999)} == {None}
    assert _limits(service)[: len(pages)] == [125] * len(pages)


def test_a_cut_off_answer_says_so_also_in_another_process() -> None:
    error = pickle.loads(pickle.dumps(Unreachable("cut", cut_off=True)))  # noqa: S301 - our own
    assert (error.summary, error.cut_off) == ("cut", True)
