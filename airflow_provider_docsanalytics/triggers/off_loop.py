"""Requests from a trigger: in threads of our own, never on the triggerer's event loop."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

T = TypeVar("T")
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


async def off_loop(mintlify_conn_id: str, ask: Callable[[MintlifyHook], T]) -> T:
    """Return what ``ask`` returns, run in a thread with a hook on this connection.

    The connection is read anew each time, so a new key counts at once. Hundreds of triggers may
    wake in one moment: as many go on as there are threads, or their connections alone would hold
    the loop up.
    """
    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook, connection_must_exist

    in_thread = asyncio.get_running_loop().run_in_executor
    async with _gate():
        await in_thread(_pool(), _load_client)
        hook = MintlifyHook(mintlify_conn_id)
        with connection_must_exist():
            await hook.aload_settings()
        return await in_thread(_pool(), lambda: ask(hook))
