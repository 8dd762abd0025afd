"""The retry policy: whether to fail, to wait or to retry after an error.

Everything that retries asks :func:`decide`: the client, Airflow's tasks, the sensor, the triggers.

==================================  =========  =====================================================
Error                               Decision   Delay
==================================  =========  =====================================================
ConfigError, AuthError, Superseded  ``Fail``   none: no retry helps
InvalidRequest                      ``Fail``   the same: every attempt sends the same values
RateLimited with ``Retry-After``    ``Wait``   the ``Retry-After``, plus 5 to 10 % of it, at most
                                               5 seconds
ServerError with ``Retry-After``    ``Wait``   the same
RateLimited without                 ``Wait``   1, 2, 4, 8, then 15 minutes: each attempt may spend a
                                               request of the quota
ServerError without, Unreachable    ``Retry``  random, up to 1, 2, 4 … 60 seconds
everything else                     ``Retry``  ``None``: the same request now would get the same
                                               response, but a later run may succeed
==================================  =========  =====================================================

Everything else is, for example, BadResponse, NotFound, another 4xx, CursorLost or StorageError.

What each caller does:

=======================  ==============  =============================  ============================
Caller                   ``Fail``        ``Wait``                       ``Retry``
=======================  ==============  =============================  ============================
the client, a request    raises          sleeps for the delay, within   the same; raises if the
                                         ``max_wait_s``                 delay is ``None``
a task                   fails, without  continues after the delay:     is retried after its own
                         a retry         deferred, rescheduled (3.4+)   ``retry_delay``
                                         or retried (3.3)
the sensor, its trigger  fails, without  polls after the delay, not     polls after the interval;
                         a retry         before the interval; this is   fails at the fifth failure
                                         no failure                     in a row
a watcher                logs it, polls  the same                       polls after the interval
                         on
=======================  ==============  =============================  ============================
"""

from __future__ import annotations

import random

import msgspec

from airflow_provider_docsanalytics.errors import (
    AuthError,
    ConfigError,
    DocsAnalyticsError,
    InvalidRequest,
    RateLimited,
    ServerError,
    Superseded,
    Unreachable,
)

MAX_FAILURES = 5
"""Consecutive failed polls, not counting those after which the service asked for a wait."""

_NON_RETRYABLE = (ConfigError, AuthError, InvalidRequest, Superseded)
_MAX_MARGIN_S = 5.0
_QUOTA_FIRST_S, _QUOTA_MAX_S = 60.0, 900.0
_TRANSIENT_FIRST_S, _TRANSIENT_MAX_S = 1.0, 60.0


class Fail(msgspec.Struct, frozen=True):
    """No retry helps, or none is allowed."""

    delay_s: None = None


class Wait(msgspec.Struct, frozen=True):
    """The service asks for a pause: send nothing before ``delay_s`` is over."""

    delay_s: float


class Retry(msgspec.Struct, frozen=True):
    """A retry may help: after ``delay_s``, or, where that is ``None``, in a later run only."""

    delay_s: float | None


Decision = Fail | Wait | Retry


def decide(error: BaseException, attempt: int) -> Decision:
    """Return what to do after an error.

    Args:
        error: what the attempt has raised.
        attempt: the number of the attempt, from 1. Delays that the service does not name grow
            with it.
    """
    if isinstance(error, _NON_RETRYABLE):
        return Fail()
    if isinstance(error, RateLimited | ServerError) and error.retry_after_s:
        # A little later than the service says: a quota comes back request by request, and other
        # tasks wait for the same moment.
        margin_s = min(error.retry_after_s / 10, _MAX_MARGIN_S)
        return Wait(error.retry_after_s + _between(margin_s / 2, margin_s))
    if isinstance(error, RateLimited):
        return Wait(_exponential_s(attempt, _QUOTA_FIRST_S, _QUOTA_MAX_S))
    if isinstance(error, ServerError | Unreachable):
        return Retry(_between(0.0, _exponential_s(attempt, _TRANSIENT_FIRST_S, _TRANSIENT_MAX_S)))
    return Retry(None)


def _between(low_s: float, high_s: float) -> float:
    return random.uniform(low_s, high_s)  # noqa: S311 - jitter, no secret


def _exponential_s(attempt: int, first_s: float, max_s: float) -> float:
    doublings = min(attempt - 1, 10)  # after hundreds of attempts the power is no float any more
    return min(first_s * 2.0**doublings, max_s)


class PollRetryPolicy:
    """Counts the consecutive failures of one poll and says when the next one is due.

    Args:
        interval_s: seconds between two polls that succeed.
        failures: consecutive failures so far, counted by another process.
    """

    def __init__(self, interval_s: float, failures: int = 0) -> None:
        self._interval_s = interval_s
        self._failures = failures
        self._waits = 0

    @property
    def failures(self) -> int:
        """Consecutive failures; waits that the service asked for are none."""
        return self._failures

    def succeeded(self) -> None:
        """Reset the count: a poll has succeeded."""
        self._failures = self._waits = 0

    def next_delay_s(self, error: DocsAnalyticsError) -> float:
        """Return the seconds until the next poll, never less than the interval.

        Raises:
            DocsAnalyticsError: the error itself, if no retry helps or it is one failure too many.
        """
        decision = decide(error, self._waits + 1)
        if isinstance(decision, Fail):
            raise error
        if isinstance(decision, Wait):
            self._waits += 1
            return max(self._interval_s, decision.delay_s)
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            raise error
        return self._interval_s
