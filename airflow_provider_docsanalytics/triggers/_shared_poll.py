"""One poll for all who watch the conversations of one project."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics._poll_retry import PollRetryPolicy
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.triggers._threads import run_in_thread
from airflow_provider_docsanalytics.triggers._watermark import PollResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable

log = logging.getLogger(__name__)

_GATHER_S = 0.5
"""Watchers start one after the other; the first poll is due once none has come for so long."""


class Source(NamedTuple):
    """What is polled, and how often: watchers that agree in it share one poll."""

    mintlify_conn_id: str
    project_id: str | None
    interval_s: float


class Poll:
    """What outlives a poll that failed: who follows it, and when the next request is due.

    Airflow starts a failed trigger anew within seconds; that must not cost a request each time.
    """

    def __init__(self) -> None:
        self._wanted: dict[object, str] = {}
        self._due = 0.0

    def follow(self, who: object, since: str) -> None:
        """Let the next look of ``who`` reach back to ``since``."""
        self._wanted[who] = since

    def leave(self, who: object) -> None:
        """Poll for ``who`` no longer."""
        self._wanted.pop(who, None)

    async def looks(self, source: Source) -> AsyncIterator[PollResult]:
        """Yield what each poll shows, for ever; failures are logged and sat out."""
        policy = PollRetryPolicy(source.interval_s)
        await self._gathered()
        while True:
            since = await self._turn()
            self._due = time.monotonic() + source.interval_s
            try:
                look = await _look(source, since)
            except DocsAnalyticsError as error:
                wait_s = _sit_out(error, policy, source)
                self._due = time.monotonic() + wait_s
                continue
            policy.succeeded()
            yield look

    async def _gathered(self) -> None:
        """Return once there are watchers, and no more are coming."""
        before = -1
        while not self._wanted or len(self._wanted) != before:
            before = len(self._wanted)
            await asyncio.sleep(_GATHER_S)

    async def _turn(self) -> str:
        """Return the oldest moment that anyone wants, once a request is due."""
        while not self._wanted or time.monotonic() < self._due:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(max(_GATHER_S, self._due - time.monotonic()))
        return min(self._wanted.values())


_polls: dict[Hashable, Poll] = {}


def poll_of(key: Hashable) -> Poll:
    """Return this process's poll of that name."""
    return _polls.setdefault(key, Poll())


async def _look(source: Source, since: str) -> PollResult:
    seen = await run_in_thread(
        source.mintlify_conn_id,
        lambda hook: hook.fetch_turns(since=since, project_id=source.project_id),
    )
    return PollResult(since, seen.turns, seen.more)


def _sit_out(error: DocsAnalyticsError, policy: PollRetryPolicy, source: Source) -> float:
    """Return how long to wait; a watcher never gives up, as it would do so unseen."""
    try:
        wait_s = policy.wait_s(error)
    except DocsAnalyticsError:
        wait_s = source.interval_s
        log.error("%s %s is not watched until this is cured.", error, source)  # noqa: TRY400 - said in full
    else:
        log.warning("%s", error)
    log.warning("Asking again in %.0f s", wait_s)
    return wait_s
