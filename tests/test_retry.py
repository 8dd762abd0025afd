"""The one retry policy: what to do after each error, and when."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_docsanalytics._retry import (
    MAX_FAILURES,
    Decision,
    Fail,
    PollRetryPolicy,
    Retry,
    Wait,
    decide,
)
from airflow_provider_docsanalytics.api._status import NoSuchThread
from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ApiError,
    AuthError,
    BadResponse,
    ConfigError,
    CursorLost,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    StorageError,
    StorageRefused,
    Superseded,
    TooWide,
    Unreachable,
)

ATTEMPTS = [1, 2, 3, 4, 5, 6, 7, 8, 12, 100, 5_000, sys.maxsize]
DRAWS = range(50)
LONGEST_S = LONGEST_RETRY_AFTER.total_seconds()

FAIL = [
    ConfigError("x"),
    AuthError(401, "views", "x"),
    AuthError(403, "views", "x"),
    AuthError(401, "views", "x", retry_after_s=60),
    InvalidRequest(400, "views", "x"),
    InvalidRequest(422, "calls_by_time", "x", retry_after_s=60),
    Superseded("x"),
]
QUOTA = [RateLimited(429, "views", "x"), RateLimited(429, "views", "x", retry_after_s=0)]
TRANSIENT = [
    ServerError(500, "views", "x"),
    ServerError(503, "views", "x", retry_after_s=0),
    TooWide(504, "views", "x", halves="y"),
    Unreachable("x"),
    Unreachable("x", cut_off=True),
]
LATER = [
    BadResponse("x"),
    NotFound(404, "views", "x"),
    NotFound(404, "views", "x", retry_after_s=60),
    NoSuchThread(404, "threads", "x"),
    ApiError(400, "views", "x"),
    ApiError(413, "views", "x", retry_after_s=60),
    CursorLost("x"),
    StorageError("x"),
    StorageRefused("x"),
    RuntimeError("x"),
    KeyboardInterrupt(),
]


def _told(kind: str, retry_after_s: float) -> ApiError:
    if kind == "quota":
        return RateLimited(429, "views", "x", retry_after_s=retry_after_s)
    if kind == "too wide":
        return TooWide(504, "views", "x", halves="y", retry_after_s=retry_after_s)
    return ServerError(503, "views", "x", retry_after_s=retry_after_s)


def _decisions(error: BaseException, attempt: int) -> list[Decision]:
    return [decide(error, attempt) for _ in DRAWS]


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("error", FAIL, ids=repr)
def test_what_no_retry_helps_fails_at_once_at_every_attempt(
    error: BaseException, attempt: int
) -> None:
    assert decide(error, attempt) == Fail()
    assert decide(error, attempt).delay_s is None  # for the client: not again


@pytest.mark.parametrize("kind", ["quota", "away", "too wide"])
@given(
    retry_after_s=st.floats(0, LONGEST_S, exclude_min=True, allow_subnormal=False),
    attempt=st.integers(1, 10**6),
)
def test_what_says_when_is_never_retried_earlier_and_not_much_later(
    kind: str, retry_after_s: float, attempt: int
) -> None:
    decision = decide(_told(kind, retry_after_s), attempt)
    assert isinstance(decision, Wait)
    assert retry_after_s <= decision.delay_s <= retry_after_s + min(5, retry_after_s / 10) + 1e-6


@pytest.mark.parametrize("kind", ["quota", "away"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_tasks_that_wait_for_the_same_moment_do_not_come_at_the_same_moment(
    kind: str, attempt: int
) -> None:
    delays = {decision.delay_s for decision in _decisions(_told(kind, 3600), attempt)}
    assert len(delays) == len(DRAWS)
    assert all(delay_s is not None and 3602.5 <= delay_s <= 3605 for delay_s in delays)


@pytest.mark.parametrize("error", QUOTA, ids=["not said", "0 seconds"])
def test_a_quota_that_does_not_say_when_costs_no_more_requests_than_the_schedule(
    error: BaseException,
) -> None:
    schedule = [60, 120, 240, 480, 900, 900, 900, 900, 900, 900, 900, 900]
    assert [decide(error, attempt) for attempt in ATTEMPTS] == [Wait(s) for s in schedule]


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
@pytest.mark.parametrize(
    ("attempt", "most_s"), list(zip(ATTEMPTS, [1, 2, 4, 8, 16, 32, *[60] * 6], strict=True))
)
def test_what_may_pass_is_retried_after_ever_longer_random_delays(
    error: BaseException, attempt: int, most_s: float
) -> None:
    decisions = _decisions(error, attempt)
    assert all(isinstance(decision, Retry) for decision in decisions)
    delays = [decision.delay_s for decision in decisions if decision.delay_s is not None]
    assert len(set(delays)) == len(DRAWS)
    assert 0 <= min(delays) < most_s / 2 < max(delays) <= most_s


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("error", LATER, ids=repr)
def test_everything_else_is_left_to_a_later_run(error: BaseException, attempt: int) -> None:
    assert decide(error, attempt) == Retry(None)


# Polls


def test_a_poll_fails_at_once_where_no_retry_helps_and_counts_nothing() -> None:
    for error in FAIL:
        policy = PollRetryPolicy(60)
        with pytest.raises(type(error)):
            policy.next_delay_s(error)  # type: ignore[arg-type] - all of them are ours
        assert policy.failures == 0


def test_the_fifth_failure_in_a_row_is_one_too_many() -> None:
    policy = PollRetryPolicy(60)
    for error in (BadResponse("x"), Unreachable("x"), NotFound(404, "views", "x"), TRANSIENT[0]):
        assert policy.next_delay_s(error) == 60  # type: ignore[arg-type] - it is ours
    assert policy.failures == MAX_FAILURES - 1
    with pytest.raises(Unreachable):
        policy.next_delay_s(Unreachable("x"))


def test_failures_of_another_process_count_and_a_success_resets_them() -> None:
    policy = PollRetryPolicy(60, failures=MAX_FAILURES - 1)
    with pytest.raises(Unreachable):
        policy.next_delay_s(Unreachable("x"))
    policy = PollRetryPolicy(60, failures=MAX_FAILURES - 1)
    policy.succeeded()
    assert policy.next_delay_s(Unreachable("x")) == 60
    assert policy.failures == 1


def test_a_spent_quota_is_no_failure_and_never_polls_within_the_interval() -> None:
    policy = PollRetryPolicy(300)
    silent = RateLimited(429, "views", "x")
    assert [policy.next_delay_s(silent) for _ in range(7)] == [300, 300, 300, 480, 900, 900, 900]
    assert policy.next_delay_s(RateLimited(429, "views", "x", retry_after_s=7)) == 300
    assert policy.failures == 0
    policy.succeeded()
    assert policy.next_delay_s(silent) == 300  # the schedule starts over
