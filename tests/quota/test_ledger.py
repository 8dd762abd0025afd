"""The ledger in a directory: shared, conditional, and never in the way of an export."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import QuotaReached
from airflow_provider_docsanalytics.quota.account import OTHERS, Account, Quota
from airflow_provider_docsanalytics.quota.ledger import Admission, Ledger, name_of
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = "https://api.mintlify.com"
GO = Admission(entered=True, wait_s=0)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(tmp_path: Path, clock: Clock) -> Place:
    return Place(tmp_path / "quota", clock)


class Place:
    """A directory of ledgers, and the workers that use it."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self.file = root / name_of(SERVICE)
        self._clock = clock

    def ledger(self, **options: Any) -> Ledger:
        usual = {"service": SERVICE, "quota": Quota(3, 3600), "by": "dag.task", "host": "worker"}
        storage = CountingStorage(fsspec.filesystem("file"), str(self.root), f"file://{self.root}")
        self.storage = storage
        return Ledger(storage, f"file://{self.root}", now=self._clock, **usual | options)


class CountingStorage(Storage):
    """Counts what a store would be asked."""

    requests = 0

    def read(self, name: str) -> bytes | None:
        self.requests += 1
        return super().read(name)

    def replace(self, name: str, text: bytes, owner: str) -> bool:
        self.requests += 1
        return super().replace(name, text, owner)


def test_two_workers_share_one_account(place: Place, clock: Clock) -> None:
    one, other = place.ledger(by="dag.one", host="a"), place.ledger(by="dag.other", host="b")
    assert [one.enter(0), other.enter(0), one.enter(0)] == [GO, GO, GO]
    refused = other.enter(0)
    assert not refused.entered
    assert refused.wait_s == pytest.approx(3600 * 1.005)
    spent = [(each.by, each.host) for each in one.read().entries]
    assert spent == [("dag.one", "a"), ("dag.other", "b"), ("dag.one", "a")]
    clock.now += refused.wait_s
    assert other.enter(0) == GO
    assert other.left == 2


def test_a_short_wait_is_entered_for_its_moment_and_others_queue_behind_it(
    place: Place, clock: Clock
) -> None:
    one, other = place.ledger(), place.ledger()
    for _ in range(3):
        one.enter(0)
        clock.now += 10
    clock.now += 3500
    waits = [one.enter(120), other.enter(120), one.enter(120)]
    assert all(entered for entered, _ in waits)
    first, second, third = (wait_s for _, wait_s in waits)
    assert (second - first, third - second) == pytest.approx((10, 10))


def test_nobody_waits_in_line_for_longer_than_a_period(place: Place) -> None:
    """Others would take a request of a distant future for one of a wrong clock."""
    ledger = place.ledger()
    assert [ledger.enter(86_400).entered for _ in range(7)] == [True] * 6 + [False]
    assert len(ledger.read().entries) == 6, "three of now, and three of the next hour"


def test_a_request_costs_one_read_and_one_write_at_most(place: Place, clock: Clock) -> None:
    ledger = place.ledger(quota=Quota(100, 3600))
    for number in range(1, 20):
        ledger.enter(0)
        clock.now += 1
        assert place.storage.requests <= number + 1
    place.storage.requests = 0
    place.ledger(quota=Quota(100, 3600)).enter(0)
    assert place.storage.requests <= 2


def test_threads_that_hurry_never_take_one_place_twice(place: Place) -> None:
    ledgers = [place.ledger(quota=Quota(40, 3600)) for _ in range(8)]

    def hurry(ledger: Ledger) -> int:
        return sum(ledger.enter(0).entered for _ in range(10))

    with ThreadPoolExecutor(len(ledgers)) as pool:
        entered = sum(pool.map(hurry, ledgers))
    assert entered == 40
    assert len(ledgers[0].read().entries) == 40


def test_a_refusal_stops_all_workers_until_the_service_has_room(place: Place, clock: Clock) -> None:
    one, other = place.ledger(), place.ledger()
    one.enter(0)
    one.refused(600)
    assert {each.by for each in other.read().entries} == {OTHERS}, (
        "a refused request does not count"
    )
    waits = other.enter(0)
    assert not waits.entered
    assert waits.wait_s == pytest.approx(600)
    clock.now += 601
    assert other.enter(0) == GO


def _damage(place: Place) -> None:
    place.file.write_text('{"ledger_version": 1, "entr')


def _swap(place: Place) -> None:
    foreign = {"ledger_version": 1, "service": "https://other.example.com", "entries": []}
    place.file.write_text(json.dumps(foreign))


def _plant(place: Place) -> None:
    os.mkfifo(place.file)


def _later_version(place: Place) -> None:
    place.file.write_text(json.dumps({"ledger_version": 2, "service": SERVICE, "entries": []}))


@pytest.mark.parametrize("spoil", [_damage, _swap, _plant, _later_version])
def test_a_ledger_that_cannot_be_used_is_warned_about_once_and_passed_over(
    place: Place, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    place.root.mkdir()
    spoil(place)
    before = None if spoil is _plant else place.file.read_bytes()
    ledger = place.ledger(quota=Quota(1, 3600))
    assert [ledger.enter(0) for _ in range(5)] == [GO] * 5
    ledger.refused(60)
    assert ledger.left is None
    assert len(caplog.records) == 1
    assert str(place.file) in caplog.text
    assert before is None or place.file.read_bytes() == before, "nobody else's file is changed"


def test_a_ledger_that_has_failed_is_used_again_after_five_minutes(
    place: Place, clock: Clock
) -> None:
    place.root.mkdir()
    _damage(place)
    ledger = place.ledger(quota=Quota(1, 3600))
    assert [ledger.enter(0), ledger.enter(0)] == [GO, GO]
    place.file.unlink()
    clock.now += 299
    assert [ledger.enter(0), ledger.enter(0)] == [GO, GO]
    clock.now += 2
    assert ledger.enter(0) == GO
    assert not ledger.enter(0).entered


def test_a_directory_that_cannot_be_made_is_passed_over(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    ledger = Place(tmp_path / "file" / "quota", clock).ledger(quota=Quota(1, 3600))
    assert [ledger.enter(0), ledger.enter(0)] == [GO, GO]
    assert len(caplog.records) == 1


def test_a_ledger_that_is_deleted_starts_again(place: Place) -> None:
    ledger = place.ledger(quota=Quota(2, 3600))
    assert [ledger.enter(0), ledger.enter(0)] == [GO, GO]
    place.file.unlink()
    assert ledger.enter(0) == GO
    assert len(ledger.read().entries) == 1


def test_a_worker_whose_clock_is_a_minute_off_still_sends(place: Place, clock: Clock) -> None:
    ahead, behind = Clock(), clock
    ahead.now += 60
    early = Ledger(
        Storage(fsspec.filesystem("file"), str(place.root), "uri"),
        "uri",
        service=SERVICE,
        quota=Quota(3, 3600),
        now=ahead,
    )
    late = place.ledger()
    assert [early.enter(120), late.enter(120), early.enter(120)] == [GO, GO, GO]
    assert not late.enter(0).entered
    for each in (ahead, behind):
        each.now += 3700
    assert late.enter(120).entered


def test_who_has_looked_at_the_account_does_not_undo_what_others_have_entered(
    place: Place,
) -> None:
    one, other = place.ledger(), place.ledger()
    assert [one.enter(0), other.enter(0)] == [GO, GO]
    one.read()
    one.enter(0)
    assert len(one.read().entries) == 3


def test_each_service_has_a_file_of_its_own() -> None:
    assert name_of(SERVICE) == "quota-api.mintlify.com.json"
    assert name_of("http://127.0.0.1:8080/v2/x") == "quota-127.0.0.1-8080-v2-x.json"


def test_what_lies_in_the_file_is_small_and_readable(place: Place) -> None:
    ledger = place.ledger()
    ledger.enter(0)
    document = json.loads(place.file.read_text())
    assert document["service"] == SERVICE
    assert document["entries"] == [
        {"at": "2027-01-15T08:00:00Z", "by": "dag.task", "host": "worker"}
    ]
    assert isinstance(ledger.read(), Account)


def test_all_waits_for_one_page_together_stay_within_the_connections_limit(
    place: Place, clock: Clock
) -> None:
    """A server that fails costs a place for each attempt: another wait would be too long."""

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    slept: list[float] = []
    with Simulator(Config(rows=5)) as service:
        service.add_faults([{"kind": "status", "status": 500, "times": None}])
        settings = Settings(service.url, service.mintlify_key, max_wait_s=150, max_attempts=10)
        ledger = place.ledger(quota=Quota(2, 100))
        selection = MINTLIFY.select("caller_stats", project_id=service.project_id)
        with (
            Client(settings, ledger=ledger, sleep=sleep) as client,
            pytest.raises(QuotaReached),
        ):
            list(client.iter_pages(selection))
        assert len(service.requests) > 2, "it waited once"
    assert 90 < sum(slept) <= 150
