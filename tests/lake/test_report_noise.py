"""What is called a change: seldom noise, and soon what has really changed."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_provider_docsanalytics.lake.report import noise
from airflow_provider_docsanalytics.lake.report.noise import Share, compare_counts, compare_shares

WEEK = np.array([1, 1.1, 1.1, 1, 0.9, 0.4, 0.35])
PERIODS = 1500
RANDOM = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def _random(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers in each test."""
    monkeypatch.setitem(globals(), "RANDOM", np.random.default_rng(1))


def _poisson(mean: float, size: float = 1) -> list[int]:
    return [int(each) for each in RANDOM.poisson(mean * WEEK * size)]


def _uneven(mean: float, size: float = 1) -> list[int]:
    """Days that vary by a fifth beside chance, as readers do."""
    return [int(each) for each in RANDOM.poisson(mean * WEEK * size * RANDOM.gamma(25, 1 / 25, 7))]


def _shares(mean: float, share: float = 0.8) -> list[Share]:
    return [Share(int(RANDOM.binomial(each, share)), each) for each in _poisson(mean)]


@pytest.mark.parametrize("mean", [5, 60, 5000])
@pytest.mark.parametrize("days", [_poisson, _uneven])
def test_of_counts_that_are_noise_no_more_than_the_level_is_called_a_change(
    days: object, mean: int
) -> None:
    found = [compare_counts(days(mean), days(mean)).verdict for _ in range(PERIODS)]  # type: ignore[operator]
    allowed = PERIODS * noise.LEVEL * 1.7  # three deviations of what a count of 15 varies
    assert found.count("changed") <= allowed
    assert found.count("one day") <= allowed


@pytest.mark.parametrize("mean", [8, 60, 1000])
def test_of_shares_that_are_noise_no_more_than_the_level_is_called_a_change(mean: int) -> None:
    found = [compare_shares(_shares(mean), _shares(mean)).verdict for _ in range(PERIODS)]
    assert found.count("changed") + found.count("one day") <= PERIODS * noise.LEVEL * 1.7


def test_a_change_of_every_day_is_found() -> None:
    twice = [compare_counts(_uneven(400), _uneven(400, 2)).verdict for _ in range(200)]
    assert twice.count("changed") > 180
    half_more = [compare_counts(_poisson(60), _poisson(60, 1.5)).verdict for _ in range(200)]
    assert half_more.count("changed") > 150
    worse = [compare_shares(_shares(200), _shares(200, 0.65)).verdict for _ in range(200)]
    assert worse.count("changed") > 190


def test_an_outage_is_a_day_and_not_a_change_of_the_week() -> None:
    usual = [Share(160, 200), Share(158, 200), Share(162, 200), Share(161, 200), Share(159, 200)]
    for place in range(5):
        week = [Share(20, 200) if day == place else each for day, each in enumerate(usual)]
        assert compare_shares(usual, week) == ("one day", place)
        counts = [each.part for each in week]
        assert compare_counts([each.part for each in usual], counts) == ("one day", place)
        nobody = Share(0, 0)
        assert compare_shares([nobody, *usual], [nobody, *week]) == ("one day", place + 1)


def test_a_day_stands_out_if_the_others_predict_it_in_less_than_1_of_100_weeks() -> None:
    # Of 6 days, t with 5 degrees of freedom exceeds 6.35 in 0.01 / 7 of the cases: 7.51 from 10.
    others = [9, 11, 9, 11, 9, 11]
    assert noise._outlier([*others, 17.4]) is None
    assert noise._outlier([2.4, *others]) == 0


def test_a_share_that_differs_because_other_days_are_busy_is_no_change() -> None:
    before = [Share(900, 1000), *[Share(1, 10)] * 6]
    after = [Share(9, 10), *[Share(100, 1000)] * 6]
    assert compare_shares(before, after).verdict == "noise"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([2] * 7, [0] * 7, "small"),  # 14 events
        ([4] * 5, [0] * 5, "changed"),  # 20
        ([90] * 7, [*[10] * 6, None], "unknown"),
        ([*[90] * 6, None], [10] * 7, "unknown"),
        ([90] * 4, [10] * 4, "unknown"),  # too few days
        ([90] * 7, [10] * 5, "unknown"),
        ([0] * 7, [0] * 7, "small"),
        ([100] * 7, [100] * 7, "noise"),
    ],
)
def test_small_numbers_and_missing_days_are_not_compared(
    before: list[int | None], after: list[int | None], verdict: str
) -> None:
    assert compare_counts(before, after).verdict == verdict


def test_a_share_needs_enough_on_both_sides() -> None:
    much, little = [Share(90, 100)] * 7, [Share(0, 2)] * 7
    assert compare_shares(much, little).verdict == "small"
    assert compare_shares(little, much).verdict == "small"
    on_few_days = [Share(0, 100)] * 4 + [Share(0, 0)] * 3
    assert compare_shares(much, on_few_days).verdict == "small"
    assert compare_shares(much, [Share(10, 100)] * 7).verdict == "changed"
    assert compare_shares([*much[:6], None], much).verdict == "unknown"


@pytest.mark.parametrize(
    ("t", "freedom", "within"),
    [(12.706, 1, 0.95), (3.182, 3, 0.95), (2.447, 6, 0.95), (3.707, 6, 0.99), (2.576, 10**4, 0.99)],
)
def test_students_t_is_that_of_the_tables(t: float, freedom: int, within: float) -> None:
    assert noise._within(t, freedom) == pytest.approx(within, abs=1e-4)


def test_the_tests_by_number_are_those_of_the_books() -> None:
    # Fisher's lady who tastes tea, and a coin that shows 3 heads of 20.
    assert noise._p_of_shares(Share(1, 4), Share(3, 4)) == pytest.approx(2 * 17 / 70)
    assert noise._p_of_counts(3, 17) == pytest.approx(0.002576828)
    assert noise._p_of_counts(0, 10) == pytest.approx(2 / 2**10)
    assert noise._p_of_shares(Share(0, 10), Share(10, 10)) == pytest.approx(2 / 184756)
    assert 0 < noise._p_of_counts(10**7, 10**7 + 15000) < 0.01


def test_one_vote_of_one_is_not_the_worst_page() -> None:
    assert Share(1, 1).least < Share(40, 60).least < Share(60, 60).least
    assert Share(0, 0).least == Share(0, 0).value == 0


@pytest.mark.parametrize(("part", "least"), [(0, 0), (5, 0.2366), (10, 0.7225)])
def test_the_share_that_is_nearly_certain_is_wilsons(part: int, least: float) -> None:
    assert Share(part, 10).least == pytest.approx(least, abs=1e-4)
