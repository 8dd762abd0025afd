"""A sensor for new assistant conversations."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_docsanalytics._airflow_retry import (
    DEFAULT_RETRY_POLICY,
    airflow_failures,
    check_retry_policy,
)
from airflow_provider_docsanalytics._rendering import KeepsText
from airflow_provider_docsanalytics._retry import PollRetryPolicy, Wait, decide
from airflow_provider_docsanalytics._run_interval import run_interval
from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.parameters import (
    check_texts,
    flag,
    holds_template,
    share,
)
from airflow_provider_docsanalytics.sensors._modes import FailureCount, as_when_poking
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk import RetryPolicy

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook, Resolution, Turn
    from airflow_provider_docsanalytics.parameters import Reference

QUOTA_PER_HOUR = 100
_MAX_SLEEP_S = 60.0
"""Until the next poke of a sensor that keeps its slot, because a reschedule would lose the count of
its failures."""
_FAILED = "__fail__"
_TIMED_OUT = ("Trigger timeout", "Trigger/execution timeout")
"""The errors of a trigger that has timed out, in Airflow 3 and in Airflow 2."""


class MintlifyConversationSensor(KeepsText, BaseSensorOperator):
    """Waits until conversation turns have come in; each poke costs one request.

    It behaves the same in every mode, deferrable included. While the quota is spent, it waits. A
    refused key and wrong parameters fail the task at once. Of other failures, the fifth in a row
    fails the task. As in Airflow's own sensors that poke, ``soft_fail`` skips the task on a
    ``timeout`` only, and ``never_fail`` on every failure but a timeout. ``silent_fail`` logs
    failures and keeps waiting.

    Args:
        since: turns at or after this moment count, ISO 8601, no zone means UTC (templated).
            Default: the start of the run's data interval; for a run without a logical date, of the
            interval that its timetable gives to the moment at which it was due, else that moment.
        minimum: the number of turns to wait for, 1 to 1000; a row without a timestamp is no turn.
        resolution_status: count ``answered`` or ``unanswered`` turns only. Then a poke reads one
            page, up to 1000 turns.
        project_id: default: the connection's login (templated).
        mintlify_conn_id: the connection (templated).
        deferrable: wait in the triggerer. Default: ``[operators] default_deferrable``.
        poke_interval: more than 0 seconds; default 15 minutes: 4 requests of the hourly 100.
        quota_share: as in :class:`~.operators._export.ExportOperator`.
        retry_policy: as in :class:`~.operators._export.ExportOperator`.

    Returns:
        (XCom) ``count`` of the turns found (at least ``minimum``, not necessarily all there are),
        ``newest``: the newest timestamp among them.

    Raises:
        ConfigError: a parameter is out of range; without a template, when the Dag is parsed.
    """

    template_fields: Sequence[str] = ("since", "project_id", "mintlify_conn_id")
    custom_operator_name = "Mintlify conversations"
    ui_color = "#e6f2ec"

    def __init__(
        self,
        *,
        since: str | date | Reference | None = None,
        minimum: int = 1,
        resolution_status: Resolution | None = None,
        project_id: str | Reference | None = None,
        mintlify_conn_id: str | Reference = "mintlify_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: timedelta | float = timedelta(minutes=15),
        quota_share: float = 1.0,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        _check(since, minimum, resolution_status, poke_interval)
        share("quota_share", quota_share)
        flag("deferrable", deferrable)
        check_retry_policy(retry_policy)
        if AIRFLOW_V_3_3_PLUS:
            kwargs["retry_policy"] = retry_policy
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.since = since
        self.minimum = minimum
        self.resolution_status = resolution_status
        # What templates and other tasks give is checked when the task runs.
        self.project_id: Any = project_id
        self.mintlify_conn_id: Any = mintlify_conn_id
        self.deferrable = deferrable
        self.quota_share = quota_share
        self._next_poke = 0.0  # by the monotonic clock
        check_texts(self, parsing=True)

    @cached_property
    def hook(self) -> MintlifyHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        return MintlifyHook(self.mintlify_conn_id, quota_share=self.quota_share)

    @cached_property
    def _policy(self) -> PollRetryPolicy:
        return PollRetryPolicy(self.poke_interval)

    def execute(self, context: Context) -> Any:
        """Wait; return what was found."""
        self._warn_of_the_quota()
        with airflow_failures():
            check_texts(self)
            if not self.deferrable:
                return self._poke_until_done(context)
            with as_when_poking(self):
                first = self._first_poke(context)
            if first.is_done:
                return first.xcom_value
            self._defer(context)
        return None

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Resume after the trigger, and end as a sensor that pokes would.

        With ``soft_fail``, Airflow's sensors skip a deferred task on every failure, a refused key
        included.
        """
        with airflow_failures(), as_when_poking(self):
            if next_method == _FAILED and (next_kwargs or {}).get("error") in _TIMED_OUT:
                raise AirflowSensorTimeout(
                    f"Found fewer than minimum={self.minimum} conversation turns within "
                    f"timeout={self.timeout:g} s.\nIncrease timeout, or decrease minimum."
                )
            resume = super(BaseSensorOperator, self).resume_execution
            return resume(next_method, next_kwargs, context)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:  # noqa: ARG002 - Airflow passes it
        """Return what the trigger has found, or fail as it did."""
        match event:
            case {"status": "seen", "count": count, "newest": newest}:
                return {"count": count, "newest": newest}
            case {"status": "failed", "error": error, "curable": is_retryable}:
                raise (AirflowException if is_retryable else AirflowFailException)(error)
        raise AirflowException(
            f"Resumed by an event that this provider does not send: {event!r:.200}\n"
            "Clear the task. If it fails again, restart the triggerer: it runs another version of "
            "this provider."
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Send one request, unless the quota is known to be spent."""
        from airflow_provider_docsanalytics.hooks.mintlify import summary

        turns = self._poll(context) if time.monotonic() >= self._next_poke else None
        if turns is None:
            return PokeReturnValue(is_done=False)
        self.log.info("Found %d of %d conversation turns", len(turns), self.minimum)
        return PokeReturnValue(is_done=len(turns) >= self.minimum, xcom_value=summary(turns))

    def _poke_until_done(self, context: Context) -> Any:
        """Poke, as the mode says, but never before the next request is due."""
        try:
            return super().execute(context)
        except AirflowRescheduleException as rescheduled:
            due = datetime.now(UTC) + timedelta(seconds=self._next_poke - time.monotonic())
            if due <= rescheduled.reschedule_date:
                raise
        raise AirflowRescheduleException(due)  # type: ignore[no-untyped-call]

    def _first_poke(self, context: Context) -> PokeReturnValue:
        """Poke before deferring."""
        try:
            return self.poke(context)
        except DocsAnalyticsError as error:
            if not self.silent_fail:
                raise
            self.log.error("%s", error)  # noqa: TRY400 - the message says it all
        return PokeReturnValue(is_done=False)

    def _poll(self, context: Context) -> tuple[Turn, ...] | None:
        """Return the turns, or ``None`` after a failure that a later poke may not have.

        With ``mode="reschedule"`` the next poke is another process, which gets the count of the
        failures. Where Airflow has no place for that (before 3.3), this process retries.
        """
        count = FailureCount(context) if self.reschedule and not self.deferrable else None
        if count and count.failures:
            self._policy = PollRetryPolicy(self.poke_interval, count.failures)
        while True:
            try:
                turns = self._find_turns(context)
            except DocsAnalyticsError as error:
                if self._back_off(error, count):
                    return None
                continue
            self._policy.succeeded()
            if count:
                count.reset()
            return turns

    def _back_off(self, error: DocsAnalyticsError, count: FailureCount | None) -> bool:
        """Return whether the next poke retries; else sleep until a retry is due here."""
        try:
            delay_s = self._policy.next_delay_s(error)
        except DocsAnalyticsError:
            if count:
                count.reset()
            raise
        is_saved = count is None or count.save(self._policy.failures)
        if sleeps := not is_saved and not isinstance(decide(error, 1), Wait):
            delay_s = min(delay_s, _MAX_SLEEP_S)
        self.log.warning("%s\nPolling again in %.0f s", error, delay_s)
        if sleeps:
            time.sleep(delay_s)
        else:
            self._next_poke = time.monotonic() + delay_s
        return not sleeps

    def _find_turns(self, context: Context) -> tuple[Turn, ...]:
        return self.hook.find_conversations(
            since=self._since(context),
            minimum=self.minimum,
            resolution_status=self.resolution_status,
            project_id=self.project_id,
        )

    def _defer(self, context: Context) -> None:
        from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

        wait_s = max(self.poke_interval, self._next_poke - time.monotonic())
        self.defer(
            trigger=MintlifyConversationTrigger(
                since=self._since(context),
                minimum=self.minimum,
                resolution_status=self.resolution_status,
                project_id=self.project_id,
                mintlify_conn_id=self.mintlify_conn_id,
                poke_interval_s=self.poke_interval,
                once=True,
                not_before=(datetime.now(UTC) + timedelta(seconds=wait_s)).isoformat(),
                failures=self._policy.failures,
                silent_fail=self.silent_fail,
                quota_share=self.quota_share,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def _since(self, context: Context) -> str:
        from airflow_provider_docsanalytics.window import iso_ms, parse_instant

        since = run_interval(context)[0] if self.since is None else self.since
        if since is None:
            raise ConfigError(
                "since is not set, and this run has no date at all.\n"
                "Pass since, the moment from which turns count."
            )
        return iso_ms(parse_instant(since, "since"))

    def _warn_of_the_quota(self) -> None:
        pokes = 3600 / self.poke_interval
        if pokes > QUOTA_PER_HOUR / 2:
            self.log.warning(
                "poke_interval=%g s sends %.0f requests an hour, of the %d that the organisation "
                "has. 900 s (15 minutes) sends 4.",
                self.poke_interval,
                pokes,
                QUOTA_PER_HOUR,
            )


def _check(
    since: object, minimum: object, resolution_status: object, poke_interval: object
) -> None:
    """Refuse a wrong value that holds no template, as the trigger does."""
    from airflow_provider_docsanalytics.hooks.mintlify import check_condition, check_interval
    from airflow_provider_docsanalytics.window import parse_instant

    check_condition(minimum, resolution_status)
    check_interval("poke_interval", poke_interval)
    if since is not None and not holds_template(since):
        parse_instant(since, "since")
