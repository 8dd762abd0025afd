"""One poll for all watchers of the conversations of one project."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics._retry import PollRetryPolicy
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.triggers._threads import run_in_thread
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING or AIRFLOW_V_3_3_PLUS:
    from airflow.triggers.shared_stream import SharedStreamProducer
else:  # watchers do not share polls there, and nothing makes a producer
    SharedStreamProducer = object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence

    from airflow.triggers.shared_stream import AdvanceItem

    from airflow_provider_docsanalytics.hooks.mintlify import Turn

log = logging.getLogger(__name__)

_TICK_S = 0.5
"""Watchers start one after the other; the first poll is due once none has joined for so long."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """The turns that one poll has found, for all watchers.

    Attributes:
        since: the start of the window that it has read, ISO 8601.
        turns: in no order that can be relied on.
        more: the page was full, and there are turns that it does not hold.
        on_persisted: called once the events of this poll are in Airflow's database.
    """

    since: str
    turns: tuple[Turn, ...]
    more: bool
    on_persisted: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


class Source(NamedTuple):
    """What is polled, and how often: watchers with the same source share one poll."""

    mintlify_conn_id: str
    project_id: str | None
    interval_s: float
    quota_share: float = 1.0


class Poll:
    """The watchers of one source, and when the next request is due.

    It outlives a stream that fails: Airflow restarts a failed trigger within seconds, and that must
    not cost a request each time.
    """

    def __init__(self) -> None:
        self._watchers: dict[object, str] = {}
        self._due = 0.0

    def join(self, watcher: object, since: str) -> None:
        """Read turns from ``since`` on for a watcher; replaces what it has asked for before."""
        self._watchers[watcher] = since

    def leave(self, watcher: object) -> None:
        """Stop polling for a watcher."""
        self._watchers.pop(watcher, None)

    async def results(self, source: Source) -> AsyncIterator[PollResult]:
        """Yield the result of each poll, for ever; failures are logged and retried."""
        policy = PollRetryPolicy(source.interval_s)
        await self._wait_for_watchers()
        while True:
            since = await self._wait_until_due()
            self._due = time.monotonic() + source.interval_s
            try:
                result = await _poll(source, since)
            except DocsAnalyticsError as error:
                delay_s = _back_off_s(error, policy, source)
                self._due = time.monotonic() + delay_s
                continue
            policy.succeeded()
            yield result

    async def _wait_for_watchers(self) -> None:
        """Return once there are watchers, and no more are joining."""
        before = -1
        while not self._watchers or len(self._watchers) != before:
            before = len(self._watchers)
            await asyncio.sleep(_TICK_S)

    async def _wait_until_due(self) -> str:
        """Return once a request is due: the earliest ``since`` of the watchers."""
        while not self._watchers or time.monotonic() < self._due:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(max(_TICK_S, self._due - time.monotonic()))
        return min(self._watchers.values())


_polls: dict[Hashable, Poll] = {}


def poll_of(key: Hashable) -> Poll:
    """Return this process's poll of that key."""
    return _polls.setdefault(key, Poll())


class PollProducer(SharedStreamProducer):
    """The shared poll as Airflow 3.3+ runs it: one stream of results for all watchers."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def open_stream(self) -> AsyncIterator[tuple[PollResult, PollResult]]:
        """Yield each result twice: for the watchers, and for :meth:`advance`."""
        async for result in poll_of(self._source).results(self._source):
            yield result, result

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Save the watermarks behind results whose events are in Airflow's database.

        If one of a result's events is not, none of its watermarks is saved: to announce turns twice
        is better than never. An error here would end the poll, so it is only logged; the watermark
        of the next result covers it.
        """
        for item in batch:
            if item.outcome.failed:
                log.warning("Events were not stored; their turns are announced again: %s", item)
                continue
            result: PollResult = item.broker_payload
            for save in result.on_persisted:
                try:
                    await save()
                except Exception:
                    log.exception("A watcher's watermark could not be stored")


async def _poll(source: Source, since: str) -> PollResult:
    seen = await run_in_thread(
        source,
        lambda hook: hook.fetch_turns(since=since, project_id=source.project_id),
    )
    return PollResult(since, seen.turns, seen.more)


def _back_off_s(error: DocsAnalyticsError, policy: PollRetryPolicy, source: Source) -> float:
    """Return the delay of the next poll; a watcher never fails, because nobody would notice."""
    try:
        delay_s = policy.next_delay_s(error)
    except DocsAnalyticsError:
        delay_s = source.interval_s
        log.error("%s\n%s is not watched until this is fixed.", error, source)  # noqa: TRY400 - the message says it all
    else:
        log.warning("%s", error)
    log.warning("Polling again in %.0f s", delay_s)
    return delay_s
