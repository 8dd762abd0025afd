"""The attempts at one request: how many, how far apart, and when its window is too wide."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tenacity import RetryCallState, Retrying, retry_if_exception

from airflow_provider_docsanalytics._retry import decide
from airflow_provider_docsanalytics.api._status import TOO_WIDE
from airflow_provider_docsanalytics.errors import (
    ApiError,
    QuotaReached,
    RateLimited,
    ServerError,
    TooWide,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.api._deadline import Budget
    from airflow_provider_docsanalytics.api.endpoint import PageRequest
    from airflow_provider_docsanalytics.api.settings import Settings

log = logging.getLogger(__name__)

TIMEOUTS_BEFORE_SPLIT = 2
"""Responses 504, 522 or 524 for one window before its halves are requested instead."""


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
        settings: the number of attempts, and the limit for all waits together.
        sleep: sleeps for so many seconds.
        budget: the time that all attempts share.
        narrows: whether its window can be split, so that repeated 504s end the attempts early.
        once: whether its page size is on trial: then only a spent quota is retried.
    """
    timeouts = 0

    def stop(state: RetryCallState) -> bool:
        nonlocal timeouts
        error = _error_of(state)
        timeouts += getattr(error, "status", None) in TOO_WIDE
        return (
            state.attempt_number >= settings.max_attempts
            or budget.is_spent
            or state.idle_for + state.upcoming_sleep > settings.max_wait_s
            or (narrows and timeouts >= TIMEOUTS_BEFORE_SPLIT)
            or (once and not isinstance(error, RateLimited))
        )

    return Retrying(
        retry=retry_if_exception(_may_retry),
        wait=_delay_s,
        stop=stop,
        before_sleep=_log_wait,
        sleep=sleep,
        reraise=True,
    )


def too_wide(error: ApiError, request: PageRequest, settings: Settings) -> TooWide | None:
    """Return the error that names narrower windows, if the window may be the reason.

    ``None`` also if the service asks for a wait beyond ``max_wait_s``, because that comes first.
    """
    halves = request.window.halves() if request.window else None
    if error.status not in TOO_WIDE or halves is None:
        return None
    # A 4xx of this kind is about the request itself: a wait changes nothing.
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


def _may_retry(error: BaseException) -> bool:
    """Return whether another attempt may help; for the ledger's room, all there is was waited."""
    return not isinstance(error, QuotaReached) and decide(error, 1).delay_s is not None


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _delay_s(state: RetryCallState) -> float:
    error = _error_of(state)
    return (error and decide(error, state.attempt_number).delay_s) or 0.0


def _log_wait(state: RetryCallState) -> None:
    error = _error_of(state)
    log.warning(
        "%s Attempt %d failed; retrying in %.1f s",
        getattr(error, "summary", error),  # one line
        state.attempt_number,
        state.upcoming_sleep,
    )
