"""Retry policy of polls: which failures to wait out, for how long, and when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_docsanalytics._airflow_retry import NON_RETRYABLE, retry_delay_s

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.errors import DocsAnalyticsError

MAX_FAILURES = 5
"""Failed polls in a row, those aside that the service asked to wait, before giving up."""


class PollRetryPolicy:
    """Remembers the failures in a row of one poll.

    Args:
        interval_s: seconds between two polls when all is well.
        failures: failed polls in a row so far, where another process has begun.
    """

    def __init__(self, interval_s: float, failures: int = 0) -> None:
        self._interval_s = interval_s
        self._failures = failures
        self._refusals = 0

    @property
    def failures(self) -> int:
        """Failed polls in a row, a spent quota aside."""
        return self._failures

    def succeeded(self) -> None:
        """Forget the failures: the service has answered."""
        self._failures = self._refusals = 0

    def wait_s(self, error: DocsAnalyticsError) -> float:
        """Return the seconds until the next poll, never less than the interval.

        Raises:
            DocsAnalyticsError: the error itself, if no retry helps or it has come too often.
        """
        if isinstance(error, NON_RETRYABLE):
            raise error
        delay_s = retry_delay_s(error, self._refusals + 1)
        if delay_s is not None:
            self._refusals += 1
            return max(self._interval_s, delay_s)
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            raise error
        return self._interval_s
