"""What a backfill is said to cost, against what it costs."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.quota.account import Quota
from airflow_provider_docsanalytics.quota.plan import (
    DAY,
    Costs,
    Past,
    estimate,
    hours,
    wider,
    windows_of,
)

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
YEAR = windows_of(MONDAY - 365 * DAY, MONDAY, DAY)


def _days(rows: list[int], page_size: int = 1000, start: datetime = MONDAY) -> tuple[Past, ...]:
    return tuple(
        Past(start + number * DAY, start + (number + 1) * DAY, each, max(1, -(-each // page_size)))
        for number, each in enumerate(rows)
    )


def test_a_year_by_day_costs_what_the_past_weeks_cost() -> None:
    """Rows of weekdays and weekends differ, and some days need a second page."""
    chance = random.Random(7)  # noqa: S311 - to be repeated

    def rows_on(day: datetime) -> int:
        usual = 250 if day.weekday() > 4 else 950
        return round(usual * chance.uniform(0.7, 1.3))

    past = _days([rows_on(MONDAY + number * DAY) for number in range(56)])
    truth = sum(max(1, ceil(rows_on(start) / 1000)) for start, _ in YEAR)
    found = estimate(Costs("conversations", 1000, events=True, past=past), YEAR)
    assert found.windows == 365
    assert found.basis == "past exports"
    assert abs(found.requests - truth) / truth < 0.1
    assert found.high >= found.requests


def test_without_a_past_the_least_is_said_and_that_it_is_the_least() -> None:
    found = estimate(Costs("views", 250), YEAR)
    assert (found.requests, found.high, found.basis) == (365, None, "nothing")


def test_one_wide_window_costs_its_pages_and_not_its_days() -> None:
    costs = Costs("conversations", 1000, events=True, past=_days([100] * 28))
    start, end = YEAR[0][0], YEAR[-1][1]
    assert dict(wider(costs, start, end, DAY)) == {
        "by week": 53,
        "by 30 days": 37,  # twelve of 3,000 rows, and the rest of 500
        "in one window": 37,
    }


def test_an_aggregate_has_no_cheaper_window() -> None:
    costs = Costs("views", 250, past=_days([100] * 28))
    assert not list(wider(costs, YEAR[0][0], YEAR[-1][1], DAY))


def _halved(window: tuple[datetime, datetime], longest: timedelta) -> int:
    """Return the requests for a window that is halved until no part is longer."""
    start, end = window
    if end - start <= longest:
        return 1
    middle = start + (end - start) / 2
    return 1 + _halved((start, middle), longest) + _halved((middle, end), longest)


@pytest.mark.parametrize("length", [DAY / 3, 3 * DAY, 7 * DAY, 30 * DAY])
@pytest.mark.parametrize("longest", [DAY / 7, DAY / 2, DAY, 5 * DAY])
def test_halves_are_never_more_than_is_said(length: timedelta, longest: timedelta) -> None:
    requests = _halved((MONDAY, MONDAY + DAY), longest)
    past = (Past(MONDAY, MONDAY + DAY, 300, requests),) * 2
    window = (MONDAY, MONDAY + length)
    high = estimate(Costs("feedback_by_page", 0, splits=True, past=past), [window]).high
    assert high is not None
    assert high >= _halved(window, longest)


@pytest.mark.parametrize("every", [DAY / 2, 7 * DAY])
def test_counts_over_another_window_are_bounded_and_said_to_be(every: timedelta) -> None:
    """A page that is read every day is one row of a week, and one row of each day."""
    past = _days([400] * 14, page_size=250)
    windows = windows_of(MONDAY, MONDAY + 28 * DAY, every)
    found = estimate(Costs("views", 250, past=past), windows)
    assert found.basis == "past exports of other windows"
    assert found.requests >= len(windows) * 2, "each window has at least the pages of a day"


def test_the_first_page_of_a_window_is_a_least_and_offers_nothing_cheaper() -> None:
    costs = Costs("feedback", 100, events=True, past=_days([150], 100), at_least=True)
    found = estimate(costs, YEAR)
    assert (found.requests, found.high, found.basis) == (730, None, "one window")
    assert not list(wider(costs, YEAR[0][0], YEAR[-1][1], DAY))


def test_an_endpoint_without_pages_costs_what_it_cost_before() -> None:
    """``feedback_by_page`` halves its window where pages are many."""
    past = (Past(MONDAY, MONDAY + DAY, 300, 3), Past(MONDAY + DAY, MONDAY + 2 * DAY, 20, 1))
    costs = Costs("feedback_by_page", 0, splits=True, past=past)
    assert estimate(costs, windows_of(MONDAY, MONDAY + 14 * DAY, DAY)).basis == "past exports"
    week = [(MONDAY, MONDAY + 7 * DAY)]
    found = estimate(costs, week)
    assert (found.requests, found.basis) == (20, "past exports of other windows")
    assert _halved(week[0], longest=DAY / 2) == 31
    assert found.high is not None
    assert found.high > 31


@pytest.mark.parametrize(
    ("requests", "share", "expected"), [(0, 1, 0), (100, 1, 0), (101, 1, 1), (600, 0.6, 9)]
)
def test_hours_are_those_until_the_last_request_may_be_sent(
    requests: int, share: float, expected: float
) -> None:
    assert hours(requests, Quota(100, 3600), share) == expected


def test_the_last_window_ends_where_the_range_does() -> None:
    end = MONDAY + timedelta(days=9, hours=5)
    windows = windows_of(MONDAY, end, 7 * DAY)
    assert windows == [(MONDAY, MONDAY + 7 * DAY), (MONDAY + 7 * DAY, end)]


@pytest.mark.parametrize("every", [timedelta(0), -DAY, timedelta(seconds=1)])
def test_a_range_that_makes_no_plan_is_refused(every: timedelta) -> None:
    with pytest.raises(ConfigError, match="window"):
        windows_of(MONDAY, MONDAY + 365 * DAY, every)
