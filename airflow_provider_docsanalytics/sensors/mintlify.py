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
    retry_delay_s,
)
from airflow_provider_docsanalytics._poll_retry import PollRetryPolicy
from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.parameters import (
    KeepsText,
    check_texts,
    flag,
    holds_template,
)
from airflow_provider_docsanalytics.sensors._modes import FailureMemory, as_when_poking
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook, Turn

QUOTA_PER_HOUR = 100
_LONGEST_STAY_S = 60.0
"""Until the next poke of one who cannot give the slot back, since that would forget the failure."""
_FAILED = "__fail__"
_TIMED_OUT = ("Trigger timeout", "Trigger/execution timeout")
"""What Airflow 3 and Airflow 2 say of a trigger whose time is up."""


class MintlifyConversationSensor(KeepsText, BaseSensorOperator):
    """Waits until conversation turns have come in; each poke costs one request.

    The same in every mode, deferrable included: a spent quota is waited out; a refused key and
    wrong parameters fail at once; of other failures four in a row are sat out, and the fifth fails
    the task. ``soft_fail`` makes a ``timeout`` a skip and nothing else, ``never_fail`` all failures
    but a timeout, as Airflow has it for poking; with ``silent_fail`` they are logged and waited on.

    Args:
        since: turns at or after this moment count, ISO 8601, no zone means UTC (templated).
            Default: the start of the run's data interval, else its logical date.
        minimum: how many turns it takes, 1 to 1000; a row without a timestamp is none.
        resolution_status: count ``answered`` or ``unanswered`` turns only. Then one page, up to
            1000 turns, is looked at.
        project_id: default: the connection's login (templated).
        mintlify_conn_id: the connection (templated).
        deferrable: wait in the triggerer. Default: ``[operators] default_deferrable``.
        poke_interval: more than 0 seconds; default 15 minutes: 4 requests of the hourly 100.
        retry_policy: as in :class:`~.operators._export.ExportOperator`.

    Returns:
        (XCom) ``count`` of the turns seen (at least ``minimum``, not necessarily all there are),
        ``newest``: the newest timestamp among them.

    Raises:
        ConfigError: a parameter is out of range; where it is no template, when the Dag is parsed.
    """

    template_fields: Sequence[str] = ("since", "project_id", "mintlify_conn_id")
    custom_operator_name = "Mintlify conversations"
    ui_color = "#e6f2ec"

    def __init__(
        self,
        *,
        since: str | datetime | None = None,
        minimum: int = 1,
        resolution_status: str | None = None,
        project_id: str | None = None,
        mintlify_conn_id: str = "mintlify_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: timedelta | float = timedelta(minutes=15),
        retry_policy: Any = DEFAULT_RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        _check(since, minimum, resolution_status, poke_interval)
        flag("deferrable", deferrable)
        if AIRFLOW_V_3_3_PLUS:
            kwargs["retry_policy"] = retry_policy
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.since = since
        self.minimum = minimum
        self.resolution_status = resolution_status
        self.project_id = project_id
        self.mintlify_conn_id = mintlify_conn_id
        self.deferrable = deferrable
        self._quiet_until = 0.0
        check_texts(self, parsing=True)

    @cached_property
    def hook(self) -> MintlifyHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        return MintlifyHook(self.mintlify_conn_id)

    @cached_property
    def _policy(self) -> PollRetryPolicy:
        return PollRetryPolicy(self.poke_interval)

    def execute(self, context: Context) -> Any:
        """Wait; return what was seen."""
        self._warn_of_the_quota()
        with airflow_failures():
            check_texts(self)
            if not self.deferrable:
                return self._wait(context)
            with as_when_poking(self):
                first = self._first_look(context)
            if first.is_done:
                return first.xcom_value
            self._defer(context)
        return None

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Resume as Airflow asks to, and end as a sensor that pokes would.

        Airflow's sensors make a skip of whatever a deferred one fails with, if ``soft_fail`` is
        set: of a refused key, too.
        """
        with airflow_failures(), as_when_poking(self):
            if next_method == _FAILED and (next_kwargs or {}).get("error") in _TIMED_OUT:
                raise AirflowSensorTimeout(f"Not enough turns within timeout={self.timeout:g} s.")
            resume = super(BaseSensorOperator, self).resume_execution
            return resume(next_method, next_kwargs, context)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:  # noqa: ARG002 - Airflow passes it
        """Return what the trigger has seen, or fail as it did."""
        match event:
            case {"status": "seen", "count": count, "newest": newest}:
                return {"count": count, "newest": newest}
            case {"status": "failed", "error": error, "curable": curable}:
                raise (AirflowException if curable else AirflowFailException)(error)
        raise AirflowException(f"Resumed by an event that this provider does not give: {event!r}")

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask once, unless the quota is known to be spent."""
        from airflow_provider_docsanalytics.hooks.mintlify import summary

        if time.monotonic() < self._quiet_until:
            return PokeReturnValue(is_done=False)
        seen = self._look(context)
        if seen is None:
            return PokeReturnValue(is_done=False)
        self.log.info("%d turns seen of %d waited for", len(seen), self.minimum)
        return PokeReturnValue(is_done=len(seen) >= self.minimum, xcom_value=summary(seen))

    def _wait(self, context: Context) -> Any:
        """Poke until it is done, in the slot or in slots of its own, but not before it is due."""
        try:
            return super().execute(context)
        except AirflowRescheduleException as again:
            due = datetime.now(UTC) + timedelta(seconds=self._quiet_until - time.monotonic())
            if due <= again.reschedule_date:
                raise
        raise AirflowRescheduleException(due)  # type: ignore[no-untyped-call]

    def _first_look(self, context: Context) -> PokeReturnValue:
        """Poke before deferring."""
        try:
            return self.poke(context)
        except DocsAnalyticsError as error:
            if not self.silent_fail:
                raise
            self.log.error("%s", error)  # noqa: TRY400 - said in full
        return PokeReturnValue(is_done=False)

    def _look(self, context: Context) -> tuple[Turn, ...] | None:
        """Return the turns, or ``None`` after a failure that is sat out.

        In ``mode="reschedule"`` the next poke is another process's, which is told of the failures.
        Where Airflow cannot tell it (before 3.3), the failing stays in this one.
        """
        memory = FailureMemory(context) if self.reschedule and not self.deferrable else None
        if memory and memory.failures:
            self._policy = PollRetryPolicy(self.poke_interval, memory.failures)
        while True:
            try:
                seen = self._ask(context)
            except DocsAnalyticsError as error:
                if self._sit_out(error, memory):
                    return None
                continue
            self._policy.succeeded()
            if memory:
                memory.forget()
            return seen

    def _sit_out(self, error: DocsAnalyticsError, memory: FailureMemory | None) -> bool:
        """Return whether the slot may be given back until the next poke is due; else wait here."""
        try:
            wait_s = self._policy.wait_s(error)
        except DocsAnalyticsError:
            if memory:
                memory.forget()
            raise
        told = memory is None or memory.keep(self._policy.failures)
        if stays := not told and retry_delay_s(error, 1) is None:
            wait_s = min(wait_s, _LONGEST_STAY_S)
        self.log.warning("%s Asking again in %.0f s", error, wait_s)
        if stays:
            time.sleep(wait_s)
        else:
            self._quiet_until = time.monotonic() + wait_s
        return not stays

    def _ask(self, context: Context) -> tuple[Turn, ...]:
        from airflow_provider_docsanalytics.hooks.mintlify import connection_must_exist

        with connection_must_exist():
            return self.hook.find_conversations(
                since=self._since(context),
                minimum=self.minimum,
                resolution_status=self.resolution_status,
                project_id=self.project_id,
            )

    def _defer(self, context: Context) -> None:
        from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

        wait_s = max(self.poke_interval, self._quiet_until - time.monotonic())
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
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def _since(self, context: Context) -> str:
        from airflow_provider_docsanalytics.window import iso_ms, parse_instant

        since = self.since
        if since is None:
            since = context.get("data_interval_start") or context.get("logical_date")
        if since is None:
            raise ConfigError(
                "This run has no date: pass since, the moment from which turns count."
            )
        return iso_ms(parse_instant(since, "since"))

    def _warn_of_the_quota(self) -> None:
        pokes = 3600 / self.poke_interval
        if pokes > QUOTA_PER_HOUR / 2:
            self.log.warning(
                "poke_interval=%g s is %.0f requests an hour, of the %d that the whole "
                "organisation has; 15 minutes are 4.",
                self.poke_interval,
                pokes,
                QUOTA_PER_HOUR,
            )


def _check(
    since: object, minimum: object, resolution_status: object, poke_interval: object
) -> None:
    """Refuse what is wrong and holds no template, as the trigger does."""
    from airflow_provider_docsanalytics.hooks.mintlify import check_condition, check_interval
    from airflow_provider_docsanalytics.window import parse_instant

    check_condition(minimum, resolution_status)
    check_interval("poke_interval", poke_interval)
    if since is not None and not holds_template(since):
        parse_instant(since, "since")
