"""Watchers of assets: what they announce, what they ask, and what a restart costs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.triggers._watermark_store import PREFIX
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_docsanalytics.window import iso_ms
from tests.airflow.conftest import connect
from tests.airflow.watching import (
    INTERVAL_S,
    START,
    Store,
    add,
    counts,
    polls,
    running,
    until,
    watcher,
    watching,
    watermarks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator.http_server import Reply
    from airflow_provider_docsanalytics.simulator.request import Request

needs_3_3 = pytest.mark.skipif(
    not AIRFLOW_V_3_3_PLUS, reason="shared polls and the asset state store: Airflow 3.3+"
)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A project in which nobody has asked anything yet."""
    with Simulator(Config(rows=0)) as service:
        connect(monkeypatch, "mintlify", service, extra={"max_attempts": 1})
        yield service


def test_a_batch_of_new_turns_is_one_event_with_a_summary_and_no_row(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with running(watcher()) as triggerer:
            oldest = add(quiet, 2, resolution_status="answered")
            newest = add(quiet, 3, after_s=60, resolution_status="unanswered")
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
            assert triggerer.events == [
                {
                    "count": 5,
                    "oldest": oldest,
                    "newest": newest,
                    "unanswered": 3,
                    "more": False,
                }
            ]

    asyncio.run(scenario())


def test_a_turn_is_announced_once_also_when_it_comes_in_late(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with running(watcher()) as triggerer:
            for number, after_s in enumerate((600, 900, 301), start=1):
                add(quiet, number, after_s=after_s)
                await until(lambda: len(triggerer.events) == number)  # noqa: B023 - waited for here
            await polls(quiet, 2)
            assert counts(triggerer) == [1, 2, 3]

    asyncio.run(scenario())


def test_turns_add_up_until_they_are_enough(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with running(watcher(minimum=5)) as triggerer:
            add(quiet, 3)
            await polls(quiet, 2)
            assert triggerer.events == []
            add(quiet, 2, after_s=3600)
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
            assert counts(triggerer) == [5]

    asyncio.run(scenario())


def test_only_turns_of_the_wanted_resolution_are_announced(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with running(watcher(resolution_status="unanswered")) as triggerer:
            add(quiet, 4, resolution_status="answered")
            await polls(quiet, 2)
            assert triggerer.events == []
            add(quiet, 1, resolution_status="unanswered")
            await until(lambda: bool(triggerer.events))
            assert counts(triggerer) == [1]

    asyncio.run(scenario())


def test_more_turns_than_a_page_holds_are_announced_as_that(quiet: Simulator) -> None:
    async def scenario() -> None:
        add(quiet, 1200)
        async with running(watcher()) as triggerer:
            await until(lambda: bool(triggerer.events))
            first = triggerer.events[0]
            assert (first["count"], first["more"]) == (1000, True)
            add(quiet, 1, after_s=3600)
            await until(lambda: len(triggerer.events) > 1)
            assert triggerer.events[-1]["newest"] > first["newest"]

    asyncio.run(scenario())


def test_a_watcher_goes_on_after_failures_at_its_own_pace(
    quiet: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        quiet.add_faults([{"kind": "status", "status": 500, "times": 7}])
        connect(monkeypatch, "mintlify", quiet, password="mint_expired", extra={"max_attempts": 1})
        async with running(watcher()) as triggerer:
            await polls(quiet, 9)
            assert {entry["status"] for entry in quiet.requests} == {500, 401}
            connect(monkeypatch, "mintlify", quiet)
            add(quiet, 1)
            await until(lambda: bool(triggerer.events))
        # After a success the interval counts from when the request was sent, which is earlier.
        times = [entry["at"] for entry in quiet.requests if entry["status"] != 200]
        assert min(b - a for a, b in pairwise(times)) > INTERVAL_S * 0.9

    asyncio.run(scenario())


def test_without_a_since_what_came_in_the_last_interval_counts(quiet: Simulator) -> None:
    async def scenario() -> None:
        now = datetime.now(UTC)
        quiet.add_turns(2, iso_ms(now - timedelta(seconds=5)))
        quiet.add_turns(3, iso_ms(now - timedelta(seconds=60)))
        async with running(watcher(since=None, poke_interval_s=30)) as triggerer:
            await until(lambda: bool(triggerer.events))
            assert counts(triggerer) == [2]

    asyncio.run(scenario())


def test_a_wrong_parameter_is_an_error_where_the_watcher_is_written() -> None:
    with pytest.raises(ConfigError, match="minimum=0"):
        MintlifyConversationTrigger(minimum=0)
    with pytest.raises(ConfigError, match="resolution_status='open'"):
        MintlifyConversationTrigger(resolution_status="open")


# Airflow 3.3+ -------------------------------------------------------------------------------------


@needs_3_3
def test_watchers_of_one_connection_project_and_interval_share_one_poll(quiet: Simulator) -> None:
    quiet.latency_ms = 300

    async def scenario() -> None:
        watchers = [watcher(minimum=minimum) for minimum in (1, 2, 3)]
        async with running(*watchers) as triggerer:
            add(quiet, 2)
            await until(lambda: len(triggerer.events) == 2)
            add(quiet, 1)
            await until(lambda: len(triggerer.events) == 4)
            assert counts(triggerer) == [2, 2, 1, 3]
        times = [entry["at"] for entry in quiet.requests]
        assert min(b - a for a, b in pairwise(times)) > 0.29  # none while another is on its way

    asyncio.run(scenario())


@needs_3_3
def test_a_restarted_triggerer_misses_nothing_and_repeats_nothing(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with running(watching(store)) as triggerer:
            add(quiet, 2)
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
        add(quiet, 3, after_s=60)  # while no triggerer runs
        async with running(watching(store)) as restarted:
            await until(lambda: bool(restarted.events))
            await polls(quiet, 2)
            assert counts(restarted) == [3]

    asyncio.run(scenario())


@needs_3_3
def test_an_event_that_never_reached_the_database_is_announced_again(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with running(watching(store), stores_events=False) as triggerer:
            add(quiet, 2)
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
            assert counts(triggerer) == [2]
        async with running(watching(store)) as restarted:
            await until(lambda: bool(restarted.events))
            assert counts(restarted) == [2]

    asyncio.run(scenario())


@needs_3_3
def test_a_watcher_stores_its_first_watermark_before_anything_has_come_in(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with running(watching(store)):
            await polls(quiet, 1)
        assert watermarks(store)[0]["since"] == iso_ms(START)
        add(quiet, 1)
        async with running(watching(store, since=None)) as restarted:
            await until(lambda: bool(restarted.events))

    asyncio.run(scenario())


@needs_3_3
def test_a_stream_that_is_started_anew_does_not_poll_before_it_is_due(quiet: Simulator) -> None:
    async def scenario() -> None:
        async with running(watcher(poke_interval_s=60)):
            await until(lambda: bool(quiet.requests))
        async with running(watcher(poke_interval_s=60)):
            await asyncio.sleep(1.5)  # long enough for a first poll

    asyncio.run(scenario())
    assert len(quiet.requests) == 1


@needs_3_3
def test_equal_watchers_of_several_assets_store_a_watermark_with_each(quiet: Simulator) -> None:
    store = Store("one", "two")

    async def scenario() -> None:
        async with running(watching(store)) as triggerer:
            newest = add(quiet, 1)
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
            assert (
                watermarks(store, "one")[0]["newest"]
                == watermarks(store, "two")[0]["newest"]
                == newest
            )
        # One of them falls back, as when its state is cleared: nothing may be missed for it.
        (key,) = (key for key in store.asset("two").kept if key.startswith(PREFIX))
        await store.asset("two").aset(key, {"since": iso_ms(START)})
        async with running(watching(store)) as restarted:
            await until(lambda: bool(restarted.events))

    asyncio.run(scenario())


class SlowAtFirst(Simulator):
    """Keeps its first response back until ``released`` is set."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.released = Event()

    def _respond(self, request: Request) -> Reply:
        reply = super()._respond(request)
        if len(self.requests) == 1:
            self.released.wait()
        return reply


@needs_3_3
def test_a_second_triggerer_does_not_repeat_what_the_first_has_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store("asked")

    async def scenario(service: SlowAtFirst) -> None:
        async with running(watching(store, poke_interval_s=2 * INTERVAL_S)) as second:
            await until(lambda: bool(service.requests))
            async with running(watching(store)) as first:
                newest = add(service, 2)
                await until(lambda: watermarks(store)[0].get("newest") == newest)
            assert counts(first) == [2]
            service.released.set()
            await polls(service, 3)
            assert counts(second) == []

    with SlowAtFirst(Config(rows=0)) as service:
        connect(monkeypatch, "mintlify", service, extra={"max_attempts": 1, "timeout_s": 600})
        try:
            asyncio.run(scenario(service))
        finally:
            service.released.set()


@needs_3_3
@pytest.mark.parametrize("damaged", ["soon", {"since": "soon"}, {"newest": 3}])
def test_a_damaged_watermark_is_logged_and_ignored(
    quiet: Simulator, caplog: pytest.LogCaptureFixture, damaged: object
) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with running(watching(store)):
            await polls(quiet, 1)
        (key,) = (key for key in store.asset().kept if key.startswith(PREFIX))
        await store.asset().aset(key, damaged)
        add(quiet, 1)
        async with running(watching(store)) as triggerer:
            await until(lambda: bool(triggerer.events))

    asyncio.run(scenario())
    assert "is not a watermark" in caplog.text
