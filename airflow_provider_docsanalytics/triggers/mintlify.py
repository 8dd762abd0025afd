"""Waits in the triggerer for conversations, off its event loop."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.failures import INCURABLE
from airflow_provider_docsanalytics.patience import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_docsanalytics.hooks.mintlify import ConversationsSeen

_THREADS = 4


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the threads that all triggers of this process send their requests from."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="docsanalytics")


@cache
def _load_client() -> None:
    """Import what sends requests, which takes too long for an event loop."""
    importlib.import_module("airflow_provider_docsanalytics.api.client")


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _gate() -> asyncio.Semaphore:
    """Return the running loop's turnstile in front of the threads."""
    return _gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_THREADS))


class MintlifyConversationTrigger(BaseTrigger):
    """Polls until there are enough conversation turns; one request a poll, then one event.

    Takes the parameters of :class:`~..sensors.mintlify.MintlifyConversationSensor`; none is secret.

    Args:
        not_before: the moment of the first poll, ISO 8601 with a zone; default: an interval from
            now. A moment, so that a triggerer that restarts does not wait all over again.
    """

    def __init__(
        self,
        *,
        since: str,
        minimum: int = 1,
        resolution_status: str | None = None,
        project_id: str | None = None,
        mintlify_conn_id: str = "mintlify_default",
        poke_interval_s: float = 900.0,
        not_before: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.since = since
        self.minimum = minimum
        self.resolution_status = resolution_status
        self.project_id = project_id
        self.mintlify_conn_id = mintlify_conn_id
        self.poke_interval_s = poke_interval_s
        self.not_before = not_before

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        return (
            "airflow_provider_docsanalytics.triggers.mintlify.MintlifyConversationTrigger",
            {
                "since": self.since,
                "minimum": self.minimum,
                "resolution_status": self.resolution_status,
                "project_id": self.project_id,
                "mintlify_conn_id": self.mintlify_conn_id,
                "poke_interval_s": self.poke_interval_s,
                "not_before": self.not_before,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: enough turns are there, or it is no use to go on."""
        patience = Patience(self.poke_interval_s)
        wait_s = self._first_wait_s()
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self.poke_interval_s
            try:
                seen = await self._ask()
                patience.succeeded()
            except DocsAnalyticsError as error:
                try:
                    wait_s = patience.wait_s(error)
                except DocsAnalyticsError:
                    yield _event(status="failed", error=str(error), curable=_is_curable(error))
                    return
                self.log.warning("%s Asking again in %.0f s", error, wait_s)
                continue
            if seen.count >= self.minimum:
                yield _event(status="seen", **seen.summary())
                return

    def _first_wait_s(self) -> float:
        if self.not_before is None:
            return self.poke_interval_s
        left = datetime.fromisoformat(self.not_before) - datetime.now(UTC)
        return max(0.0, left.total_seconds())

    async def _ask(self) -> ConversationsSeen:
        """Ask once, in a thread; the connection is read anew, so a new key counts at once.

        Hundreds of triggers may wake in one moment: as many go on as there are threads, or their
        connections alone would hold the loop up.
        """
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        in_thread = asyncio.get_running_loop().run_in_executor
        async with _gate():
            await in_thread(_pool(), _load_client)
            hook = MintlifyHook(self.mintlify_conn_id)
            await hook.aload_settings()
            return await in_thread(
                _pool(),
                lambda: hook.see_conversations(
                    since=self.since,
                    minimum=self.minimum,
                    resolution_status=self.resolution_status,
                    project_id=self.project_id,
                ),
            )


def _is_curable(error: DocsAnalyticsError) -> bool:
    return not isinstance(error, INCURABLE)


def _event(**payload: Any) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
