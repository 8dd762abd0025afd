"""The trigger for new conversations: of a deferred sensor, or of an asset's watcher."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_docsanalytics._retry import Fail, PollRetryPolicy, decide
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.hooks.mintlify import (
    check_condition,
    check_interval,
    matching,
    summary,
)
from airflow_provider_docsanalytics.parameters import checked_id, connection_id, flag, share, whole
from airflow_provider_docsanalytics.triggers._shared_poll import PollProducer, Source, poll_of
from airflow_provider_docsanalytics.triggers._threads import run_in_thread
from airflow_provider_docsanalytics.triggers._watermark import Watermark
from airflow_provider_docsanalytics.triggers._watermark_store import WatermarkStore, digest
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from airflow_provider_docsanalytics.window import iso_ms, parse_instant

if TYPE_CHECKING or AIRFLOW_V_3_0_PLUS:
    from airflow.triggers.base import BaseEventTrigger
else:
    from airflow.triggers.base import BaseTrigger as BaseEventTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook, Resolution, Turn
    from airflow_provider_docsanalytics.triggers._shared_poll import Poll, PollResult
    from airflow_provider_docsanalytics.triggers._watermark import Batch


class _RefusedError(ConfigError, TypeError):
    """A wrong argument. On a ``TypeError`` a triggerer fails one trigger; other errors end it.

    An argument that an older version has accepted must not end all triggers.
    """


class MintlifyConversationTrigger(BaseEventTrigger):
    """Polls for new conversation turns, one request a poll; none of its parameters is secret.

    In an ``AssetWatcher`` (Airflow 3.0+) it never ends, and each batch of at least ``minimum`` new
    turns is one event: ``count``, ``oldest``, ``newest``, ``unanswered``, and ``more`` if a poll's
    page of 1000 had no room for all. On 3.3+ all watchers with the same connection, project and
    interval share one poll, and the watermark of each is in the asset state store: a triggerer that
    restarts resumes there. Watchers of one asset that differ in connection, project, ``minimum`` or
    ``resolution_status`` each have their own watermark. Turns are announced at least once, whatever
    the clocks say: a triggerer that is killed within a second or two of an event may announce it
    again.

    Args:
        since: turns at or after this moment count, ISO 8601. Default for a watcher without a
            watermark: an interval before it starts.
        minimum: the number of turns to wait for, 1 to 1000; a row without a timestamp is no turn.
        resolution_status: count ``answered`` or ``unanswered`` turns only.
        project_id: default: the connection's login.
        mintlify_conn_id: the connection.
        poke_interval_s: seconds between two polls, more than 0.
        once: for a deferred task: end with one event, which says that there are enough turns, or
            that no retry helps. A watcher logs failures and keeps polling.
        not_before: with ``once``, the moment of the first poll, ISO 8601 with a zone; default: an
            interval from now. A moment, so that a triggerer that restarts does not start the wait
            over.
        failures: with ``once``, the consecutive failures of the sensor itself.
        silent_fail: with ``once``, log a failure that would end the wait, and keep polling.
        quota_share: as in :class:`~.operators._export.ExportOperator`.

    Raises:
        ConfigError: a parameter is out of range.
    """

    def __init__(
        self,
        *,
        since: str | date | None = None,
        minimum: int = 1,
        resolution_status: Resolution | None = None,
        project_id: str | None = None,
        mintlify_conn_id: str = "mintlify_default",
        poke_interval_s: float = 900.0,
        once: bool = False,
        not_before: str | None = None,
        failures: int = 0,
        silent_fail: bool = False,
        quota_share: float = 1.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        try:
            check_condition(minimum, resolution_status)
            seconds = check_interval("poke_interval_s", poke_interval_s)
            for name, moment in (("since", since), ("not_before", not_before)):
                if moment is not None:
                    parse_instant(moment, name)
            flag("once", once)
            if once and since is None:
                raise ConfigError(  # noqa: TRY301 - as the checks around it
                    "once=True without since.\nPass since, the moment from which turns count."
                )
            flag("silent_fail", silent_fail)
            self.quota_share = share("quota_share", quota_share)
            whole("failures", failures, least=0)
            connection_id("mintlify_conn_id", mintlify_conn_id)
            self.project_id = None if project_id is None else checked_id("project_id", project_id)
        except ConfigError as error:
            raise _RefusedError(str(error)) from None
        self.since = _as_text(since)
        self.minimum = minimum
        self.resolution_status = resolution_status
        self.mintlify_conn_id = mintlify_conn_id
        is_number = isinstance(poke_interval_s, int | float)
        self.poke_interval_s = poke_interval_s if is_number else seconds
        self.once = once
        # A watcher belongs to no task and so to no queue. Airflow 3.4 has the second name.
        self.supports_triggerer_queue = self.trigger_queue_inherited_from_task = once
        self.not_before = _as_text(not_before)
        self.failures = failures
        self.silent_fail = silent_fail

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        of_a_task = {"failures": self.failures, "silent_fail": self.silent_fail}
        return (
            "airflow_provider_docsanalytics.triggers.mintlify.MintlifyConversationTrigger",
            {
                "since": self.since,
                "minimum": self.minimum,
                "resolution_status": self.resolution_status,
                "project_id": self.project_id,
                "mintlify_conn_id": self.mintlify_conn_id,
                "poke_interval_s": self.poke_interval_s,
                "once": self.once,
                "not_before": self.not_before,
                "quota_share": self.quota_share,
                **(of_a_task if self.once else {}),
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event of a deferred task, or a watcher's events before Airflow 3.3."""
        if self.once:
            yield await self._poll_until_done()
            return
        poll = poll_of((self._source, self.trigger_id))
        async for event in self._announce(poll.results(self._source), poll):
            yield event

    def shared_stream_key(self) -> Source | None:
        """Return what watchers have in common that share one poll."""
        return None if self.once else self._source

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> Any:
        """Return the shared poll, as Airflow 3.3+ runs it."""
        return PollProducer(cls(**kwargs)._source)  # noqa: SLF001 - our own

    async def filter_shared_stream(
        self, shared_stream: AsyncIterator[PollResult]
    ) -> AsyncIterator[TriggerEvent]:
        """Yield this watcher's events."""
        async for event in self._announce(shared_stream, poll_of(self._source)):
            yield event

    @property
    def _digest(self) -> str:
        return digest(
            conn_id=self.mintlify_conn_id,
            project_id=self.project_id,
            minimum=self.minimum,
            status=self.resolution_status,
        )

    @property
    def _source(self) -> Source:
        return Source(
            self.mintlify_conn_id, self.project_id, self.poke_interval_s, self.quota_share
        )

    async def _announce(
        self, results: AsyncIterator[PollResult], poll: Poll
    ) -> AsyncIterator[TriggerEvent]:
        store = WatermarkStore(getattr(self, "asset_state_store", None), self._digest)
        watermark = await store.load_or_save(self._first_watermark())
        poll.join(self, watermark.since)
        try:
            async for result in results:
                if result.since > watermark.since:
                    continue  # sent before this watcher joined; the next poll starts early enough
                latest = await self._latest(watermark, store)
                watermark, batch = self._counted(result, latest)
                poll.join(self, watermark.since)
                result.on_persisted.append(partial(store.save, watermark))
                if batch is not None:
                    self.log.info("New conversation turns: %s", batch)
                    yield _event(**batch.as_json())
                await store.clean_up()
        finally:
            poll.leave(self)

    @staticmethod
    async def _latest(watermark: Watermark, store: WatermarkStore) -> Watermark:
        """Return the watermark, or the stored one if another triggerer has counted more."""
        stored = await store.load()
        return watermark if stored is None else max(watermark, stored, key=Watermark.position)

    def _counted(self, result: PollResult, watermark: Watermark) -> tuple[Watermark, Batch | None]:
        """Return the watermark after a poll, and what is to be announced."""
        try:
            wanted = matching(result.turns, self.resolution_status)
        except BadResponse as error:
            self.log.error("%s", error)  # noqa: TRY400 - the message says it all
            wanted = ()
        watermark = watermark.after(result, wanted)
        batch = watermark.due(self.minimum)
        return (watermark if batch is None else watermark.announced()), batch

    def _first_watermark(self) -> Watermark:
        since = None if self.since is None else parse_instant(self.since, "since")
        return Watermark.first(since, now=datetime.now(UTC), interval_s=self.poke_interval_s)

    async def _poll_until_done(self) -> TriggerEvent:
        """Return the event: there are enough turns, or the task has to fail."""
        policy = PollRetryPolicy(self.poke_interval_s, self.failures)
        delay_s = self._first_delay_s()
        while True:
            await asyncio.sleep(delay_s)
            delay_s = self.poke_interval_s
            try:
                turns = await run_in_thread(self._source, self._find_turns)
            except DocsAnalyticsError as error:
                try:
                    delay_s = policy.next_delay_s(error)
                except DocsAnalyticsError:
                    if not self.silent_fail:
                        is_retryable = not isinstance(decide(error, 1), Fail)
                        return _event(status="failed", error=str(error), curable=is_retryable)
                self.log.warning("%s\nPolling again in %.0f s", error, delay_s)
                continue
            policy.succeeded()
            if len(turns) >= self.minimum:
                return _event(status="seen", **summary(turns))

    def _first_delay_s(self) -> float:
        if self.not_before is None:
            return self.poke_interval_s
        left = parse_instant(self.not_before, "not_before") - datetime.now(UTC)
        return max(0.0, left.total_seconds())

    def _find_turns(self, hook: MintlifyHook) -> tuple[Turn, ...]:
        assert self.since is not None
        return hook.find_conversations(
            since=self.since,
            minimum=self.minimum,
            resolution_status=self.resolution_status,
            project_id=self.project_id,
        )


def _as_text(moment: str | date | None) -> str | None:
    """Return a moment as the database of triggers keeps it."""
    if moment is None or isinstance(moment, str):
        return moment
    return iso_ms(parse_instant(moment, "moment"))


def _event(**payload: Any) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
