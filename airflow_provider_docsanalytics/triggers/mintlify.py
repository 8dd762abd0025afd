"""Waits in the triggerer for conversations: for a deferred sensor, or for an asset's watcher."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_docsanalytics._airflow_retry import NON_RETRYABLE
from airflow_provider_docsanalytics._poll_retry import PollRetryPolicy
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.hooks.mintlify import (
    check_condition,
    check_interval,
    matching,
    summary,
)
from airflow_provider_docsanalytics.parameters import id_text, text
from airflow_provider_docsanalytics.triggers._shared_poll import Source, poll_of
from airflow_provider_docsanalytics.triggers._threads import run_in_thread
from airflow_provider_docsanalytics.triggers._watermark import Watermark
from airflow_provider_docsanalytics.triggers._watermark_store import WatermarkStore, digest
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from airflow_provider_docsanalytics.window import parse_instant

if TYPE_CHECKING or AIRFLOW_V_3_0_PLUS:
    from airflow.triggers.base import BaseEventTrigger
else:
    from airflow.triggers.base import BaseTrigger as BaseEventTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook, Turn
    from airflow_provider_docsanalytics.triggers._shared_poll import Poll
    from airflow_provider_docsanalytics.triggers._watermark import Batch, PollResult


class _RefusedError(ConfigError, TypeError):
    """A wrong argument; a triggerer fails the one trigger on a ``TypeError``, and ends on others.

    What an older version has let into Airflow's database must not take all triggers with it.
    """


class MintlifyConversationTrigger(BaseEventTrigger):
    """Polls for new conversation turns, one request a poll; none of its parameters is secret.

    In an ``AssetWatcher`` (Airflow 3.0+) it runs for ever, and each batch of at least ``minimum``
    new turns is one event: ``count``, ``oldest``, ``newest``, ``unanswered``, and ``more`` if a
    poll's page of 1000 had no room for all. On 3.3+ all watchers with the same connection, project
    and interval share one poll, and how far each has got lies in the asset state store: a triggerer
    that restarts goes on where the last one ended. Watchers of one asset that differ in connection,
    project, ``minimum`` or ``resolution_status`` each have a place of their own there. Announced at
    least once, whatever the clocks say: a triggerer that is killed within a second or two of an
    event may announce it again.

    Args:
        since: turns at or after this moment count, ISO 8601. Default for a watcher that has not
            got anywhere yet: an interval before it starts.
        minimum: how many turns it takes, 1 to 1000; a row without a timestamp is none.
        resolution_status: count ``answered`` or ``unanswered`` turns only.
        project_id: default: the connection's login.
        mintlify_conn_id: the connection.
        poke_interval_s: seconds between two polls, more than 0.
        once: for a deferred task: end with one event, which says that enough turns are there or
            that it is no use to go on. A watcher only logs what goes wrong, and goes on.
        not_before: with ``once``, the moment of the first poll, ISO 8601 with a zone; default: an
            interval from now. A moment, so that a triggerer that restarts does not wait all over
            again.
        failures: with ``once``, polls that have failed in a row so far, the sensor's own.
        silent_fail: with ``once``, log what would end the wait, and go on.

    Raises:
        ConfigError: a parameter is out of range.
    """

    def __init__(
        self,
        *,
        since: str | None = None,
        minimum: int = 1,
        resolution_status: str | None = None,
        project_id: str | None = None,
        mintlify_conn_id: str = "mintlify_default",
        poke_interval_s: float = 900.0,
        once: bool = False,
        not_before: str | None = None,
        failures: int = 0,
        silent_fail: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        try:
            check_condition(minimum, resolution_status)
            check_interval("poke_interval_s", poke_interval_s)
            if since is not None:
                parse_instant(since, "since")
            text("mintlify_conn_id", mintlify_conn_id)
            self.project_id = None if project_id is None else id_text("project_id", project_id)
        except ConfigError as error:
            raise _RefusedError(str(error)) from None
        self.since = since
        self.minimum = minimum
        self.resolution_status = resolution_status
        self.mintlify_conn_id = mintlify_conn_id
        self.poke_interval_s = poke_interval_s
        self.once = once
        self.supports_triggerer_queue = once  # a watcher belongs to no task and so to no queue
        self.not_before = not_before
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
                **(of_a_task if self.once else {}),
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event of a deferred task, or a watcher's where Airflow shares no polls."""
        if self.once:
            yield await self._answer()
            return
        poll = poll_of((self._source, self.trigger_id))
        async for event in self._announce(poll.looks(self._source), poll):
            yield event

    def shared_stream_key(self) -> Source | None:
        """Return what watchers have to agree in to share one poll."""
        return None if self.once else self._source

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> Any:
        """Return the shared poll; Airflow tells it when events are in its database."""
        from airflow_provider_docsanalytics.triggers._poll_producer import PollProducer

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
        return Source(self.mintlify_conn_id, self.project_id, self.poke_interval_s)

    async def _announce(
        self, looks: AsyncIterator[PollResult], poll: Poll
    ) -> AsyncIterator[TriggerEvent]:
        store = WatermarkStore(getattr(self, "asset_state_store", None), self._digest)
        mark = await store.begin(self._first_mark())
        poll.follow(self, mark.since)
        try:
            async for look in looks:
                if look.since > mark.since:
                    continue  # it was asked for before this watcher joined; the next reaches back
                mark, batch = self._counted(look, await self._latest(mark, store))
                poll.follow(self, mark.since)
                look.on_persisted.append(partial(store.save, mark))
                if batch is not None:
                    self.log.info("New conversation turns: %s", batch)
                    yield _event(**batch.as_json())
                await store.tidy()
        finally:
            poll.leave(self)

    @staticmethod
    async def _latest(mark: Watermark, store: WatermarkStore) -> Watermark:
        """Return the mark, or the stored one where another triggerer has got further."""
        stored = await store.load()
        return mark if stored is None else max(mark, stored, key=Watermark.reach)

    def _counted(self, look: PollResult, mark: Watermark) -> tuple[Watermark, Batch | None]:
        """Return the mark behind a look, and what is to be announced."""
        try:
            wanted = matching(look.turns, self.resolution_status)
        except BadResponse as error:
            self.log.error("%s", error)  # noqa: TRY400 - said in full
            wanted = ()
        mark = mark.after(look, wanted)
        batch = mark.due(self.minimum)
        return (mark if batch is None else mark.announced()), batch

    def _first_mark(self) -> Watermark:
        since = None if self.since is None else parse_instant(self.since, "since")
        return Watermark.first(since, now=datetime.now(UTC), interval_s=self.poke_interval_s)

    async def _answer(self) -> TriggerEvent:
        """Poll until enough turns are there, or it is no use to go on."""
        policy = PollRetryPolicy(self.poke_interval_s, self.failures)
        wait_s = self._first_wait_s()
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self.poke_interval_s
            try:
                seen = await run_in_thread(self.mintlify_conn_id, self._ask)
            except DocsAnalyticsError as error:
                try:
                    wait_s = policy.wait_s(error)
                except DocsAnalyticsError:
                    if not self.silent_fail:
                        curable = not isinstance(error, NON_RETRYABLE)
                        return _event(status="failed", error=str(error), curable=curable)
                self.log.warning("%s Asking again in %.0f s", error, wait_s)
                continue
            policy.succeeded()
            if len(seen) >= self.minimum:
                return _event(status="seen", **summary(seen))

    def _first_wait_s(self) -> float:
        if self.not_before is None:
            return self.poke_interval_s
        left = datetime.fromisoformat(self.not_before) - datetime.now(UTC)
        return max(0.0, left.total_seconds())

    def _ask(self, hook: MintlifyHook) -> tuple[Turn, ...]:
        return hook.find_conversations(
            since=self.since,
            minimum=self.minimum,
            resolution_status=self.resolution_status,
            project_id=self.project_id,
        )


def _event(**payload: Any) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
