"""What happens on the site that the simulator plays can be found in its rows."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.simulator.data import Dataset
from airflow_provider_docsanalytics.simulator.site import BAD_PAGE, RELEASE_TOPIC
from airflow_provider_docsanalytics.simulator.topics import TOPICS
from airflow_provider_docsanalytics.simulator.values import DAY_MS, iso
from tests.simulator.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator.site import Story

Rows = list[dict[str, Any]]
_DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(14)]
_RANGE = {"dateFrom": "2026-01-01", "dateTo": "2026-01-15"}
_CONFIG = Config(rows=1400, start="2026-01-01", end="2026-01-15")


@pytest.fixture(scope="module")
def fortnight() -> Iterator[Client]:
    with Simulator(_CONFIG) as simulator:
        yield Client(simulator)


@pytest.fixture(scope="module")
def turns(fortnight: Client) -> Rows:
    return fortnight.rows("conversations", {**_RANGE, "limit": 1000})


def test_the_bad_page_is_read_much_rated_worst_and_makes_people_ask(
    fortnight: Client, turns: Rows
) -> None:
    views = fortnight.rows("views", {**_RANGE, "limit": 250})
    ratings = {row["path"]: row for row in _feedback_by_page(fortnight, _RANGE)}
    read_much = [row["path"] for row in views[:12]]
    disliked = {path: _disliked(ratings[path]) for path in read_much if path in ratings}
    assert len(disliked) > 8
    assert max(disliked, key=lambda path: disliked[path]) == BAD_PAGE
    assert disliked[BAD_PAGE] > 0.7
    asked_on = Counter(_page(row["pageUrl"]) for row in turns if row["pageUrl"])
    assert asked_on.most_common(1)[0][0] == BAD_PAGE


def test_answers_that_cite_the_bad_page_are_worse_than_others(turns: Rows) -> None:
    cites = {True: Counter[str](), False: Counter[str]()}
    for row in turns:
        if row["sources"]:
            is_bad = any(source["url"].endswith(BAD_PAGE) for source in row["sources"])
            cites[is_bad][row["resolutionStatus"]] += 1
    unanswered = {which: counts["unanswered"] / counts.total() for which, counts in cites.items()}
    assert unanswered[True] > 2 * unanswered[False]


@pytest.mark.parametrize("kind", ["conversations", "searches", "views"])
def test_the_topic_of_the_release_jumps_on_its_day(
    fortnight: Client, turns: Rows, kind: str
) -> None:
    on_each_day = {
        "conversations": lambda day: sum(
            row["queryCategory"] == RELEASE_TOPIC.category and row["timestamp"][:10] == str(day)
            for row in turns
        ),
        "searches": lambda day: sum(
            row["hits"]
            for row in _rows_of(fortnight, "searches", day)
            if row["searchQuery"] in RELEASE_TOPIC.searches
        ),
        "views": lambda day: sum(
            row["total"]
            for row in _rows_of(fortnight, "views", day)
            if row["path"] == RELEASE_TOPIC.page
        ),
    }[kind]
    released = datetime.fromisoformat(iso(_story().release_ms)).date()
    before = [on_each_day(day) for day in _DAYS if day < released and day.weekday() < 5]
    after = [on_each_day(day) for day in _DAYS if day >= released and day.weekday() < 5]
    assert min(after) > 2 * max(before)


def test_the_release_adds_questions_to_those_that_people_ask_anyway(turns: Rows) -> None:
    released = iso(_story().release_ms)
    since = [row for row in turns if row["timestamp"] >= released]
    others = [row["queryCategory"] != RELEASE_TOPIC.category for row in since]
    before = len(turns) - len(since)
    assert (before, len(since)) == (pytest.approx(630, rel=0.1), pytest.approx(770, rel=0.1))
    assert others.count(True) == pytest.approx(before, rel=0.12)


def test_nothing_is_answered_during_the_outage_and_most_is_at_other_times(turns: Rows) -> None:
    start, end = (iso(instant_ms) for instant_ms in _story().outage)
    during = [row for row in turns if start <= row["timestamp"] < end]
    assert len(during) > 20
    assert {row["resolutionStatus"] for row in during} == {"unanswered"}
    assert {len(row["sources"]) for row in during} == {0}
    others = [row["resolutionStatus"] for row in turns if row not in during]
    assert others.count("unanswered") < 0.25 * len(others)


def test_a_weekend_has_less_of_everything(fortnight: Client) -> None:
    days = [{"dateFrom": str(day), "dateTo": str(day + timedelta(days=1))} for day in _DAYS]
    for counted in (
        [fortnight.ok("caller_stats", day)["total"] for day in days],
        [fortnight.ok("searches", day)["totalSearches"] for day in days],
        [fortnight.ok("views", day)["totals"]["total"] for day in days],
        [len(fortnight.rows("feedback", {**day, "limit": 100})) for day in days],
        [
            fortnight.simulator.truth("dashboard", day["dateFrom"], day["dateTo"])[0][0][
                "total_calls"
            ]
            for day in days
        ],
    ):
        weekend = [count for day, count in zip(_DAYS, counted, strict=True) if day.weekday() > 4]
        working = [count for day, count in zip(_DAYS, counted, strict=True) if day.weekday() < 5]
        assert 0 < max(weekend) < min(working)


def test_what_is_typed_comes_seconds_before_the_term_and_leads_nowhere() -> None:
    searches = Dataset(_CONFIG).searches
    assert [search.instant_ms for search in searches] == sorted(
        {search.instant_ms for search in searches}
    )
    typed = [
        (first, second)
        for first, second in pairwise(searches)
        if second.term != first.term and second.term.startswith(first.term)
        if second.instant_ms - first.instant_ms < 5_000
    ]
    assert len(typed) > len(searches) / 4
    assert {first.page for first, _ in typed} == {None}
    assert sum(second.page is not None for _, second in typed) > len(typed) / 4


def test_some_terms_are_searched_often_and_are_about_no_page(fortnight: Client) -> None:
    rows = {row["searchQuery"]: row for row in fortnight.rows("searches", {**_RANGE, "limit": 100})}
    assert rows["sso"]["hits"] > 20
    assert rows["sso"]["ctr"] == 0
    assert rows["create label"]["ctr"] > 50
    terms = {term for topic in TOPICS for term in topic.searches}
    letters = {"".join(sorted(term)) for term in terms}
    errors = [term for term in rows.keys() - terms if "".join(sorted(term)) in letters]
    assert len(errors) > 20


def test_agents_read_the_old_reference_and_complain_in_their_own_words(fortnight: Client) -> None:
    views = fortnight.rows("views", {**_RANGE, "limit": 250})
    old = [row for row in views if row["path"].startswith("/2025-")]
    assert sum(row["ai"] for row in old) > 1.5 * sum(row["human"] for row in old)
    assert sum(row["human"] == 0 for row in old) > 20
    feedback = fortnight.rows("feedback", {**_RANGE, "limit": 100})
    agents = [row for row in feedback if row["source"] == "agent"]
    assert 0.05 < len(agents) / len(feedback) < 0.2
    assert all(row["comment"] and row["path"].startswith("https://") for row in agents)
    others = {row["comment"] for row in feedback if row["source"] != "agent"}
    assert not others & {row["comment"] for row in agents}


@pytest.mark.parametrize("days", [_DAYS[:1], _DAYS[7:8], _DAYS])
def test_every_page_has_at_least_as_many_views_as_feedback(
    fortnight: Client, days: list[date]
) -> None:
    window = {"dateFrom": str(days[0]), "dateTo": str(days[-1] + timedelta(days=1))}
    views = {row["path"]: row["total"] for row in fortnight.rows("views", {**window, "limit": 250})}
    rated = _feedback_by_page(fortnight, window)
    assert rated
    assert all(row["total"] <= views.get(row["path"], 0) for row in rated)


def test_people_ask_again_on_the_same_page_within_minutes(turns: Rows) -> None:
    again = [
        (first, second)
        for second, first in pairwise(turns)
        if first["pageUrl"] is not None
        and first["pageUrl"] == second["pageUrl"]
        and first["queryCategory"] == second["queryCategory"]
        and _moment(second) - _moment(first) < timedelta(minutes=5)
    ]
    assert 0.08 < len(again) / len(turns) < 0.2
    assert {first["id"] == second["id"] for first, second in again} == {True, False}
    assert any(first["query"] != second["query"] for first, second in again)


def test_texts_have_the_length_of_questions_and_answers(turns: Rows) -> None:
    plain = [row for row in turns if row["query"].isascii()]
    assert all(15 <= len(row["query"]) <= 200 for row in plain)
    assert len({row["query"] for row in turns}) > 150
    lengths = sorted(len(row["response"]) for row in turns)
    assert 150 < lengths[len(lengths) // 2] < 600


@pytest.mark.parametrize("start", [f"2026-03-{day:02d}T{day:02d}:30:00Z" for day in range(2, 9)])
def test_any_fortnight_has_the_release_and_the_outage(start: str) -> None:
    first = datetime.fromisoformat(start)
    config = Config(start=start, end=(first + timedelta(days=14)).isoformat())
    release_ms, outage = config.story()
    window = config.window()
    assert window.start_ms + 7 * DAY_MS <= release_ms < outage.start_ms - DAY_MS
    assert outage.end_ms < window.end_ms


def _story() -> Story:
    return _CONFIG.story()


def _feedback_by_page(client: Client, window: dict[str, str]) -> Rows:
    rows: Rows = client.simulator.truth("feedback_by_page", window["dateFrom"], window["dateTo"])[0]
    return rows


def _disliked(row: dict[str, int]) -> float:
    return row["thumbsDown"] / max(1, row["thumbsUp"] + row["thumbsDown"])


def _rows_of(client: Client, endpoint: str, day: date) -> Rows:
    rows: Rows = client.simulator.truth(endpoint, str(day), str(day + timedelta(days=1)))[0]
    return rows


def _page(url: str) -> str:
    return urlsplit(url).path.removesuffix("/").removesuffix(".md")


def _moment(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["timestamp"])
