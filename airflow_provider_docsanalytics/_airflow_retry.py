"""The retry policy in Airflow's terms: a ``RetryPolicy`` on 3.3+, ``AirflowFailException`` before.

:mod:`._retry` decides, and its table says what becomes of which error.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics._retry import Fail, Wait, decide
from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError, RateLimited
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_RETRY_POLICY: Any = None
if AIRFLOW_V_3_3_PLUS:
    from airflow.sdk import RetryDecision, RetryPolicy

    class DocsAnalyticsRetryPolicy(RetryPolicy):
        """Fails at once where no retry helps; retries a spent quota when it returns.

        So it does with a service that says how long it is away. All other errors are retried as
        the task's ``retries`` and ``retry_delay`` say.
        """

        def evaluate(
            self,
            exception: BaseException,
            try_number: int,
            max_tries: int,  # noqa: ARG002 - the base class's signature
            context: Any = None,  # noqa: ARG002 - the base class's signature
        ) -> RetryDecision:
            """Return the decision for one failure."""
            decision = decide(exception, try_number)
            if isinstance(decision, Fail):
                return RetryDecision.fail(reason=type(exception).__name__)
            if isinstance(decision, Wait):
                spent = isinstance(exception, RateLimited)
                reason = "the quota is spent" if spent else "the service asks to wait"
                delay = timedelta(seconds=decision.delay_s)
                return RetryDecision.retry(delay=delay, reason=reason)
            return RetryDecision.default()

    DEFAULT_RETRY_POLICY = DocsAnalyticsRetryPolicy()


def check_retry_policy(policy: object) -> None:
    """Raise :class:`ConfigError` for anything but a retry policy, where Airflow has them."""
    if AIRFLOW_V_3_3_PLUS and not isinstance(policy, RetryPolicy | None):
        raise ConfigError(
            f"retry_policy={policy!r:.100} is not a retry policy.\n"
            "Pass an instance of airflow.sdk.RetryPolicy, or None for the task's own retries."
        )


@contextmanager
def airflow_failures() -> Iterator[None]:
    """Before Airflow 3.3, which has retry policies: fail at once where no retry helps."""
    try:
        yield
    except DocsAnalyticsError as error:
        if AIRFLOW_V_3_3_PLUS or not isinstance(decide(error, 1), Fail):
            raise
        raise AirflowFailException(str(error)) from error
