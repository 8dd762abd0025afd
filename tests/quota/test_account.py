"""The account's arithmetic: nobody is one too many, and nobody waits longer than necessary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.quota.account import OTHERS, Account, Quota

QUOTA = Quota(10, 3600.0)
NOW = 1_800_000_000.0
STEPS = st.lists(
    st.tuples(
        st.floats(0, 2000),  # seconds since the step before
        st.sampled_from([0.01, 0.3, 0.6, 1.0]),  # share
        st.sampled_from([0.0, 120.0, QUOTA.period_s]),  # how long it may wait
    ),
    max_size=60,
)


def _empty() -> Account:
    return Account(service="https://api.example.com")


def _with(*seconds_ago: float) -> Account:
    account = _empty()
    for each in seconds_ago:
        account = account.enter(NOW - each, "dag.task", "host")
    return account


def _most_in_a_window(moments: list[float]) -> int:
    return max(
        sum(start <= moment < start + QUOTA.period_s for moment in moments) for start in moments
    )


@given(STEPS)
def test_no_window_ever_holds_more_requests_than_the_quota(
    steps: list[tuple[float, float, float]],
) -> None:
    account, now, sent = _empty(), NOW, list[float]()
    for pause_s, share, longest_s in steps:
        now += pause_s
        account = account.at(now, QUOTA)
        moment = account.room_at(now, QUOTA, share)
        if moment - now <= longest_s:
            account = account.enter(moment, "dag.task", "host")
            sent.append(moment)
    assert not sent or _most_in_a_window(sent) <= QUOTA.limit


def test_a_request_waits_only_until_the_oldest_one_no_longer_counts() -> None:
    full = _with(*range(100, 1100, 100))
    assert full.room_at(NOW, QUOTA) == pytest.approx(NOW - 1000 + QUOTA.kept_s)
    assert _with(*range(100, 1000, 100)).room_at(NOW, QUOTA) == NOW


def test_waiting_requests_queue_behind_each_other() -> None:
    account = _with(*range(100, 1100, 100))
    moments = []
    for _ in range(3):
        moments.append(account.room_at(NOW, QUOTA))
        account = account.enter(moments[-1], "dag.task", "host")
    assert moments == pytest.approx([NOW - ago + QUOTA.kept_s for ago in (1000, 900, 800)])


def test_a_share_leaves_the_rest_to_others() -> None:
    six = _with(*range(100, 700, 100))
    assert six.room_at(NOW, QUOTA, share=0.7) == NOW
    assert six.room_at(NOW, QUOTA, share=0.6) == pytest.approx(NOW - 600 + QUOTA.kept_s)
    assert six.room_at(NOW, QUOTA, share=0.29 + 0.31) > NOW, "0.6 in floating point"
    assert _empty().room_at(NOW, QUOTA, share=0.01) == NOW, "one request is always possible"


def test_room_now_is_not_taken_from_a_request_that_waits_for_its_moment() -> None:
    """Nine count, and one of a low share waits: it and the tenth are all that fit."""
    account = _with(*range(100, 1000, 100)).enter(NOW + 60, "backfill", "host")
    assert account.room_at(NOW, QUOTA) > NOW + 60


def test_a_refusal_fills_the_account_until_the_service_has_room() -> None:
    """Three requests are ours, so seven of others count; the service has room in 500 s."""
    filled = _with(10, 20, 30).fill(NOW, QUOTA, 500.0)
    assert filled.used(NOW, QUOTA) == QUOTA.limit
    assert sum(each.by == OTHERS for each in filled.entries) == 7
    assert filled.room_at(NOW, QUOTA) == pytest.approx(NOW + 500)


def test_a_refusal_of_a_full_account_says_nothing_new() -> None:
    full = _with(*range(100, 1100, 100))
    assert full.fill(NOW, QUOTA, 500.0) == full


def test_others_who_keep_sending_keep_their_room() -> None:
    """After the second refusal, only one request is sent within a period to look for room."""
    filled = _with(10, 20, 30).fill(NOW, QUOTA, 60.0)
    later = NOW + 60
    again = filled.at(later, QUOTA).enter(later, "dag.task", "host").fill(later, QUOTA, 60.0)
    first = again.room_at(later, QUOTA)
    assert first == pytest.approx(later + 60)
    ours = [each for each in again.entries if each.by != OTHERS]
    assert len(ours) == 4
    assert again.used(later, QUOTA) == QUOTA.limit


def test_a_clock_that_is_a_day_ahead_does_not_stop_everybody() -> None:
    account = _empty()
    for _ in range(10):
        account = account.enter(NOW + 86_400, "dag.task", "host")
    assert account.at(NOW, QUOTA).room_at(NOW, QUOTA) == NOW


@pytest.mark.parametrize("text", ["", "100", "0/3600", "100/0", "-1/3600", "100/hour", "1/2/3"])
def test_a_quota_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"such as 100/3600"):
        Quota.parse(text)


def test_a_quota_is_written_as_it_is_read() -> None:
    assert str(Quota.parse(" 100 / 3600 ")) == "100/3600"
    assert str(Quota.parse("5/0.5")) == "5/0.5"
