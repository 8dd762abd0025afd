"""Requests from a trigger: in their own threads, never on the triggerer's event loop."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Protocol, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

T = TypeVar("T")
_MAX_THREADS = 4


async def _in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, run in a daemon thread.

    Python waits for the threads of its own pools before it ends: a triggerer that stops would wait
    for a service that hangs.
    """
    done: Future[T] = Future()

    def run() -> None:
        if done.set_running_or_notify_cancel():
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                done.set_exception(error)

    Thread(target=run, name="docsanalytics", daemon=True).start()
    return await asyncio.wrap_future(done)


@cache
def _load_client() -> None:
    """Import the HTTP client, which takes too long for an event loop."""
    importlib.import_module("airflow_provider_docsanalytics.api.client")


_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _limiter() -> asyncio.Semaphore:
    """Return the running loop's limiter of threads."""
    return _limiters.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_MAX_THREADS))


class Polled(Protocol):
    """What names the connection, and how much of the quota may be used."""

    @property
    def mintlify_conn_id(self) -> str:
        """The connection."""

    @property
    def quota_share(self) -> float:
        """More than 0, at most 1."""


async def run_in_thread(source: Polled, request: Callable[[MintlifyHook], T]) -> T:
    """Return what ``request`` returns, run in a thread with a hook on this connection.

    The connection is read each time, so a new key takes effect with the next poll. Hundreds of
    triggers may wake at the same moment: the limiter lets through as many as there are threads,
    because reading all their connections would block the loop.
    """
    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

    async with _limiter():
        await _in_thread(_load_client)
        hook = MintlifyHook(source.mintlify_conn_id, quota_share=source.quota_share)
        await hook.aload_settings()
        return await _in_thread(lambda: request(hook))
