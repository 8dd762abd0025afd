"""Pages add up to all rows, also when turns arrive meanwhile."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.simulator.client import (
    LIMITS,
    MONTH,
    PAGED,
    PATHS,
    ROWS_KEYS,
    SAFE_S,
    VYOM_PATHS,
    Client,
    truth,
)


@pytest.mark.parametrize("endpoint", PAGED)
@pytest.mark.parametrize("limit", [7, 40, None])
def test_pages_add_up_to_all_rows(small: Client, endpoint: str, limit: int | None) -> None:
    query = MONTH if limit is None else {**MONTH, "limit": str(limit)}
    rows, totals = truth(small, endpoint, MONTH)
    pages = list(small.pages(endpoint, query))
    size = limit or LIMITS[endpoint][0]
    key = ROWS_KEYS.get(endpoint, endpoint)
    assert [row for page in pages for row in page[key]] == rows
    assert [len(page[key]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert all(page.items() >= totals.items() for page in pages)


@pytest.mark.parametrize("endpoint", ["conversations", "feedback"])
def test_an_exact_multiple_ends_without_an_empty_page(small: Client, endpoint: str) -> None:
    pages = list(small.pages(endpoint, {**MONTH, "limit": 40}))
    assert [page["hasMore"] for page in pages] == [True, True, False]
    assert pages[-1]["nextCursor"] is None


@pytest.mark.parametrize("endpoint", [*PATHS, *VYOM_PATHS])
def test_a_window_without_data_is_a_response_without_rows(month: Client, endpoint: str) -> None:
    query: dict[str, str] = {"dateFrom": "2020-01-01", "dateTo": "2020-02-01"}
    if endpoint in VYOM_PATHS:
        query = {"start_date": "2020-01-01", "end_date": "2020-02-01"}
    rows = month.simulator.truth(endpoint, "2020-01-01", "2020-02-01")[0]
    if endpoint == "dashboard":
        assert month.calls(endpoint, **query)["avg_duration_minutes"] == 0
    elif endpoint == "caller_stats":
        assert month.ok(endpoint, query) == {"web": 0, "api": 0, "other": 0, "total": 0}
    else:
        assert rows == []
        empty = "{}" if endpoint == "tokens_summary" else "[]"
        assert month.get(endpoint, query).text.count(empty) == 1


def test_no_rows_at_all_are_no_error() -> None:
    with Simulator(Config(rows=0)) as simulator:
        client = Client(simulator)
        assert all(client.get(endpoint).status_code == 200 for endpoint in [*PATHS, *VYOM_PATHS])
        assert client.ok("conversations") == {
            "conversations": [],
            "nextCursor": None,
            "hasMore": False,
        }


@pytest.mark.parametrize("endpoint", LIMITS)
def test_the_members_of_a_page_are_those_of_the_service(month: Client, endpoint: str) -> None:
    members = {
        "conversations": {"conversations", "nextCursor", "hasMore"},
        "feedback": {"feedback", "nextCursor", "hasMore"},
        "feedback_by_page": {"feedback", "hasMore"},
        "searches": {"searches", "totalSearches", "nextCursor"},
        "views": {"totals", "views", "hasMore"},
        "visitors": {"totals", "visitors", "hasMore"},
    }
    assert month.ok(endpoint, MONTH).keys() == members[endpoint]


@pytest.mark.parametrize("endpoint", LIMITS)
def test_a_page_has_the_default_size_and_no_more_than_the_maximum(
    month: Client, endpoint: str
) -> None:
    default, maximum = LIMITS[endpoint]
    key = ROWS_KEYS.get(endpoint, endpoint)
    assert len(month.ok(endpoint, MONTH)[key]) == default
    assert len(month.ok(endpoint, {**MONTH, "limit": maximum})[key]) == maximum
    assert month.get(endpoint, {**MONTH, "limit": maximum + 1}).status_code == 400


def test_turns_that_arrive_while_a_client_pages_move_nothing(small: Client) -> None:
    before, _ = truth(small, "conversations", MONTH)
    seen = []
    for number, page in enumerate(small.pages("conversations", {**MONTH, "limit": 25})):
        seen += page["conversations"]
        if number == 1:
            newest, boundary = page["conversations"][0], page["conversations"][-1]
            small.simulator.add_turns(3, newest["timestamp"])
            small.simulator.add_turns(2, boundary["timestamp"])
            small.simulator.add_turns(1, "2026-01-01T00:00:00.000Z")
    names = [(row["id"], row["timestamp"]) for row in seen]
    assert len(set(names)) == len(names)
    assert [row for row in seen if row in before] == before
    assert small.ok("caller_stats", MONTH)["total"] == len(before) + 6


def test_turns_of_one_instant_are_told_apart_by_the_cursor(small: Client) -> None:
    moment = truth(small, "conversations", MONTH)[0][60]["timestamp"]
    small.simulator.add_turns(5, moment)
    small.simulator.add_turns(4, moment)
    rows = small.rows("conversations", {**MONTH, "limit": 4})
    assert rows == truth(small, "conversations", MONTH)[0]
    assert sum(row["timestamp"] == moment for row in rows) == 10
    assert len({(row["id"], row["timestamp"]) for row in rows}) == 129
    page = small.ok("conversations", {**MONTH, "limit": 62})
    small.simulator.add_turns(2, moment)
    rest = small.rows("conversations", {**MONTH, "limit": 4, "cursor": page["nextCursor"]})
    assert page["conversations"] + rest == rows


def test_added_turns_show_up_everywhere(small: Client) -> None:
    moment = "2026-01-15T12:00:00.000Z"
    admin_api = f"{small.simulator.url}/_control/turns"
    order = {"count": 4, "timestamp": moment, "resolutionStatus": "unanswered"}
    assert requests.post(admin_api, json=order, timeout=SAFE_S).status_code == 200
    rows = [row for row in small.rows("conversations", MONTH) if row["timestamp"] == moment]
    assert [row["resolutionStatus"] for row in rows] == ["unanswered"] * 4
    for row in rows:
        messages = small.ok(f"assistant/threads/{row['id']}")["messages"]
        assert [message["content"] for message in messages] == [row["query"], row["response"]]
    assert small.ok("caller_stats", MONTH)["total"] == 124
    small.simulator.reset()
    assert small.ok("caller_stats", MONTH)["total"] == 120
