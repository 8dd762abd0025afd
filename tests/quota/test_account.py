"""The account's arithmetic: nobody is one too many, and nobody waits longer than necessary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.quota.account import OTHERS, Account, Entry, Quota

QUOTA = Quota(10, 3600.0)
NOW = 1_800_000_000.0
STEPS = st.lists(
    st.tuples(
        st.floats(0, 2000),  # seconds since the step before
        st.sampled_from([0.01, 0.3, 0.6, 1.0]),  # share
        st.sampled_from([0.0, 120.0, QUOTA.kept_s]),  # how long it may wait
    ),
    max_size=60,
)


def _empty() -> Account:
    return Account(service="https://api.example.com")


def _with(*seconds_ago: float) -> Account:
    account = _empty()
    for each in seconds_ago:
        account = account.enter(Entry.at_moment(NOW - each, "dag.task", "host"))
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
            account = account.enter(Entry.at_moment(moment, "dag.task", "host"))
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
        account = account.enter(Entry.at_moment(moments[-1], "dag.task", "host"))
    assert moments == pytest.approx([NOW - ago + QUOTA.kept_s for ago in (1000, 900, 800)])


def test_a_share_leaves_the_rest_to_others() -> None:
    six = _with(*range(100, 700, 100))
    assert six.room_at(NOW, QUOTA, share=0.7) == NOW
    assert six.room_at(NOW, QUOTA, share=0.6) == pytest.approx(NOW - 600 + QUOTA.kept_s)
    hundred = Quota(100, 3600.0)
    assert _with(*range(28)).room_at(NOW, hundred, share=0.29) == NOW, "29, not 28.99…"
    assert _empty().room_at(NOW, QUOTA, share=0.01) == NOW, "one request is always possible"


def test_room_now_is_not_taken_from_a_request_that_waits_for_its_moment() -> None:
    """Nine count, and one of a low share waits: it and the tenth are all that fit."""
    account = _with(*range(100, 1000, 100)).enter(Entry.at_moment(NOW + 60, "backfill", "host"))
    assert account.room_at(NOW, QUOTA) > NOW + 60


def test_a_refusal_fills_the_account_until_the_service_has_room() -> None:
    """Three requests are ours, so seven of others count; the service has room in 500 s."""
    filled = _with(10, 20, 30).fill(NOW, QUOTA, 500.0)
    assert filled.used(NOW, QUOTA) == QUOTA.limit
    assert sum(each.by == OTHERS for each in filled.entries) == 7
    assert filled.room_at(NOW, QUOTA) == pytest.approx(NOW + 500)


def test_a_refusal_of_a_full_account_says_only_when_there_is_room() -> None:
    full = _with(*range(2700, 3700, 100))
    told = full.fill(NOW, QUOTA, 500.0)
    assert told.entries == full.entries
    assert full.room_at(NOW, QUOTA) < NOW + 100
    assert told.room_at(NOW, QUOTA) == NOW + 500


@pytest.mark.parametrize(
    ("retry_after_s", "closed_s"), [(7200.0, 7200), (86_400.0, 86_400), (1e9, 86_400)]
)
def test_a_refusal_for_longer_than_a_period_holds_until_the_moment_that_the_service_said(
    retry_after_s: float, closed_s: float
) -> None:
    """At most for a day, and also once nothing that was sent before counts any more."""
    told = _with(10, 20).fill(NOW, QUOTA, retry_after_s)
    for later in (0, 3600, 7000):
        account = told.at(NOW + later, QUOTA)
        assert account.room_at(NOW + later, QUOTA) == pytest.approx(NOW + closed_s)
    after = NOW + closed_s + 1
    assert told.at(after, QUOTA).room_at(after, QUOTA) == after


def test_a_refusal_that_does_not_say_for_how_long_opens_nothing_that_is_closed() -> None:
    told = _empty().fill(NOW, QUOTA, 7200.0)
    assert told.fill(NOW + 5, QUOTA, None).room_at(NOW + 5, QUOTA) == pytest.approx(NOW + 7200)
    sooner = told.fill(NOW + 5000, QUOTA, 60.0).at(NOW + 5000, QUOTA)
    assert sooner.opens_at(NOW + 5000, QUOTA) == pytest.approx(NOW + 5060), "its last word counts"


def test_a_refusal_by_a_clock_that_is_hours_ahead_closes_nothing() -> None:
    told = _empty().fill(NOW + 6 * 3600, QUOTA, 60.0)
    assert told.at(NOW, QUOTA).room_at(NOW, QUOTA) == NOW


def test_others_who_keep_sending_cost_a_refusal_a_period_once_their_share_is_known() -> None:
    """Others send 30 of 100 an hour, one after the other, and one of us as much as it may."""
    quota = Quota(100, 3600.0)
    account, now, service, taken = _empty(), NOW, list[float](), 0
    refusals = list[float]()
    others = [NOW + number * 120 + 7 for number in range(200)]
    while now < NOW + 4 * quota.period_s:
        account = account.at(now, quota)
        now = max(now, account.room_at(now, quota)) + 1
        while others[0] <= now:
            service.append(others.pop(0))
        service = [each for each in service if each > now - quota.period_s]
        entry = Entry.at_moment(now, "dag.task", "host")
        account = account.enter(entry)
        if len(service) < quota.limit:
            service.append(now)
            taken += 1
        else:
            refusals.append(now)
            account = account.fill(now, quota, min(service) + quota.period_s - now, entry)
    assert len(refusals) <= 15
    assert sum(each > NOW + 2 * quota.period_s for each in refusals) <= 2
    assert taken >= 4 * 70, "what the others leave is used"


def test_an_account_of_others_alone_is_tried_when_the_service_says_so() -> None:
    filled = _empty().fill(NOW, QUOTA, 60.0).at(NOW + 61, QUOTA)
    assert filled.fill(NOW + 61, QUOTA, 50.0).room_at(NOW + 61, QUOTA) == pytest.approx(NOW + 111)


def test_a_clock_that_is_a_day_ahead_does_not_stop_everybody() -> None:
    account = _empty()
    for _ in range(10):
        account = account.enter(Entry.at_moment(NOW + 86_400, "dag.task", "host"))
    assert account.at(NOW, QUOTA).room_at(NOW, QUOTA) == NOW
    assert account.used(NOW, QUOTA) == 0


@pytest.mark.parametrize("text", ["", "100", "0/3600", "100/0", "-1/3600", "100/hour", "1/2/3"])
def test_a_quota_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"such as 100/3600"):
        Quota.parse(text)


def test_a_quota_is_written_as_it_is_read() -> None:
    assert str(Quota.parse(" 100 / 3600 ")) == "100/3600"
    assert str(Quota.parse("5/0.5")) == "5/0.5"
