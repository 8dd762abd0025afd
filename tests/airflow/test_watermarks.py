"""How far each watcher has got: no other watcher moves it, and no clock."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.hooks import mintlify as hook
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.triggers import _watermark, _watermark_store
from airflow_provider_docsanalytics.triggers import mintlify as trigger
from airflow_provider_docsanalytics.triggers._shared_poll import PollResult
from airflow_provider_docsanalytics.triggers._watermark import MAX_REREAD, Watermark
from airflow_provider_docsanalytics.triggers._watermark_store import (
    INDEX,
    OLD_KEY,
    PREFIX,
    RETENTION,
    SAVED_AT,
    WatermarkStore,
)
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_docsanalytics.window import iso_ms
from tests.airflow.conftest import connect
from tests.airflow.watching import (
    START,
    Asset,
    Store,
    add,
    counts,
    polls,
    running,
    until,
    watcher,
    watching,
)
from tests.airflow.watching import watermarks as stored_watermarks

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_3_3 = pytest.mark.skipif(
    not AIRFLOW_V_3_3_PLUS, reason="shared polls and the asset state store: Airflow 3.3+"
)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A project in which nobody has asked anything yet."""
    with Simulator(Config(rows=0)) as service:
        connect(monkeypatch, "mintlify", service, extra={"max_attempts": 1})
        yield service


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The same with another connection, ``other``."""
    with Simulator(Config(rows=0)) as service:
        fields = {"host": service.url, "login": service.project_id}
        connection = {"conn_type": "mintlify", "password": service.mintlify_key} | fields
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(connection))
        yield service


# One for each watcher -----------------------------------------------------------------------------


@needs_3_3
def test_watchers_of_one_asset_do_not_hide_each_others_turns(
    quiet: Simulator, other: Simulator
) -> None:
    store = Store("asked")

    async def scenario() -> None:
        one, two = watching(store), watching(store, mintlify_conn_id="other")
        async with running(one) as first, running(two) as second:
            await polls(quiet, 1)
            add(other, 1, after_s=3600)  # the other project is busy an hour later
            await until(lambda: bool(second.events))
            await polls(other, 2)
            add(quiet, 3, after_s=300)
            await until(lambda: bool(first.events))
            await polls(quiet, 2)
            assert (counts(first), counts(second)) == ([3], [1])

    asyncio.run(scenario())
    assert len(stored_watermarks(store)) == 2


@needs_3_3
@pytest.mark.parametrize(
    "differs",
    [{"minimum": 3}, {"resolution_status": "unanswered"}, {"project_id": "proj_sim_docs"}],
    ids=str,
)
def test_pending_turns_outlive_a_restart_beside_another_watcher(
    quiet: Simulator, differs: dict[str, Any]
) -> None:
    store = Store("asked")
    patient = {"minimum": 2} | differs

    async def scenario() -> None:
        async with running(watching(store), watching(store, **patient)) as triggerer:
            add(quiet, 1, resolution_status="unanswered")
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
            assert counts(triggerer) == [1]
        missing = patient["minimum"] - 1
        async with running(watching(store), watching(store, **patient)) as restarted:
            add(quiet, missing, after_s=60, resolution_status="unanswered")
            await until(lambda: len(restarted.events) == 2)
            assert sorted(counts(restarted)) == [missing, patient["minimum"]]

    asyncio.run(scenario())


@needs_3_3
def test_another_interval_and_another_since_do_not_lose_the_mark(quiet: Simulator) -> None:
    store = Store("asked")

    async def scenario() -> None:
        async with running(watching(store)) as triggerer:
            add(quiet, 2)
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
        add(quiet, 1, after_s=60)
        async with running(watching(store, since=None, poke_interval_s=0.3)) as changed:
            await until(lambda: bool(changed.events))
            await polls(quiet, 2)
            assert counts(changed) == [1]

    asyncio.run(scenario())
    assert len(stored_watermarks(store)) == 1


# The store ----------------------------------------------------------------------------------------


def _begun(store: Store, name: str, since: datetime = START) -> tuple[WatermarkStore, Watermark]:
    accessors: Any = store
    kept = WatermarkStore(accessors, name)
    return kept, asyncio.run(kept.load_or_save(Watermark(since=iso_ms(since))))


OLD = {
    "since": "2026-02-01T00:00:00.000Z",
    "newest": "2026-02-01T00:05:00.000Z",
    "counted": ["0011223344556677"],
    "pending": None,
}


def test_the_watermark_of_an_older_version_is_taken_over_once_and_removed() -> None:
    store = Store("asked")
    asyncio.run(store.asset().aset(OLD_KEY, OLD))
    _, watermark = _begun(store, "one")
    assert (watermark.since, watermark.newest) == (OLD["since"], OLD["newest"])
    assert list(watermark.counted) == OLD["counted"]
    assert OLD_KEY not in store.asset().kept
    assert json.loads(store.asset().kept[PREFIX + "one"])["since"] == OLD["since"]
    _, other = _begun(store, "two")
    assert other.since == iso_ms(START)


def test_a_watcher_with_a_watermark_of_its_own_leaves_an_older_versions_alone() -> None:
    store = Store("asked")
    _begun(store, "one")
    asyncio.run(store.asset().aset(OLD_KEY, OLD))
    _, watermark = _begun(store, "one", START + timedelta(days=1))
    assert watermark.since == iso_ms(START)
    assert OLD_KEY in store.asset().kept


@pytest.mark.parametrize("asleep", [RETENTION - timedelta(days=1), RETENTION * 2], ids=str)
def test_the_watermark_of_a_watcher_goes_long_after_it_has_ended(
    monkeypatch: pytest.MonkeyPatch, asleep: timedelta
) -> None:
    store = Store("asked")
    kept = store.asset().kept
    _begun(store, "ended")
    ended = json.loads(kept[PREFIX + "ended"])
    ended[SAVED_AT] = iso_ms(datetime.now(UTC) - asleep)
    kept[PREFIX + "ended"] = json.dumps(ended)
    running, _ = _begun(store, "running")
    assert json.loads(kept[INDEX]) == ["ended", "running"]
    asyncio.run(running.clean_up())
    assert PREFIX + "ended" in kept  # not yet: the others have to come back first
    soon = _watermark_store.time.monotonic() + 3601
    monkeypatch.setattr(_watermark_store, "time", SimpleNamespace(monotonic=lambda: soon))
    asyncio.run(running.clean_up())
    gone = asleep > RETENTION
    assert (PREFIX + "ended" in kept) is not gone
    assert PREFIX + "running" in kept
    assert sorted(json.loads(kept[INDEX])) == (["running"] if gone else ["ended", "running"])


# Clocks -------------------------------------------------------------------------------------------


def _set_clocks(monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> None:
    """Let the triggerer's clock be wrong; the service's stays right."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + skew

    for module in (hook, trigger, _watermark_store):
        monkeypatch.setattr(module, "datetime", Wrong)


@pytest.mark.parametrize("hours", [-2, -1, 0, 1, 2])
def test_every_turn_is_announced_once_whatever_the_triggerers_clock_says(
    quiet: Simulator, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    now = datetime.now(UTC)
    _set_clocks(monkeypatch, timedelta(hours=hours))

    async def scenario() -> None:
        since = iso_ms(now - timedelta(hours=5))
        async with running(watcher(since=since)) as one, running(watcher(since=None)) as two:
            await polls(quiet, 3)
            for number, ahead_h in enumerate((2, 0, -1, 0.5, -2, 0.01), start=1):
                quiet.add_turns(1, iso_ms(now + timedelta(hours=ahead_h, seconds=number)))
                await until(lambda: counts(one) == counts(two) == [1] * number)  # noqa: B023 - waited for
            await polls(quiet, 3)
            assert counts(one) == counts(two) == [1] * 6

    asyncio.run(scenario())


def test_what_is_stamped_days_ahead_hides_nothing_until_then(quiet: Simulator) -> None:
    now = datetime.now(UTC)

    async def scenario() -> None:
        async with running(watcher(since=iso_ms(now - timedelta(hours=1)))) as triggerer:
            quiet.add_turns(1, iso_ms(now + timedelta(days=300)))
            await polls(quiet, 2)
            quiet.add_turns(1, iso_ms(now))
            await until(lambda: bool(triggerer.events))
            await polls(quiet, 2)
            assert counts(triggerer) == [1]

    asyncio.run(scenario())


def _turn(number: int, at: datetime) -> hook.Turn:
    return hook.Turn(key=str(number), timestamp=iso_ms(at), resolution=None)


def _poll(watermark: Watermark, turns: list[hook.Turn], size: int = 1000) -> PollResult:
    shown = sorted((turn for turn in turns if turn.timestamp >= watermark.since), key=_moment)
    return PollResult(watermark.since, tuple(shown[-size:]), more=len(shown) > size)


def _moment(turn: hook.Turn) -> str:
    return turn.timestamp


def test_a_page_that_is_empty_by_mistake_makes_nothing_new() -> None:
    turns = [_turn(number, START + timedelta(minutes=number)) for number in range(20)]
    watermark = Watermark(since=iso_ms(START))
    for result in (
        _poll(watermark, turns),
        PollResult(watermark.since, (), more=False),
        _poll(watermark, turns),
    ):
        watermark = watermark.after(result, result.turns)
    assert watermark.pending is not None
    assert watermark.pending.count == watermark.total == 20


def test_a_busy_project_leaves_room_for_new_turns_on_the_page() -> None:
    watermark, turns = Watermark(since=iso_ms(START)), []
    for poll in range(8):
        for number in range(500):
            at = START + timedelta(minutes=15 * poll, seconds=1.8 * number)
            turns.append(_turn(500 * poll + number, at))
        result = _poll(watermark, turns)
        assert not result.more
        watermark = watermark.after(result, result.turns)
    assert watermark.total == len(turns) == 4000
    assert MAX_REREAD <= len(watermark.counted) <= 2 * MAX_REREAD


def test_more_turns_of_one_moment_than_a_page_holds_are_got_past() -> None:
    watermark = Watermark(since=iso_ms(START))
    turns = [_turn(number, START) for number in range(1200)]
    for _ in range(2):
        result = _poll(watermark, turns)
        watermark = watermark.after(result, result.turns)
    assert watermark.since > iso_ms(START)
    assert watermark.total == 1000


def test_a_poll_reaches_further_back_than_ahead() -> None:
    assert timedelta(hours=2) + _watermark.OVERLAP <= _watermark.MAX_LOOKBACK - hook.AHEAD


# Airflow's own parts ------------------------------------------------------------------------------


class Supervisor:
    """Airflow's end of what a trigger asks for; the messages and the accessors are Airflow's."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    async def asend(self, message: Any) -> Any:
        from airflow.sdk.execution_time.comms import AssetStateStoreResult

        where = (getattr(message, "name", None) or message.uri, message.key)
        if type(message).__name__.startswith("Set"):
            self.kept[where] = message.value
        elif type(message).__name__.startswith("Delete"):
            self.kept.pop(where, None)
        elif where in self.kept:
            return AssetStateStoreResult(value=self.kept[where])
        return None


@needs_3_3
def test_airflows_own_store_keeps_a_watermark_with_every_asset_by_name_and_by_uri(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.sdk.definitions.asset import AssetNameRef, AssetUriRef
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors

    supervisor = Supervisor()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    inlets = [
        AssetNameRef("asked"),
        AssetNameRef("told"),
        AssetUriRef("mintlify://acme/conversations"),
    ]
    watermark = Watermark(since=iso_ms(START), total=7)

    async def scenario() -> None:
        await WatermarkStore(AssetStateStoreAccessors(inlets), "w").load_or_save(watermark)
        assert {where for where, key in supervisor.kept if key == f"{PREFIX}w"} == {
            "asked",
            "told",
            "mintlify://acme/conversations",
        }
        for inlet in inlets:
            alone = WatermarkStore(AssetStateStoreAccessors([inlet]), "w")
            assert await alone.load_or_save(Watermark(since=iso_ms(START))) == watermark

    asyncio.run(scenario())


class OneAsset(Asset):
    """A store of an Airflow to come: the documented methods, and other private parts."""


class ManyAssets:
    """The same with two assets: the documented methods refuse to choose."""

    async def aget(self, key: str) -> Any:
        raise ValueError(f"Task has 2 concrete inlets: which of them has {key!r}?")


class OtherValues(ManyAssets):
    """The private parts have their names, and hold something else."""

    def __init__(self) -> None:
        self._by_name = {"asked": "asked"}
        self._by_uri: list[str] = []


def test_a_store_of_another_shape_serves_a_single_asset() -> None:
    async def scenario() -> None:
        store: Any = OneAsset()
        watermark = Watermark(since=iso_ms(START), total=7)
        await WatermarkStore(store, "w").load_or_save(watermark)
        assert (
            await WatermarkStore(store, "w").load_or_save(Watermark(since=iso_ms(START)))
            == watermark
        )

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", [ManyAssets, OtherValues, object])
def test_a_store_that_cannot_be_used_is_one_line_and_the_watcher_goes_on(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        first, later = Watermark(since=iso_ms(START)), Watermark(since=iso_ms(START), total=7)
        store = WatermarkStore(kind(), "w")
        assert await store.load_or_save(first) == first
        await store.save(later)
        assert await store.load() is None
        await store.clean_up()

    asyncio.run(scenario())
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "asset state store" in line
    assert "\n" not in line
