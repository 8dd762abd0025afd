"""Watchers of assets: what they announce, what they ask, and what a restart costs."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import JsonValue, TypeAdapter

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.triggers.mark_store import KEY
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_docsanalytics.window import iso_ms
from tests.airflow.conftest import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

INTERVAL_S = 0.2
START = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
_ids = count(1)

needs_3_3 = pytest.mark.skipif(
    not AIRFLOW_V_3_3_PLUS, reason="shared polls and the asset state store: Airflow 3.3+"
)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A project in which nobody has asked anything yet."""
    with Simulator(Config(rows=0)) as service:
        connect(monkeypatch, "mintlify", service, extra={"max_attempts": 1})
        yield service


def _watcher(**arguments: Any) -> MintlifyConversationTrigger:
    """Return a watcher as a triggerer makes it from the database."""
    made = MintlifyConversationTrigger(
        **{"since": iso_ms(START), "poke_interval_s": INTERVAL_S} | arguments
    )
    watcher = MintlifyConversationTrigger(**json.loads(json.dumps(made.serialize()[1])))
    watcher.trigger_id = next(_ids)
    return watcher


_JSON: TypeAdapter[Any] = TypeAdapter(JsonValue)  # as strict as Airflow's own, say with tuples


class Store:
    """The part of Airflow's asset state store that a triggerer gives to a trigger."""

    def __init__(self, *assets: str) -> None:
        self._by_name = {name: Asset() for name in assets}


class Asset:
    """The state of one asset, which outlives triggerers."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def aget(self, key: str) -> Any:
        return json.loads(self.kept.get(key, "null"))

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = json.dumps(_JSON.validate_python(value))


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
async def _running(
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


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - across threads
            await asyncio.sleep(0.01)


async def _polls(service: Simulator, more: int) -> None:
    """Return once so many more requests have been answered, and what they brought dealt with."""
    wanted = len(service.requests) + more + 1
    await _until(lambda: len(service.requests) >= wanted)


def _add(service: Simulator, turns: int, after_s: float = 0, **more: Any) -> str:
    """Let turns come in; return their timestamp."""
    at = START + timedelta(seconds=after_s)
    service.add_turns(turns, iso_ms(at), **more)
    return iso_ms(at)


def _counts(triggerer: Triggerer) -> list[int]:
    return [event["count"] for event in triggerer.events]


def _mark(store: Store, asset: str = "asked") -> dict[str, Any]:
    mark: dict[str, Any] = json.loads(store._by_name[asset].kept[KEY])
    return mark


def test_a_batch_of_new_turns_is_one_event_with_a_summary_and_no_row(quiet: Simulator) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with _running(_watcher()) as triggerer:
            oldest = _add(quiet, 2, resolution_status="answered")
            newest = _add(quiet, 3, after_s=60, resolution_status="unanswered")
            await _until(lambda: bool(triggerer.events))
            await _polls(quiet, 2)
            assert triggerer.events == [
                {
                    "count": 5,
                    "oldest": oldest,
                    "newest": newest,
                    "unanswered": 3,
                    "more": False,
                }
            ]
            return triggerer.events

    asyncio.run(scenario())


def test_a_turn_is_announced_once_also_when_it_comes_in_late(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with _running(_watcher()) as triggerer:
            for number, after_s in enumerate((600, 900, 301), start=1):
                _add(quiet, number, after_s=after_s)
                await _until(lambda: len(triggerer.events) == number)  # noqa: B023 - waited for here
            await _polls(quiet, 2)
            assert _counts(triggerer) == [1, 2, 3]

    asyncio.run(scenario())


def test_turns_add_up_until_they_are_enough(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with _running(_watcher(minimum=5)) as triggerer:
            _add(quiet, 3)
            await _polls(quiet, 2)
            assert triggerer.events == []
            _add(quiet, 2, after_s=3600)
            await _until(lambda: bool(triggerer.events))
            await _polls(quiet, 2)
            assert _counts(triggerer) == [5]

    asyncio.run(scenario())


def test_only_turns_of_the_wanted_resolution_are_announced(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with _running(_watcher(resolution_status="unanswered")) as triggerer:
            _add(quiet, 4, resolution_status="answered")
            await _polls(quiet, 2)
            assert triggerer.events == []
            _add(quiet, 1, resolution_status="unanswered")
            await _until(lambda: bool(triggerer.events))
            assert _counts(triggerer) == [1]

    asyncio.run(scenario())


def test_more_turns_than_a_page_holds_are_announced_as_that(quiet: Simulator) -> None:
    async def scenario() -> None:
        _add(quiet, 1200)
        async with _running(_watcher()) as triggerer:
            await _until(lambda: bool(triggerer.events))
            first = triggerer.events[0]
            assert (first["count"], first["more"]) == (1000, True)
            _add(quiet, 1, after_s=3600)
            await _until(lambda: len(triggerer.events) > 1)
            assert triggerer.events[-1]["newest"] > first["newest"]

    asyncio.run(scenario())


def test_a_watcher_goes_on_after_failures_at_its_own_pace(
    quiet: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        quiet.add_faults([{"kind": "status", "status": 500, "times": 7}])
        connect(monkeypatch, "mintlify", quiet, password="mint_expired", extra={"max_attempts": 1})
        async with _running(_watcher()) as triggerer:
            await _polls(quiet, 9)
            assert {entry["status"] for entry in quiet.requests} == {500, 401}
            connect(monkeypatch, "mintlify", quiet)
            _add(quiet, 1)
            await _until(lambda: bool(triggerer.events))
        times = [entry["at"] for entry in quiet.requests]
        assert min(b - a for a, b in pairwise(times)) > INTERVAL_S * 0.9

    asyncio.run(scenario())


def test_without_a_since_what_came_in_the_last_interval_counts(quiet: Simulator) -> None:
    async def scenario() -> None:
        now = datetime.now(UTC)
        quiet.add_turns(2, iso_ms(now - timedelta(seconds=5)))
        quiet.add_turns(3, iso_ms(now - timedelta(seconds=60)))
        watcher = _watcher(since=None, poke_interval_s=30)
        async with _running(watcher) as triggerer:
            await _until(lambda: bool(triggerer.events))
            assert _counts(triggerer) == [2]

    asyncio.run(scenario())


def test_a_wrong_parameter_is_an_error_where_the_watcher_is_written() -> None:
    with pytest.raises(ConfigError, match="minimum=0"):
        MintlifyConversationTrigger(minimum=0)
    with pytest.raises(ConfigError, match="resolution_status='open'"):
        MintlifyConversationTrigger(resolution_status="open")


# Airflow 3.3+ -------------------------------------------------------------------------------------


@needs_3_3
def test_watchers_of_one_connection_project_and_interval_share_one_poll(quiet: Simulator) -> None:
    async def scenario() -> None:
        watchers = [_watcher(minimum=minimum) for minimum in (1, 2, 3)]
        async with _running(*watchers) as triggerer:
            _add(quiet, 2)
            await _until(lambda: len(triggerer.events) == 2)
            _add(quiet, 1)
            await _until(lambda: len(triggerer.events) == 4)
            assert _counts(triggerer) == [2, 2, 1, 3]
        times = [entry["at"] for entry in quiet.requests]
        assert min(b - a for a, b in pairwise(times)) > INTERVAL_S * 0.9

    asyncio.run(scenario())


@needs_3_3
def test_a_restarted_triggerer_misses_nothing_and_repeats_nothing(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with _running(_watching(store)) as triggerer:
            _add(quiet, 2)
            await _until(lambda: bool(triggerer.events))
            await _polls(quiet, 2)
        _add(quiet, 3, after_s=60)  # while no triggerer runs
        async with _running(_watching(store)) as restarted:
            await _until(lambda: bool(restarted.events))
            await _polls(quiet, 2)
            assert _counts(restarted) == [3]

    asyncio.run(scenario())


@needs_3_3
def test_an_event_that_never_reached_the_database_is_announced_again(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with _running(_watching(store), stores_events=False) as triggerer:
            _add(quiet, 2)
            await _until(lambda: bool(triggerer.events))
            await _polls(quiet, 2)
            assert _counts(triggerer) == [2]
        async with _running(_watching(store)) as restarted:
            await _until(lambda: bool(restarted.events))
            assert _counts(restarted) == [2]

    asyncio.run(scenario())


@needs_3_3
def test_a_watcher_keeps_its_first_mark_before_anything_has_come_in(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with _running(_watching(store)):
            await _polls(quiet, 1)
        assert _mark(store)["since"] == iso_ms(START)
        _add(quiet, 1)
        async with _running(_watching(store, since=None)) as restarted:
            await _until(lambda: bool(restarted.events))

    asyncio.run(scenario())


@needs_3_3
def test_a_stream_that_is_started_anew_does_not_poll_before_it_is_due(quiet: Simulator) -> None:
    async def scenario() -> None:
        for _ in range(3):
            async with _running(_watcher(poke_interval_s=60)):
                await asyncio.sleep(1)  # long enough for a first poll

    asyncio.run(scenario())
    assert len(quiet.requests) == 1


@needs_3_3
def test_equal_watchers_of_several_assets_keep_a_mark_with_each(quiet: Simulator) -> None:
    store = Store("one", "two")

    async def scenario() -> None:
        async with _running(_watching(store)) as triggerer:
            newest = _add(quiet, 1)
            await _until(lambda: bool(triggerer.events))
            await _polls(quiet, 2)
            assert _mark(store, "one")["newest"] == _mark(store, "two")["newest"] == newest
        # One of them falls back, as when its state is cleared: nothing may be missed for it.
        await store._by_name["two"].aset(KEY, {"since": iso_ms(START)})
        async with _running(_watching(store)) as restarted:
            await _until(lambda: bool(restarted.events))

    asyncio.run(scenario())


@needs_3_3
def test_a_second_triggerer_does_not_repeat_what_the_first_has_announced(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        slow = _watching(store, poke_interval_s=2.5)
        async with _running(slow) as second, _running(_watching(store)) as first:
            await _until(lambda: len({entry["at"] // 1 for entry in quiet.requests}) > 1)
            _add(quiet, 2)
            await _until(lambda: bool(first.events))
            slow_polls = quiet.requests
            await _until(lambda: quiet.requests[-1]["at"] > slow_polls[-1]["at"] + 3)
            assert (_counts(first), _counts(second)) == ([2], [])

    asyncio.run(scenario())


@needs_3_3
@pytest.mark.parametrize("damaged", ["soon", {"since": "soon"}, {"newest": 3}])
def test_a_damaged_mark_is_said_and_left_out(
    quiet: Simulator, caplog: pytest.LogCaptureFixture, damaged: object
) -> None:
    store = Store("asked")

    async def scenario() -> None:
        await store._by_name["asked"].aset(KEY, damaged)
        _add(quiet, 1)
        async with _running(_watching(store)) as triggerer:
            await _until(lambda: bool(triggerer.events))

    asyncio.run(scenario())
    assert "is no mark" in caplog.text


def _watching(store: Store, **arguments: Any) -> MintlifyConversationTrigger:
    watcher = _watcher(**arguments)
    watcher.asset_state_store = store
    return watcher
