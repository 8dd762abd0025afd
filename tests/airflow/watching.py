"""A triggerer in small, which runs watchers as Airflow's does, and the state that outlives it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, TypeAdapter

from airflow_provider_docsanalytics.triggers._watermark_store import PREFIX
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_docsanalytics.window import iso_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from airflow_provider_docsanalytics.simulator import Simulator

INTERVAL_S = 0.2
START = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
_ids = count(1)


def watcher(**arguments: Any) -> MintlifyConversationTrigger:
    """Return a watcher as a triggerer makes it from the database."""
    usual = {"since": iso_ms(START), "poke_interval_s": INTERVAL_S}
    written = MintlifyConversationTrigger(**usual | arguments)
    made = MintlifyConversationTrigger(**json.loads(json.dumps(written.serialize()[1])))
    made.trigger_id = next(_ids)
    return made


_JSON: TypeAdapter[Any] = TypeAdapter(JsonValue)  # as strict as Airflow's own, say with tuples


class Store:
    """The part of Airflow's asset state store that a triggerer gives to a trigger."""

    def __init__(self, *assets: str) -> None:
        self._by_name = {name: Asset() for name in assets}
        self._by_uri: dict[str, Asset] = {}

    def asset(self, name: str = "asked") -> Asset:
        return self._by_name[name]


class Asset:
    """The state of one asset, which outlives triggerers."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else default

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = json.dumps(_JSON.validate_python(value))

    async def adelete(self, key: str) -> None:
        self.kept.pop(key, None)


class Triggerer:
    """Runs watchers as Airflow's triggerer does, with its own code for shared polls."""

    def __init__(self, *, stores_events: bool = True) -> None:
        self.events: list[dict[str, Any]] = []
        self._stores_events = stores_events
        if AIRFLOW_V_3_3_PLUS:
            from airflow.triggers.shared_stream import SharedStreamManager

            self.streams = SharedStreamManager()

    async def run(self, watcher: MintlifyConversationTrigger) -> None:
        key = watcher.shared_stream_key()
        if not AIRFLOW_V_3_3_PLUS:
            async for event in watcher.run():
                self.events.append(event.payload)
            return
        stream = self.streams.subscribe(trigger_id=watcher.trigger_id, trigger=watcher, key=key)
        try:
            async for event in watcher.filter_shared_stream(stream):
                bound = self.streams.bind_pending_event(trigger_id=watcher.trigger_id, key=key)
                self.events.append(event.payload)
                if bound is not None and self._stores_events:
                    asyncio.get_running_loop().call_later(0.05, self._stored, bound)
        finally:
            await self.streams.unsubscribe(watcher.trigger_id, key)

    def _stored(self, bound: int) -> None:
        self.streams.confirm_persisted([bound])


@asynccontextmanager
async def running(
    *watchers: MintlifyConversationTrigger, **options: Any
) -> AsyncIterator[Triggerer]:
    triggerer = Triggerer(**options)
    tasks = [asyncio.create_task(triggerer.run(watcher)) for watcher in watchers]
    try:
        yield triggerer
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - across threads
            await asyncio.sleep(0.01)


async def polls(service: Simulator, more: int) -> None:
    """Return once so many more requests have been answered, and what they brought dealt with."""
    wanted = len(service.requests) + more + 1
    await until(lambda: len(service.requests) >= wanted)


def add(service: Simulator, turns: int, after_s: float = 0, **more: Any) -> str:
    """Let turns come in; return their timestamp."""
    at = START + timedelta(seconds=after_s)
    service.add_turns(turns, iso_ms(at), **more)
    return iso_ms(at)


def counts(triggerer: Triggerer) -> list[int]:
    return [event["count"] for event in triggerer.events]


def watermarks(store: Store, asset: str = "asked") -> list[dict[str, Any]]:
    """Return the watermarks that are stored with an asset, one for each watcher."""
    kept = store.asset(asset).kept
    return [json.loads(value) for key, value in kept.items() if key.startswith(PREFIX)]


def watching(store: Store, **arguments: Any) -> MintlifyConversationTrigger:
    """Return a watcher of all assets of a store."""
    made = watcher(**arguments)
    made.asset_state_store = store
    return made
