"""Requests from a trigger: in threads of our own, never on the triggerer's event loop."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

T = TypeVar("T")
_THREADS = 4


async def _in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, done in a thread that does not keep the process from ending.

    Python waits for the threads of its own pools before it ends: a triggerer that is told to stop
    would wait for a service that hangs.
    """
    done: Future[T] = Future()

    def run() -> None:
        if done.set_running_or_notify_cancel():
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
                done.set_exception(error)

    Thread(target=run, name="docsanalytics", daemon=True).start()
    return await asyncio.wrap_future(done)


@cache
def _load_client() -> None:
    """Import what sends requests, which takes too long for an event loop."""
    importlib.import_module("airflow_provider_docsanalytics.api.client")


_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _limiter() -> asyncio.Semaphore:
    """Return the running loop's turnstile in front of the threads."""
    return _limiters.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_THREADS))


async def run_in_thread(mintlify_conn_id: str, ask: Callable[[MintlifyHook], T]) -> T:
    """Return what ``ask`` returns, run in a thread with a hook on this connection.

    The connection is read anew each time, so a new key counts at once. Hundreds of triggers may
    wake in one moment: as many go on as there are threads, or their connections alone would hold
    the loop up.
    """
    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook, connection_must_exist

    async with _limiter():
        await _in_thread(_load_client)
        hook = MintlifyHook(mintlify_conn_id)
        with connection_must_exist():
            await hook.aload_settings()
        return await _in_thread(lambda: ask(hook))
