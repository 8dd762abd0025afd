"""When a request is sent again, how long after, and when its window is given up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_random_exponential,
)

from airflow_provider_docsanalytics.api._status import TOO_WIDE
from airflow_provider_docsanalytics.errors import (
    ApiError,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.api._deadline import Budget
    from airflow_provider_docsanalytics.api.endpoint import PageRequest
    from airflow_provider_docsanalytics.api.settings import Settings

log = logging.getLogger(__name__)

TIMEOUTS_BEFORE_HALVING = 2
"""Answers 504, 522 or 524 for one window, before its halves are asked for in its place."""

_BACKOFF = wait_random_exponential(multiplier=1, max=60)
_QUOTA_BACKOFF = wait_random_exponential(multiplier=15, max=900, min=15)
"""For a 429 that does not say when to come back: each try may spend a request of the quota."""


def attempts(
    settings: Settings,
    sleep: Callable[[float], None],
    budget: Budget,
    *,
    narrows: bool,
    once: bool,
) -> Retrying:
    """Return what sends one request as often as the settings and the budget allow.

    Args:
        settings: how often, and how long the waits may be.
        sleep: waits so many seconds.
        budget: the time that all attempts share.
        narrows: whether its window can be halved, so that 504s need not be sat out to the end.
        once: whether its page size is on trial: sent again after a spent quota alone.
    """
    timeouts = 0

    def stop(state: RetryCallState) -> bool:
        nonlocal timeouts
        error = state.outcome.exception() if state.outcome else None
        timeouts += getattr(error, "status", None) in TOO_WIDE
        return (
            state.attempt_number >= settings.max_attempts
            or budget.is_spent
            or state.idle_for + state.upcoming_sleep > settings.max_wait_s
            or (narrows and timeouts >= TIMEOUTS_BEFORE_HALVING)
            or (once and not isinstance(error, RateLimited))
        )

    return Retrying(
        retry=retry_if_exception(_is_transient),
        wait=_wait,
        stop=stop,
        before_sleep=_say_wait,
        sleep=sleep,
        reraise=True,
    )


def too_wide(error: ApiError, ask: PageRequest, settings: Settings) -> TooWide | None:
    """Return the error that names narrower windows, where the window may be what is wrong.

    It is not where the service asks for a wait that is too long for a worker: that comes first.
    """
    halves = ask.window.halves() if ask.window else None
    if error.status not in TOO_WIDE or halves is None:
        return None
    # A 4xx of this kind is about the request itself: to wait changes nothing.
    wait_s = error.retry_after_s if isinstance(error, ServerError) else None
    if wait_s and wait_s > settings.max_wait_s:
        return None
    named = " and ".join(str(half) for half in halves)
    return TooWide(
        error.status,
        error.endpoint,
        error.detail,
        halves=named,
        retry_after_s=wait_s,
    )


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, RateLimited | ServerError | Unreachable)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = getattr(error, "retry_after_s", None)
    backoff = _BACKOFF(state)
    if told is not None:
        # A little more than told: several tasks wait for the same moment.
        return float(told) + min(backoff, 5.0)
    return _QUOTA_BACKOFF(state) if isinstance(error, RateLimited) else backoff


def _say_wait(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    what = getattr(error, "summary", error)
    log.warning("%s Attempt %d; waiting %.1f s", what, state.attempt_number, state.upcoming_sleep)
