"""The retry policy in Airflow's terms: a ``RetryPolicy`` on 3.3+, ``AirflowFailException`` before.

:mod:`._retry` decides, and its table says what becomes of which error.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics._retry import Fail, Wait, decide
from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ConfigError,
    DocsAnalyticsError,
    RateLimited,
)
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS, AIRFLOW_V_3_4_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESCHEDULE_TIMEOUT = LONGEST_RETRY_AFTER
"""How long one try is rescheduled. The quota is per hour and each run of the task resumes after the
last stored page, so a day reads 24 quotas; no response asks for a longer wait."""
_SHORTEST_RESCHEDULE = timedelta(minutes=1)
"""So one try is rescheduled 1440 times at most: each starts a process and may cost a request."""

DEFAULT_RETRY_POLICY: Any = None
if AIRFLOW_V_3_3_PLUS:
    from airflow.sdk import RetryDecision, RetryPolicy

    class DocsAnalyticsRetryPolicy(RetryPolicy):
        """Fails at once where no retry helps; runs the task again when a spent quota returns.

        It does the same if the service says how long it is away. Airflow 3.4+ reschedules the task
        for up to a day, which uses no retry; Airflow 3.3 retries it. All other errors are retried
        as the task's ``retries`` and ``retry_delay`` say, and so is a wait of more than that day.
        """

        def evaluate(
            self,
            exception: BaseException,
            try_number: int,
            max_tries: int,  # noqa: ARG002 - the base class's signature
            context: Any = None,
        ) -> RetryDecision:
            """Return the decision for one failure."""
            reschedules = (context or {}).get("task_reschedule_count") or 0
            decision = decide(exception, try_number + reschedules)
            if isinstance(decision, Fail):
                return RetryDecision.fail(reason=type(exception).__name__)
            if isinstance(decision, Wait):
                spent = isinstance(exception, RateLimited)
                reason = "the quota is spent" if spent else "the service asks to wait"
                delay = timedelta(seconds=decision.delay_s)
                return _run_again(delay, reason)
            return RetryDecision.default()

    def _run_again(delay: timedelta, reason: str) -> RetryDecision:
        if not AIRFLOW_V_3_4_PLUS:
            return RetryDecision.retry(delay=delay, reason=reason)
        decision: RetryDecision = RetryDecision.reschedule(  # type: ignore[attr-defined]
            max(delay, _SHORTEST_RESCHEDULE), reschedule_timeout=_RESCHEDULE_TIMEOUT, reason=reason
        )
        return decision

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
