"""How this provider's errors become Airflow's decisions: fail at once, wait, or try again."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics.errors import (
    AuthError,
    ConfigError,
    DocsAnalyticsError,
    RateLimited,
    ServerError,
    Superseded,
)
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterator

NON_RETRYABLE = (ConfigError, AuthError, Superseded)
"""What no retry can cure, or must not try to."""
_FIRST_WAIT_S = 60.0
_LONGEST_UNTOLD_WAIT_S = 900.0
_MARGIN_S = 5.0


def retry_delay_s(error: BaseException, try_number: int) -> float | None:
    """Return how long the service asks to be left alone; ``None`` if the error asks for no wait.

    That is for a spent quota, and for a failure that says when it will be over: a little more than
    told (to the second would be too early where the quota comes back request by request), and for
    a quota that does not say, from 1 to 15 minutes.
    """
    if not isinstance(error, RateLimited | ServerError):
        return None
    told_s = error.retry_after_s
    if told_s:
        return told_s + min(_MARGIN_S, told_s / 10)
    if not isinstance(error, RateLimited):
        return None
    doublings = min(try_number - 1, 10)  # hundreds of waits on, the power is no float any more
    return min(_FIRST_WAIT_S * 2.0**doublings, _LONGEST_UNTOLD_WAIT_S)


DEFAULT_RETRY_POLICY: Any = None
if AIRFLOW_V_3_3_PLUS:
    from airflow.sdk import RetryDecision, RetryPolicy

    class DocsAnalyticsRetryPolicy(RetryPolicy):
        """Fails at once what no retry can cure; retries when the service asked to be."""

        def evaluate(
            self,
            exception: BaseException,
            try_number: int,
            max_tries: int,  # noqa: ARG002 - the base class's signature
            context: Any = None,  # noqa: ARG002 - the base class's signature
        ) -> RetryDecision:
            """Return the decision for one failure."""
            if isinstance(exception, NON_RETRYABLE):
                return RetryDecision.fail(reason=type(exception).__name__)
            delay_s = retry_delay_s(exception, try_number)
            if delay_s is None:
                return RetryDecision.default()
            spent = isinstance(exception, RateLimited)
            reason = "the quota is spent" if spent else "the service asks to wait"
            return RetryDecision.retry(delay=timedelta(seconds=delay_s), reason=reason)

    DEFAULT_RETRY_POLICY = DocsAnalyticsRetryPolicy()


@contextmanager
def airflow_failures() -> Iterator[None]:
    """Before Airflow 3.3, which has retry policies: fail at once what no retry can cure."""
    try:
        yield
    except DocsAnalyticsError as error:
        if AIRFLOW_V_3_3_PLUS or not isinstance(error, NON_RETRYABLE):
            raise
        raise AirflowFailException(str(error)) from error
