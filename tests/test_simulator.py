"""The stand-in server keeps its promises: strict, coherent, repeatable, and broken on demand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_docsanalytics.simulator import Config, Quota, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

START, END = "2026-01-01", "2026-01-31"
MONTH = {"dateFrom": START, "dateTo": END}
DAY = {"dateFrom": "2026-01-10", "dateTo": "2026-01-11"}
ODD_HOURS = {"dateFrom": "2026-01-03T07:13:00Z", "dateTo": "2026-01-17T21:40:30.500Z"}
WINDOWS = [MONTH, DAY, ODD_HOURS]
PATHS = {
    "conversations": "assistant",
    "caller_stats": "assistant/caller-stats",
    "feedback": "feedback",
    "feedback_by_page": "feedback/by-page",
    "searches": "searches",
    "views": "views",
    "visitors": "visitors",
}
VYOM_PATHS = {
    "calls_by_assistant": "calls/by-assistant",
    "calls_by_phone_number": "calls/by-phone-number",
    "calls_by_service": "calls/by-service",
    "calls_by_time": "calls/by-time",
    "dashboard": "dashboard",
}
ROWS_KEYS = {"conversations": "conversations", "feedback_by_page": "feedback"}
LIMITS = {
    "conversations": (100, 1000),
    "feedback": (50, 100),
    "feedback_by_page": (10, 100),
    "searches": (50, 100),
    "views": (50, 250),
    "visitors": (50, 250),
}
PAGED = [endpoint for endpoint in LIMITS if endpoint != "feedback_by_page"]
A_ULID = "01HQZX9K2MNBVCXZ7GQRST8WVY"


class Client:
    """What a user of the API would write in ten lines."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()

    def get(self, endpoint: str, query: Any = None, **options: Any) -> requests.Response:
        simulator = self.simulator
        if endpoint in VYOM_PATHS:
            url, key = f"{simulator.url}/analytics/{VYOM_PATHS[endpoint]}", simulator.vyom_key
        else:
            path = PATHS.get(endpoint, endpoint)
            url = f"{simulator.url}/v1/analytics/{simulator.project_id}/{path}"
            key = simulator.mintlify_key
        defaults: dict[str, Any] = {"headers": {"Authorization": f"Bearer {key}"}, "timeout": 10}
        return self.session.get(url, params=query, **(defaults | options))

    def ok(self, endpoint: str, query: Any = None) -> Any:
        response = self.get(endpoint, query)
        assert response.status_code == 200, response.text
        return response.json()

    def calls(self, endpoint: str, **query: str) -> Any:
        envelope = self.ok(endpoint, query)
        assert envelope["success"] is True
        return envelope["data"]

    def pages(self, endpoint: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Follow the cursor or the offset to the end."""
        offset = 0
        while True:
            page = self.ok(endpoint, query)
            yield page
            rows = page[ROWS_KEYS.get(endpoint, endpoint)]
            offset += len(rows)
            if page.get("nextCursor"):
                query = {**query, "cursor": page["nextCursor"]}
            elif page.get("hasMore"):
                query = {**query, "offset": offset}
            else:
                return

    def rows(self, endpoint: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        key = ROWS_KEYS.get(endpoint, endpoint)
        return [row for page in self.pages(endpoint, query) for row in page[key]]


@pytest.fixture(scope="module")
def month() -> Iterator[Client]:
    """Serve a month of the default size; nothing may be changed in it."""
    with Simulator(Config(start=START, end=END)) as simulator:
        yield Client(simulator)


@pytest.fixture
def small() -> Iterator[Client]:
    with Simulator(Config(rows=120, start=START, end=END)) as simulator:
        yield Client(simulator)


def truth(client: Client, endpoint: str, window: dict[str, str], **filters: str) -> Any:
    return client.simulator.truth(endpoint, window["dateFrom"], window["dateTo"], **filters)


# Coherence


@pytest.mark.parametrize("window", WINDOWS)
def test_caller_stats_count_the_conversation_turns_of_the_window(
    month: Client, window: dict[str, str]
) -> None:
    stats = month.ok("caller_stats", window)
    turns = month.rows("conversations", {**window, "limit": 1000})
    assert stats["total"] == len(turns) == stats["web"] + stats["api"] + stats["other"]
    assert len(turns) > 50


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("filters", [{}, {"source": "contextual"}, {"status": "pending,resolved"}])
def test_feedback_by_page_adds_the_feedback_up(
    month: Client, window: dict[str, str], filters: dict[str, str]
) -> None:
    counts: dict[str, Counter[str]] = {}
    for row in month.rows("feedback", {**window, **filters, "limit": 100}):
        page = counts.setdefault(row["path"], Counter())
        page["total"] += 1
        if row["source"] == "contextual":
            page["thumbsUp" if row["helpful"] else "thumbsDown"] += 1
        page["code"] += row["source"] == "code_snippet"
    rows, _ = truth(month, "feedback_by_page", window, **filters)
    assert {row["path"]: row for row in rows} == {
        path: {
            "path": path,
            **{name: page[name] for name in ("thumbsUp", "thumbsDown", "code", "total")},
        }
        for path, page in counts.items()
    }
    assert rows == sorted(rows, key=lambda row: (-row["total"], row["path"]))


@pytest.mark.parametrize("window", WINDOWS)
def test_total_searches_is_the_sum_of_the_hits_on_every_page(
    month: Client, window: dict[str, str]
) -> None:
    pages = list(month.pages("searches", {**window, "limit": 100}))
    hits = [row["hits"] for page in pages for row in page["searches"]]
    assert {page["totalSearches"] for page in pages} == {sum(hits)}
    assert hits == sorted(hits, reverse=True)


@pytest.mark.parametrize("window", WINDOWS)
def test_views_add_up_and_visitors_do_not(month: Client, window: dict[str, str]) -> None:
    for endpoint in ("views", "visitors"):
        pages = list(month.pages(endpoint, {**window, "limit": 250}))
        rows = [row for page in pages for row in page[endpoint]]
        sums = {name: sum(row[name] for row in rows) for name in ("human", "ai", "total")}
        totals = pages[-1]["totals"]
        assert all(page["totals"] == totals for page in pages)
        if endpoint == "views":
            assert totals == sums
            assert totals["total"] == totals["human"] + totals["ai"]
        else:
            assert totals["total"] < sums["total"]
            assert max(totals["human"], totals["ai"]) <= totals["total"]
    assert truth(month, "visitors", MONTH)[1]["totals"]["total"] < sum(
        truth(month, "visitors", MONTH)[1]["totals"][name] for name in ("human", "ai")
    )


def test_a_thread_holds_the_turns_that_share_its_id_in_the_order_of_time(month: Client) -> None:
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in reversed(month.rows("conversations", {**DAY, "limit": 1000})):
        by_id.setdefault(row["id"], []).append(row)
    assert {len(turns) for turns in by_id.values()} == {1, 2}
    for thread_id, turns in sorted(by_id.items(), key=lambda item: -len(item[1]))[:12]:
        thread = month.ok(f"assistant/threads/{thread_id}")
        assert thread["threadId"] == thread_id
        assert thread["createdAt"] <= turns[0]["timestamp"]
        times = [message["createdAt"] for message in thread["messages"]]
        assert times == sorted(times)
        assert len({message["id"] for message in thread["messages"]}) == len(times)
        told = [(message["role"], message["content"]) for message in thread["messages"]]
        for turn in turns:
            assert ("user", turn["query"]) in told
            assert ("assistant", turn["response"]) in told


def test_the_truth_has_each_thread_of_the_window_once(month: Client) -> None:
    rows = month.rows("conversations", {**DAY, "limit": 1000})
    threads, _ = truth(month, "threads", DAY)
    assert [thread["threadId"] for thread in threads] == list(
        dict.fromkeys(row["id"] for row in rows)
    )


def test_every_view_of_the_calls_has_the_same_calls(month: Client) -> None:
    dates = {"start_date": START, "end_date": END}
    dashboard = month.calls("dashboard", **dates)
    assert dashboard["date_range"] == {
        "start_date": "2026-01-01T00:00:00.000Z",
        "end_date": "2026-01-31T00:00:00.000Z",
    }
    for endpoint, key in [
        ("calls_by_assistant", "assistants"),
        ("calls_by_phone_number", "phone_numbers"),
        ("calls_by_service", "services"),
        ("calls_by_time", "time_series"),
    ]:
        rows = month.calls(endpoint, **dates)[key]
        minutes = [row["total_duration_minutes"] for row in rows]
        assert sum(row["total_calls"] for row in rows) == dashboard["total_calls"] > 0
        assert sum(minutes) == pytest.approx(dashboard["total_duration_minutes"], abs=1)
        assert minutes == sorted(minutes, reverse=True)
        assert all(round(value, 2) == value for value in minutes)
        assert all(row["total_calls"] for row in rows)


def test_a_call_at_midnight_is_counted_in_both_of_two_naive_days(month: Client) -> None:
    def total(start: str, end: str) -> int:
        count: int = month.calls("dashboard", start_date=start, end_date=end)["total_calls"]
        return count

    first, second = total("2026-01-10", "2026-01-11"), total("2026-01-11", "2026-01-12")
    at_midnight = total("2026-01-11", "2026-01-11")
    assert at_midnight > 0
    assert first + second == total("2026-01-10", "2026-01-12") + at_midnight
    half_open = total("2026-01-10", "2026-01-10T23:59:59.999Z")
    assert half_open == first - at_midnight
    assert truth(month, "dashboard", DAY)[0][0]["total_calls"] == half_open


@pytest.mark.parametrize(
    ("granularity", "date"), [("day", "2026-01-10"), ("week", "2026-W02"), ("month", "2026-01")]
)
def test_calls_by_time_names_its_periods(month: Client, granularity: str, date: str) -> None:
    dates = {"start_date": "2026-01-10", "end_date": "2026-01-10T23:59:59.999Z"}
    series = month.calls("calls_by_time", **dates, granularity=granularity)["time_series"]
    assert [row["date"] for row in series] == [date]


def test_the_calls_of_one_assistant_are_its_own(month: Client) -> None:
    dates = {"start_date": START, "end_date": END}
    for assistant in month.calls("calls_by_assistant", **dates)["assistants"]:
        own = {**dates, "assistant_id": assistant["assistant_id"]}
        numbers = month.calls("calls_by_phone_number", **own)["phone_numbers"]
        assert sum(row["total_calls"] for row in numbers) == assistant["total_calls"]
        average = assistant["total_duration_minutes"] / assistant["total_calls"]
        assert assistant["avg_duration_minutes"] == round(average, 2)


def test_the_default_data_set_reaches_from_a_month_ago_past_yesterday() -> None:
    with Simulator() as simulator:
        client = Client(simulator)
        now = datetime.now(UTC)
        assert client.ok("caller_stats")["total"] == 2500
        assert client.calls("dashboard")["total_calls"] > 2000
        newest = client.ok("conversations", {"limit": 1})["conversations"][0]["timestamp"]
        assert newest[:10] == now.date().isoformat()


# The rows


def test_conversations_run_newest_first_and_id_with_timestamp_names_a_row(month: Client) -> None:
    rows = month.rows("conversations", {**MONTH, "limit": 1000})
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert len({(row["id"], row["timestamp"]) for row in rows}) == len(rows) == 2500
    assert len({row["id"] for row in rows}) == 2250
    unanswered = sum(row["resolutionStatus"] == "unanswered" for row in rows)
    assert 0.15 < unanswered / len(rows) < 0.25
    assert {type(row["queryCategory"]) for row in rows} == {str, type(None)}
    assert {type(row["pageUrl"]) for row in rows} == {str, type(None)}
    assert {row.get("responseType") for row in rows} == {"answer", "clarifying_question", None}
    assert max(len(row["response"]) for row in rows) > 50_000


def test_text_comes_raw_and_escaped_with_everything_that_breaks_exporters(month: Client) -> None:
    body = month.get("conversations", {**MONTH, "limit": 1000}).content
    for raw in ("\U0001f680", "\u2028", "\u2029", "\u200d", "\u05e9", "\U0002070e", "<script>"):
        assert raw.encode() in body
    for escaped in (rb"\n", rb"\"", rb"\\", rb"\t", rb"\u0001", rb"\ud83d\ude80", b'"sources":[]'):
        assert escaped in body


def test_feedback_has_every_source_and_status_with_its_own_fields(month: Client) -> None:
    rows = month.rows("feedback", {**MONTH, "limit": 100})
    common = {"id", "path", "comment", "createdAt", "source", "status"}
    own = {
        "contextual": {"helpful", "contact"},
        "code_snippet": {"code", "filename", "lang"},
        "agent": set(),
        "thumbs_only": set(),
    }
    assert {row["source"] for row in rows} == own.keys()
    assert {row["status"] for row in rows} == {"pending", "in_progress", "resolved", "dismissed"}
    assert all(row.keys() == common | own[row["source"]] for row in rows)
    assert any("@" in (row.get("contact") or "") for row in rows)
    assert {row["createdAt"] is None for row in rows} == {True, False}
    times = [row["createdAt"] for row in rows if row["createdAt"]]
    assert times == sorted(times, reverse=True)


def test_the_default_size_needs_several_pages_of_everything(month: Client) -> None:
    sizes = {endpoint: len(truth(month, endpoint, MONTH)[0]) for endpoint in LIMITS}
    assert all(size > 2 * LIMITS[endpoint][1] for endpoint, size in sizes.items())
    assert sizes["searches"] > 300
    assert all(truth(month, endpoint, DAY)[0] for endpoint in [*LIMITS, *VYOM_PATHS])


def test_equal_seeds_give_equal_data_and_others_do_not() -> None:
    config = {"rows": 60, "start": START, "end": END}
    texts = []
    for seed in (7, 7, 8):
        with Simulator(Config(seed=seed, **config)) as simulator:  # type: ignore[arg-type]
            client = Client(simulator)
            texts.append([client.get(endpoint, MONTH).text for endpoint in PATHS])
    assert texts[0] == texts[1]
    different = [one != other for one, other in zip(texts[0], texts[2], strict=True)]
    assert different == [endpoint != "caller_stats" for endpoint in PATHS]


def test_the_legacy_schema_lacks_the_newer_fields() -> None:
    with Simulator(Config(rows=50, legacy_schema=True)) as simulator:
        rows = Client(simulator).ok("conversations")["conversations"]
    fields = {"id", "timestamp", "query", "response", "sources", "queryCategory"}
    assert all(row.keys() == fields for row in rows)


def test_rows_can_be_padded_to_a_size() -> None:
    with Simulator(Config(rows=400, row_bytes=1500)) as simulator:
        body = Client(simulator).get("conversations", {"limit": 400}).content
    assert len(body) / 400 == pytest.approx(1500, rel=0.01)


@pytest.mark.parametrize(
    "config",
    [
        Config(rows=-1),
        Config(pages=0),
        Config(start=END, end=START),
        Config(start="2026-01-01", end="2026-01-01T00:00:01Z"),
        Config(end="1969-01-01"),
    ],
)
def test_a_data_set_that_cannot_be_is_refused(config: Config) -> None:
    with pytest.raises(ValueError, match=r"rows|1970"):
        Simulator(config)


def test_pretty_answers_say_the_same(small: Client) -> None:
    with Simulator(small.simulator.config, pretty=True) as simulator:
        pretty = Client(simulator).get("conversations")
    assert pretty.text.startswith('{\n  "conversations": [\n')
    assert pretty.json() == small.ok("conversations")


def test_answers_are_compressed_for_those_who_accept_it(small: Client) -> None:
    with Simulator(small.simulator.config, gzip=True) as simulator:
        client = Client(simulator)
        packed = client.get("conversations")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.json() == small.ok("conversations")
        client.session.headers["Accept-Encoding"] = "identity"
        assert "Content-Encoding" not in client.get("conversations").headers


# Paging


@pytest.mark.parametrize("endpoint", PAGED)
@pytest.mark.parametrize("limit", [7, 40, None])
def test_pages_join_up_to_the_truth(small: Client, endpoint: str, limit: int | None) -> None:
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
def test_a_window_without_data_is_an_answer_without_rows(month: Client, endpoint: str) -> None:
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
        assert month.get(endpoint, query).text.count("[]") == 1


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
    control = f"{small.simulator.url}/_control/turns"
    order = {"count": 4, "timestamp": moment, "resolutionStatus": "unanswered"}
    assert requests.post(control, json=order, timeout=5).status_code == 200
    rows = [row for row in small.rows("conversations", MONTH) if row["timestamp"] == moment]
    assert [row["resolutionStatus"] for row in rows] == ["unanswered"] * 4
    for row in rows:
        messages = small.ok(f"assistant/threads/{row['id']}")["messages"]
        assert [message["content"] for message in messages] == [row["query"], row["response"]]
    assert small.ok("caller_stats", MONTH)["total"] == 124
    small.simulator.reset()
    assert small.ok("caller_stats", MONTH)["total"] == 120


# Strictness


@pytest.mark.parametrize(
    ("endpoint", "query", "named"),
    [
        ("conversations", {"from": START}, "from"),
        ("conversations", [("limit", "5"), ("limit", "6")], "limit"),
        ("conversations", {"limit": "many"}, "limit"),
        ("conversations", {"limit": "1.5"}, "limit"),
        ("conversations", {"limit": ""}, "limit"),
        ("conversations", {"limit": "0"}, "limit"),
        ("conversations", {"limit": "9" * 5000}, "limit"),
        ("conversations", {"limit": "-1"}, "limit"),
        ("conversations", {"dateFrom": "yesterday"}, "dateFrom"),
        ("conversations", {"dateFrom": "2026-02-30"}, "dateFrom"),
        ("conversations", {"dateFrom": "20260101"}, "dateFrom"),
        ("conversations", {"dateTo": "2026-01-01 10:00"}, "dateTo"),
        ("conversations", {"dateFrom": START, "dateTo": START}, "dateFrom"),
        ("conversations", {"dateFrom": END, "dateTo": START}, "dateFrom"),
        ("conversations", {"cursor": "no-ulid"}, "cursor"),
        ("conversations", {"cursor": A_ULID}, "cursor"),
        ("conversations", {"offset": "0"}, "offset"),
        ("conversations", {"source": "agent"}, "source"),
        ("caller_stats", {"limit": "10"}, "limit"),
        ("feedback", {"source": "agent,contextual"}, "source"),
        ("feedback", {"status": "pending,lost"}, "status"),
        ("feedback", {"status": ""}, "status"),
        ("feedback", {"cursor": ""}, "cursor"),
        ("feedback_by_page", {"offset": "10"}, "offset"),
        ("feedback_by_page", {"cursor": A_ULID}, "cursor"),
        ("searches", {"cursor": A_ULID}, "cursor"),
        ("searches", {"source": "agent"}, "source"),
        ("views", {"offset": "-1"}, "offset"),
        ("views", {"cursor": A_ULID}, "cursor"),
        ("visitors", {"limit": "251"}, "limit"),
        (f"assistant/threads/{A_ULID}", {"dateFrom": START}, "dateFrom"),
        ("assistant/threads/conv_123", {}, "conv_123"),
        ("assistant/threads/" + A_ULID.lower(), {}, "ULID"),
    ],
)
def test_what_mintlify_does_not_take_is_a_400_that_names_it(
    month: Client, endpoint: str, query: Any, named: str
) -> None:
    response = month.get(endpoint, query)
    assert response.status_code == 400
    assert response.json()["error"]
    assert named in response.json()["details"][0]["message"]


@pytest.mark.parametrize(
    ("endpoint", "query", "named"),
    [
        ("dashboard", {"dateFrom": START}, "dateFrom"),
        ("dashboard", {"granularity": "day"}, "granularity"),
        ("calls_by_service", {"assistant_id": "x"}, "assistant_id"),
        ("calls_by_time", {"granularity": "year"}, "granularity"),
        ("calls_by_time", {"start_date": "soon"}, "start_date"),
        ("calls_by_assistant", {"start_date": END, "end_date": START}, "start_date"),
    ],
)
def test_what_vyom_does_not_take_is_a_400_that_names_it(
    month: Client, endpoint: str, query: Any, named: str
) -> None:
    response = month.get(endpoint, query)
    assert response.status_code == 400
    body = response.json()
    assert (body["success"], body["data"]) == (False, None)
    assert named in body["message"]


def test_a_cursor_opens_nothing_but_its_own_listing(month: Client) -> None:
    cursors = {
        endpoint: month.ok(endpoint, {**MONTH, "limit": 5})["nextCursor"]
        for endpoint in ("conversations", "feedback", "searches")
    }
    for issuer, cursor in cursors.items():
        assert len(cursor) == 26
        for endpoint in cursors:
            same = month.get(endpoint, {**MONTH, "cursor": cursor}).status_code
            assert same == (200 if endpoint == issuer else 400)
            assert month.get(endpoint, {**DAY, "cursor": cursor}).status_code == 400
    filtered = {**MONTH, "source": "agent", "cursor": cursors["feedback"]}
    assert month.get("feedback", filtered).status_code == 400


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer wrong", "Bearer mint_dsc_1", "Bearer mint_us_1", "Basic bWludA==", "Bearer "],
)
@pytest.mark.parametrize("endpoint", ["conversations", "dashboard"])
def test_only_the_right_key_opens(month: Client, endpoint: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = month.get(endpoint, headers=headers)
    assert response.status_code == 401
    assert response.json().get("success") is (False if endpoint == "dashboard" else None)


def test_a_project_of_somebody_else_is_a_403(month: Client) -> None:
    url = month.get("views").url.replace(month.simulator.project_id, "proj_other")
    headers = {"Authorization": f"Bearer {month.simulator.mintlify_key}"}
    assert month.session.get(url, headers=headers).status_code == 403


def test_projects_of_one_key_have_rows_of_their_own() -> None:
    ids = ["proj_sim_docs", "proj_sim_docs_2", "proj_sim_docs_3"]
    with Simulator(Config(rows=30, start=START, end=END), projects=3) as simulator:
        client = Client(simulator)
        paths = [f"/v1/analytics/{project_id}/feedback" for project_id in ids]
        headers = {"Authorization": f"Bearer {simulator.mintlify_key}"}
        answers = [requests.get(simulator.url + path, headers=headers, timeout=5) for path in paths]
        control = f"{simulator.url}/_control/truth?endpoint=feedback&projectId="
        told = [requests.get(control + each, timeout=5).json()["rows"] for each in ids]
        assert requests.get(control + "proj_sim_docs_4", timeout=5).status_code == 400
        assert client.ok("feedback")["feedback"] == told[0][:50]
    assert [answer.json()["feedback"] for answer in answers] == [rows[:50] for rows in told]
    assert len({row["id"] for rows in told for row in rows}) == sum(map(len, told)) == 3 * 30


def test_unknown_threads_and_paths_are_404s_and_other_methods_405s(month: Client) -> None:
    assert month.get(f"assistant/threads/{A_ULID}").status_code == 404
    assert month.get("assistant/").status_code == 404
    url = month.simulator.url
    assert month.session.get(f"{url}/analytics/calls").json()["success"] is False
    assert month.session.get(f"{url}/v2").status_code == 404
    for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD"):
        refused = month.session.request(method, f"{url}/analytics/dashboard", data="{}")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")


def test_the_base_may_carry_the_older_path(month: Client) -> None:
    response = month.get("views", MONTH)
    older = response.url.replace("/v1/", "/api/external/v1/")
    assert month.session.get(older, headers=response.request.headers).json() == response.json()


# Quota


@pytest.mark.parametrize("style", ["seconds", "date", "none"])
def test_a_spent_quota_is_a_429_that_says_when_to_return(small: Client, style: str) -> None:
    small.simulator.set_quota(2, 60, style)
    codes = [small.get(endpoint).status_code for endpoint in ("views", "feedback", "searches")]
    assert codes == [200, 200, 429]
    refused = small.get("views")
    assert "error" in refused.json()
    header = refused.headers.get("Retry-After")
    if style == "seconds":
        assert 55 <= int(header or 0) <= 60
    elif style == "date":
        wait = parsedate_to_datetime(header or "") - datetime.now(UTC)
        assert 55 <= wait.total_seconds() <= 61
    else:
        assert header is None
    assert small.get("dashboard").status_code == 200


def test_the_quota_comes_back_and_refused_requests_do_not_count() -> None:
    with Simulator(Config(rows=5), quota=Quota(1, 0.3)) as simulator:
        client = Client(simulator)
        assert client.get("views").status_code == 200
        begun = time.monotonic()
        while client.get("views").status_code == 429:
            assert time.monotonic() - begun < 5
            time.sleep(0.01)
        assert len(simulator.requests) > 3


def test_the_control_endpoint_sets_and_lifts_the_quota(small: Client) -> None:
    control = f"{small.simulator.url}/_control/quota"
    order = {"limit": 0, "period_s": 10, "retry_after": "none"}
    assert requests.put(control, json=order, timeout=5).status_code == 200
    assert small.get("views").status_code == 429
    assert requests.put(control, json={"limit": None}, timeout=5).status_code == 200
    assert small.get("views").status_code == 200


# Faults


def fault(client: Client, kind: str, **members: Any) -> None:
    client.simulator.add_faults([{"kind": kind, **members}])


def test_a_scripted_status_comes_with_its_body_and_headers(small: Client) -> None:
    fault(small, "status", status=503, body="busy", headers={"Retry-After": "7"})
    response = small.get("views")
    assert (response.status_code, response.text) == (503, "busy")
    assert response.headers["Retry-After"] == "7"
    assert small.get("views").status_code == 200


def test_a_fault_strikes_the_requests_it_is_meant_for(small: Client) -> None:
    fault(small, "status", status=500, match={"endpoint": "feedback", "nth": 2}, times=2)
    codes = [small.get("feedback").status_code for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    fault(small, "status", status=502, match={"endpoint": "by-page", "query": {"limit": "3"}})
    assert small.get("feedback_by_page", {"limit": 4}).status_code == 200
    assert small.get("feedback", {"limit": 3}).status_code == 200
    assert small.get("feedback_by_page", {"limit": 3}).status_code == 502
    fault(small, "status", status=504, times=None)
    assert {small.get(endpoint).status_code for endpoint in [*PATHS, *VYOM_PATHS]} == {504}
    small.simulator.clear_faults()
    assert small.get("views").status_code == 200


@pytest.mark.parametrize("kind", ["reset_before_headers", "reset_in_body"])
def test_a_reset_is_a_real_one(small: Client, kind: str) -> None:
    fault(small, kind)
    with pytest.raises(requests.RequestException, match=r"reset by peer"):
        small.get("conversations")
    assert small.get("conversations").status_code == 200


def test_a_short_body_ends_before_its_length(small: Client) -> None:
    fault(small, "short_body")
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        small.get("conversations")


@pytest.mark.parametrize("kind", ["truncated_json", "html"])
def test_a_body_that_is_not_json_comes_with_status_200(small: Client, kind: str) -> None:
    fault(small, kind)
    response = small.get("conversations")
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_invalid_utf8_is_no_text(small: Client) -> None:
    fault(small, "invalid_utf8")
    with pytest.raises(UnicodeDecodeError):
        small.get("conversations").content.decode()


def test_a_raw_body_is_sent_as_it_is(small: Client) -> None:
    fault(small, "body", body="[1, 2", content_type="text/csv", status=203)
    response = small.get("views")
    assert (response.status_code, response.text) == (203, "[1, 2")
    assert response.headers["Content-Type"] == "text/csv"


def test_a_redirect_points_where_it_is_told(small: Client) -> None:
    fault(small, "redirect", location="http://127.0.0.1:9/")
    response = small.get("views", allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.1:9/")


def test_faults_that_are_due_together_strike_one_request_each(small: Client) -> None:
    small.simulator.add_faults([{"kind": "status", "status": status} for status in (500, 502)])
    assert [small.get("views").status_code for _ in range(3)] == [500, 502, 200]


def test_only_wide_windows_are_struck_where_a_fault_says_so(small: Client) -> None:
    wide = {"wider_than_days": 1}
    fault(small, "status", status=504, match=wide, times=None)
    two_days = {"start_date": "2026-01-10", "end_date": "2026-01-12"}
    assert [small.get("views", query).status_code for query in (DAY, MONTH, {})] == [200, 504, 504]
    assert small.get("dashboard", two_days).status_code == 504
    assert small.get("views", DAY | {"dateTo": "soon"}).status_code == 400


@pytest.mark.parametrize(("kind", "rows"), [("duplicate_page", 50), ("empty_page", 0)])
def test_a_new_cursor_can_lead_to_the_same_page(small: Client, kind: str, rows: int) -> None:
    whole = small.rows("conversations", {"limit": 50})
    fault(small, kind, match={"nth": 2})
    pages = [page["conversations"] for page in small.pages("conversations", {"limit": 50})]
    assert [len(page) for page in pages] == [50, rows, 50, 20]
    assert [row for page in (pages[0], *pages[2:]) for row in page] == whole
    assert pages[1] in ([], pages[2])


def test_an_offset_can_be_ignored(small: Client) -> None:
    fault(small, "ignored_offset", match={"nth": 2})
    first, second, third = (small.ok("views", {"limit": 50, "offset": n}) for n in (0, 50, 50))
    assert second == first != third


def test_cursors_can_be_made_to_go_round(small: Client) -> None:
    fault(small, "cursor_loop", back=2, match={"nth": 3})
    query, cursors = {"limit": "10"}, []
    for _ in range(3):
        cursors.append(small.ok("searches", query)["nextCursor"])
        query["cursor"] = cursors[-1]
    assert cursors[2] == cursors[0] != cursors[1]


def test_the_content_type_can_be_another_and_numbers_text(small: Client) -> None:
    fault(small, "content_type", content_type="text/html")
    assert small.get("caller_stats").headers["Content-Type"] == "text/html"
    fault(small, "numbers_as_text")
    assert all(isinstance(count, str) for count in small.ok("caller_stats").values())


def test_cursors_can_expire(small: Client) -> None:
    old = small.ok("conversations", {"limit": 50})["nextCursor"]
    small.simulator.expire_cursors()
    assert small.get("conversations", {"limit": 50, "cursor": old}).status_code == 400
    new = small.ok("conversations", {"limit": 50})["nextCursor"]
    assert small.get("conversations", {"limit": 50, "cursor": new}).status_code == 200


def test_members_can_be_dropped_and_replaced(small: Client) -> None:
    fault(small, "drop_key", key="hasMore")
    fault(small, "drop_key", key="data.services", match={"endpoint": "calls_by_service"})
    fault(small, "set_key", key="totals.ai", value="many")
    assert "hasMore" not in small.ok("conversations")
    assert small.ok("views")["totals"]["ai"] == "many"
    assert small.ok("calls_by_service")["data"] == {}


def test_the_members_of_rows_can_be_dropped_and_replaced(small: Client) -> None:
    fault(small, "drop_in_rows", key="hits")
    fault(small, "set_in_rows", key="sources.score", value=1, every=2)
    fault(small, "set_in_rows", key="new", value=None, match={"endpoint": "dashboard"})
    fault(small, "set_in_rows", key="total_calls", value="0", match={"endpoint": "calls_by_time"})
    assert not any("hits" in row for row in small.ok("searches")["searches"])
    rows = small.ok("conversations")["conversations"]
    scored = [["score" in source for source in row["sources"]] for row in rows]
    assert all(all(seen) for seen in scored[1::2])
    assert not any(any(seen) for seen in scored[::2])
    assert small.ok("dashboard")["data"]["new"] is None
    dates = {"start_date": START, "end_date": END}
    days = small.ok("calls_by_time", dates)["data"]["time_series"]
    assert {day["total_calls"] for day in days} == {"0"}


def test_the_body_of_an_error_is_not_edited(small: Client) -> None:
    fault(small, "set_key", key="totals.ai", value=1)
    assert small.get("views", {"limit": 0}).json()["error"]


def test_a_cursor_can_be_made_to_repeat(small: Client) -> None:
    fault(small, "repeat_cursor", match={"nth": 2})
    first = small.ok("conversations", {"limit": 50})
    query = {"limit": "50", "cursor": first["nextCursor"]}
    assert small.ok("conversations", query)["nextCursor"] == first["nextCursor"]
    assert small.ok("conversations", query)["nextCursor"] != first["nextCursor"]


def test_bodies_can_be_huge_and_still_true(small: Client) -> None:
    true = small.ok("views")
    fault(small, "big_body", bytes=3_000_000)
    big = small.get("views")
    assert (len(big.content), big.json()) == (3_000_000, true)
    fault(small, "gzip_bomb", size=5_000_000)
    bomb = small.get("views")
    assert int(bomb.headers["Content-Length"]) < 20_000
    assert (len(bomb.content), bomb.json()) == (5_000_000, true)


def test_answers_can_drip_be_late_or_never_come(small: Client) -> None:
    true = small.ok("caller_stats")
    fault(small, "slow_drip", bytes_per_s=200)
    fault(small, "delay", seconds=0.2)
    for _ in range(2):
        begun = time.monotonic()
        assert small.ok("caller_stats") == true
        assert time.monotonic() - begun > 0.15
    fault(small, "hang", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        small.get("views", timeout=0.1)
    assert [entry["fault"] for entry in small.simulator.requests] == [
        None,
        "slow_drip",
        "delay",
        "hang",
    ]
    assert small.simulator.requests[-1]["status"] is None


def test_closing_ends_what_hangs_and_what_is_kept_alive() -> None:
    begun, threads = time.monotonic(), threading.active_count()
    with Simulator(Config(rows=5), faults=[{"kind": "hang", "seconds": 60}]) as simulator:
        client = Client(simulator)
        with pytest.raises(requests.ReadTimeout):
            client.get("views", timeout=0.1)
        assert client.get("views").status_code == 200
    with pytest.raises(requests.ConnectionError):
        client.get("views", timeout=1)
    while threading.active_count() > threads:
        assert time.monotonic() - begun < 5
        time.sleep(0.01)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "earthquake"},
        {"status": 500},
        {"kind": "status"},
        {"kind": "html", "status": 200},
        {"kind": "hang", "seconds": 1, "match": {"method": "GET"}},
        {"kind": "html", "match": "views"},
        {"kind": "html", "match": {"nth": "2"}},
        {"kind": "html", "times": "for ever"},
        {"kind": "delay", "seconds": "long"},
        "html",
    ],
)
def test_a_fault_that_nobody_knows_is_refused(small: Client, spec: Any) -> None:
    control = f"{small.simulator.url}/_control/faults"
    refused = requests.post(control, json=[{"kind": "html"}, spec], timeout=5)
    assert refused.status_code == 400
    assert refused.json()["error"]
    assert small.get("views").json()


# Log, control, command


def test_the_log_tells_all_but_the_key(small: Client) -> None:
    small.get("conversations", {"limit": 7})
    small.get("dashboard", headers={})
    small.session.get(f"{small.simulator.url}/elsewhere")
    requests.get(f"{small.simulator.url}/elsewhere", timeout=5)
    log = small.simulator.requests
    assert [entry["n"] for entry in log] == [1, 2, 3, 4]
    assert [entry["endpoint"] for entry in log] == ["conversations", "dashboard", None, None]
    assert [entry["platform"] for entry in log] == ["mintlify", "vyom", "mintlify", "mintlify"]
    assert [entry["status"] for entry in log] == [200, 401, 404, 404]
    assert [entry["rows"] for entry in log] == [7, 0, 0, 0]
    assert log[0]["query"] == {"limit": "7"}
    present = [entry["headers"]["Authorization"] for entry in log]
    assert present == [{"present": flag} for flag in (True, False, False, False)]
    assert "python-requests" in str(log[0]["headers"]["User-Agent"])
    assert len({entry["connection"] for entry in log[:3]}) == 1
    assert log[3]["connection"] != log[0]["connection"]
    assert small.simulator.mintlify_key not in json.dumps(log)


def test_the_control_endpoint_gives_the_log_and_the_truth_and_stays_out_of_it(
    small: Client,
) -> None:
    small.get("views")
    small.get("feedback")
    control = f"{small.simulator.url}/_control"
    entries = requests.get(f"{control}/requests?endpoint=views", timeout=5).json()
    assert entries == small.simulator.requests[:1]
    told = requests.get(f"{control}/truth", params={"endpoint": "views", **DAY}, timeout=5).json()
    assert (told["rows"], told["totals"]) == truth(small, "views", DAY)
    assert requests.delete(f"{control}/requests", timeout=5).status_code == 200
    assert small.simulator.requests == []
    for wrong in ("truth?endpoint=nowhere", "truth", "truth?endpoint=views&colour=red", "what"):
        assert requests.get(f"{control}/{wrong}", timeout=5).status_code == 400


def test_the_command_prints_one_line_serves_and_stops() -> None:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator"]
    options = ["--rows=50", "--quota=2/60", "--retry-after=none", "--legacy-schema", "--gzip"]
    options += ["--start=2026-01-01", "--end=2026-01-08", "--latency-ms=1", "--seed=3"]
    options += ['--fault={"kind": "status", "status": 503, "match": {"nth": 2}}']
    process = subprocess.Popen(
        [*command, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert set(ready) == {"url", "project_id", "mintlify_key", "vyom_key"}
    url = f"{ready['url']}/v1/analytics/{ready['project_id']}/assistant/caller-stats"
    headers = {"Authorization": f"Bearer {ready['mintlify_key']}"}
    answers = [requests.get(url, headers=headers, timeout=5) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 429]
    assert answers[0].json()["total"] == 50
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=5) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "option", ["--quota=many", "--retry-after=later", "--start=soon", '--fault={"kind": 1}']
)
def test_the_command_refuses_what_it_does_not_understand(option: str) -> None:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator", option]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
