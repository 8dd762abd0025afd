"""All endpoints return the same events."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.simulator.site import SITE
from tests.simulator.client import DAY, END, MONTH, START, WINDOWS, Client, truth


@pytest.mark.parametrize("window", WINDOWS)
def test_caller_stats_count_the_conversation_turns_of_the_window(
    month: Client, window: dict[str, str]
) -> None:
    stats = month.ok("caller_stats", window)
    turns = month.rows("conversations", {**window, "limit": 1000})
    assert stats["total"] == len(turns) == stats["web"] + stats["api"] + stats["other"]
    assert len(turns) > 20


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("filters", [{}, {"source": "contextual"}, {"status": "pending,resolved"}])
def test_feedback_by_page_sums_the_feedback(
    month: Client, window: dict[str, str], filters: dict[str, str]
) -> None:
    counts: dict[str, Counter[str]] = {}
    for row in month.rows("feedback", {**window, **filters, "limit": 100}):
        page = counts.setdefault(row["path"].removeprefix(SITE), Counter())
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
        messages = [(message["role"], message["content"]) for message in thread["messages"]]
        for turn in turns:
            assert ("user", turn["query"]) in messages
            assert ("assistant", turn["response"]) in messages


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
        if endpoint == "calls_by_time":
            assert [row["date"] for row in rows] == sorted({row["date"] for row in rows})
        else:
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
    answer = month.calls("calls_by_time", **dates, granularity=granularity)
    assert [row["date"] for row in answer["time_series"]] == [date]
    assert answer["granularity"] == granularity


def test_a_week_at_new_year_has_the_year_of_the_day() -> None:
    with Simulator(Config(rows=40, start="2022-01-01", end="2022-01-03")) as simulator:
        series = Client(simulator).calls(
            "calls_by_time", start_date="2022-01-01", end_date="2022-01-02", granularity="week"
        )["time_series"]
    assert [row["date"] for row in series] == ["2022-W52"]  # which ISO 8601 calls 2021-W52


def test_the_tokens_have_the_same_records_and_their_order(month: Client) -> None:
    dates = {"start_date": START, "end_date": END}
    summary = month.calls("tokens_summary", **dates)
    models = month.calls("tokens_by_model", **dates)["models"]
    names = [tuple(row[name] or "" for name in ("type", "provider", "model")) for row in models]
    assert names == sorted(set(names))
    assert ("", "", "") in names
    for name in ("total_records", "total_llm_tokens", "total_tts_characters"):
        assert sum(row[name] for row in models) == summary[name] > 0
    for kind in ("tts", "stt"):
        parts = [row[f"total_{kind}_{way}_tokens"] for row in models for way in ("input", "output")]
        assert sum(parts) == summary[f"total_{kind}_tokens"] > 0
    cost = sum(row["total_estimated_cost_usd"] for row in models)
    assert cost == pytest.approx(summary["total_estimated_cost_usd"], abs=0.05)
    calls = month.calls("dashboard", **dates)
    assert summary["total_records"] == pytest.approx(3 * calls["total_calls"], rel=0.01)
    minutes = summary["total_call_duration_minutes"]
    assert minutes == pytest.approx(calls["total_duration_minutes"], rel=0.01)


def test_a_renamed_assistant_has_two_rows_and_calls_without_one_have_nulls(month: Client) -> None:
    dates = {"start_date": START, "end_date": END}
    rows = month.calls("calls_by_assistant", **dates)["assistants"]
    pairs = [(row["assistant_id"], row["assistant_name"]) for row in rows]
    assert len(set(pairs)) == len(pairs)
    assert (None, None) in pairs
    assert len({each for each, _ in pairs}) == len(pairs) - 1


def test_a_call_that_is_not_over_has_no_minutes_and_no_usage() -> None:
    now = datetime.now(UTC)
    later = (now + timedelta(days=2)).isoformat()
    coming = Config(rows=300, start=(now + timedelta(days=1)).isoformat(), end=later)
    with Simulator(coming) as simulator:
        client = Client(simulator)
        calls = client.calls("dashboard", start_date=now.isoformat(), end_date=later)
        assert (calls["total_calls"], calls["total_duration_minutes"]) == (300, 0)
        assert client.calls("tokens_summary", start_date=now.isoformat(), end_date=later) == {}


def test_the_calls_of_one_assistant_are_its_own(month: Client) -> None:
    dates = {"start_date": START, "end_date": END}
    assistants = month.calls("calls_by_assistant", **dates)["assistants"]
    for assistant_id in {row["assistant_id"] for row in assistants} - {None}:
        own = {**dates, "assistant_id": assistant_id}
        numbers = month.calls("calls_by_phone_number", **own)["phone_numbers"]
        named = [row for row in assistants if row["assistant_id"] == assistant_id]
        assert sum(row["total_calls"] for row in numbers) == sum(
            row["total_calls"] for row in named
        )
    for assistant in assistants:
        average = assistant["total_duration_minutes"] / assistant["total_calls"]
        assert assistant["avg_duration_minutes"] == round(average, 2)


def test_the_default_data_set_reaches_from_a_month_ago_past_yesterday() -> None:
    today = {datetime.now(UTC).date().isoformat()}
    with Simulator() as simulator:
        today.add(datetime.now(UTC).date().isoformat())
        client = Client(simulator)
        assert client.ok("caller_stats")["total"] == 2500
        assert client.calls("dashboard")["total_calls"] > 2000
        newest = client.ok("conversations", {"limit": 1})["conversations"][0]["timestamp"]
        assert newest[:10] in today
