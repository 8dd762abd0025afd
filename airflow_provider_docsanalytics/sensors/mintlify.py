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
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.failures import (
    DEFAULT_RETRY_POLICY,
    airflow_failures,
    retry_delay_s,
)
from airflow_provider_docsanalytics.patience import Patience
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

QUOTA_PER_HOUR = 100


class MintlifyConversationSensor(BaseSensorOperator):
    """Waits until conversation turns have come in; each poke costs one request.

    A spent quota is waited out. A refused key and wrong parameters fail at once. Other failures
    are sat out, up to five in a row; in ``mode="reschedule"``, which remembers nothing, the first
    of them fails the task, and its ``retries`` count.

    Args:
        since: turns at or after this moment count, ISO 8601, no zone means UTC (templated).
            Default: the start of the run's data interval, else its logical date.
        minimum: how many turns it takes, 1 to 1000.
        resolution_status: count ``answered`` or ``unanswered`` turns only. Then one page, up to
            1000 turns, is looked at.
        project_id: default: the connection's login (templated).
        mintlify_conn_id: the connection (templated).
        deferrable: wait in the triggerer. Default: ``[operators] default_deferrable``.
        poke_interval: default 15 minutes: 4 requests of the hourly 100.
        retry_policy: as in :class:`~.operators.base.ExportOperator`.

    Returns:
        (XCom) ``count`` of the turns seen (at least ``minimum``, not necessarily all there are),
        ``newest``: the newest timestamp among them.
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

    @cached_property
    def hook(self) -> MintlifyHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        return MintlifyHook(self.mintlify_conn_id)

    @cached_property
    def _patience(self) -> Patience:
        return Patience(self.poke_interval)

    def execute(self, context: Context) -> Any:
        """Wait; return what was seen."""
        with airflow_failures():
            self._check_interval()
            if not self.deferrable:
                return super().execute(context)
            first = self.poke(context)
            if first.is_done:
                return first.xcom_value
            self._defer(context)
        return None

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
        from airflow_provider_docsanalytics.hooks.mintlify import in_short

        if time.monotonic() < self._quiet_until:
            return PokeReturnValue(is_done=False)
        try:
            seen = self.hook.see_conversations(
                since=self._since(context),
                minimum=self.minimum,
                resolution_status=self.resolution_status,
                project_id=self.project_id,
            )
        except DocsAnalyticsError as error:
            self._sit_out(error)
            return PokeReturnValue(is_done=False)
        self._patience.succeeded()
        self.log.info("%d turns seen of %d waited for", len(seen), self.minimum)
        return PokeReturnValue(is_done=len(seen) >= self.minimum, xcom_value=in_short(seen))

    def _sit_out(self, error: DocsAnalyticsError) -> None:
        """Return if the next poke may go on, and see to it that it is not too early."""
        if self.reschedule and not self.deferrable and retry_delay_s(error, 1) is None:
            raise error
        wait_s = self._patience.wait_s(error)
        self.log.warning("%s Asking again in %.0f s", error, wait_s)
        if self.reschedule and not self.deferrable:
            due = datetime.now(UTC) + timedelta(seconds=wait_s)
            raise AirflowRescheduleException(due)  # type: ignore[no-untyped-call]
        self._quiet_until = time.monotonic() + wait_s

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

    def _check_interval(self) -> None:
        if self.poke_interval <= 0:
            raise ConfigError(f"poke_interval={self.poke_interval}: expected more than 0 seconds.")
        pokes = 3600 / self.poke_interval
        if pokes > QUOTA_PER_HOUR / 2:
            self.log.warning(
                "poke_interval=%g s is %.0f requests an hour, of the %d that the whole "
                "organisation has; 15 minutes are 4.",
                self.poke_interval,
                pokes,
                QUOTA_PER_HOUR,
            )
