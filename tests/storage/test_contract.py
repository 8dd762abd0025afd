"""What every store promises: a file changes only if it is as it was last read or written."""

from __future__ import annotations

import errno
import fcntl
import logging
import multiprocessing
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from moto.s3.responses import S3Response

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.storage import Storage
from airflow_provider_docsanalytics.storage.conditional import StoreClock
from tests.reliability import s3_proxy
from tests.storage.places import Listed, Place, count_up, memory, s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME, OTHER = "_checkpoint.json", "_manifest.json"


def _no_locks(*_: Any) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.fixture(params=["local", "local without locks", "listed", "memory", "S3", "S3 with 501"])
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    s3_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    here = str(tmp_path / "out")
    match request.param:
        case "local":
            yield Place(LocalFileSystem, here)
        case "local without locks":
            monkeypatch.setattr(fcntl, "flock", _no_locks)
            yield Place(LocalFileSystem, here)
        case "listed":
            yield Place(Listed, here)
        case "memory":
            yield Place(memory, f"/{uuid.uuid4()}")
        case "S3":
            yield Place(cache(partial(s3, s3_url)), f"lake/{uuid.uuid4()}")
        case _:
            with s3_proxy.proxy(s3_url) as url:
                s3_proxy.fail(url, 0, s3_proxy.NO_CONDITIONS)
                yield Place(cache(partial(s3, url)), f"lake/{uuid.uuid4()}")


def test_a_file_that_is_not_there_is_made_by_the_first_alone(place: Place) -> None:
    one, other = place.storage(), place.storage()
    assert one.read(NAME) is other.read(NAME) is None
    assert one.replace(NAME, b"one", "1")
    assert not other.replace(NAME, b"other", "2")
    assert place.storage().read(NAME) == b"one"
    assert place.names() == [NAME]


def test_a_write_needs_no_second_read(place: Place) -> None:
    one, other = place.storage(), place.storage()
    one.read(NAME)
    assert one.replace(NAME, b"1", "1")
    assert one.replace(NAME, b"2", "1")
    assert other.read(NAME) == b"2"
    assert one.replace(NAME, b"3", "1")
    assert not other.replace(NAME, b"x", "2")
    assert not other.replace(NAME, b"x", "2")
    assert other.read(NAME) == b"3"
    assert other.replace(NAME, b"4", "2")
    assert not one.replace(NAME, b"x", "1")
    assert place.storage().read(NAME) == b"4"


def test_a_file_that_has_gone_or_come_is_another_one(place: Place) -> None:
    one, other = place.storage(), place.storage()
    one.read(NAME)
    assert one.replace(NAME, b"1", "1")
    other.read(NAME)
    assert other.remove(NAME)
    assert not one.replace(NAME, b"2", "1")
    assert place.storage().read(NAME) is None
    assert other.replace(NAME, b"3", "2")
    assert not one.replace(NAME, b"2", "1")
    assert place.storage().read(NAME) == b"3"


def test_only_what_is_as_it_was_seen_is_removed(place: Place) -> None:
    one, other = place.storage(), place.storage()
    one.read(NAME)
    assert one.replace(NAME, b"1", "1")
    other.read(NAME)
    assert other.replace(NAME, b"2", "2")
    assert not one.remove(NAME)
    assert place.storage().read(NAME) == b"2"
    assert other.remove(NAME)
    assert one.remove(NAME)  # it is gone
    assert other.remove(NAME)  # it was removed
    assert place.names() == []


def test_each_file_has_a_version_of_its_own(place: Place) -> None:
    one, other = place.storage(), place.storage()
    for storage in (one, other):
        storage.read(NAME)
        storage.read(OTHER)
    assert one.replace(NAME, b"1", "1")
    assert other.replace(OTHER, b"2", "2")
    assert not one.replace(OTHER, b"1", "1")
    assert place.names() == [NAME, OTHER]


def test_an_empty_file_is_a_file(place: Place) -> None:
    one, other = place.storage(), place.storage()
    one.read(NAME)
    other.read(NAME)
    assert one.replace(NAME, b"", "1")
    assert not other.replace(NAME, b"x", "2")
    assert other.read(NAME) == b""
    assert other.remove(NAME)


def test_what_lies_there_meanwhile_is_no_part_and_no_garbage(tmp_path: Path) -> None:
    seen = set[str]()

    class Looking(Listed):
        def cat_file(self, path: str, *args: Any, **kwargs: Any) -> bytes:
            seen.update(ExportDirectory(Listed(), str(tmp_path), "uri").list_sizes())
            assert any(path.name.startswith(".announce-") for path in tmp_path.iterdir())
            assert list(tmp_path.glob("[!.]*")) == [tmp_path / NAME]
            return bytes(super().cat_file(path, *args, **kwargs))

    Place(Listed, str(tmp_path)).storage().make()
    (tmp_path / NAME).write_bytes(b"1")
    storage = Storage(Listed(), str(tmp_path), "uri")
    storage.read(NAME)
    storage._objects._fs = Looking()
    assert storage.replace(NAME, b"2", "1")
    assert seen == set()


@pytest.mark.parametrize("store", ["local", "listed"])
def test_processes_that_race_lose_no_write_and_leave_nothing(tmp_path: Path, store: str) -> None:
    make = {"local": LocalFileSystem, "listed": Listed}[store]
    place = Place(make, str(tmp_path))
    context = multiprocessing.get_context("fork")
    times = {"local": 60, "listed": 8}[store]
    racers = [context.Process(target=count_up, args=(place, times)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * 3
    assert (tmp_path / NAME).read_bytes() == b"%d" % (3 * times)
    assert place.names() == [NAME]


def test_of_two_who_write_to_s3_at_once_one_wins(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of these tests checks a condition and writes in one step, as S3 does."""
    place = Place(partial(s3, s3_url), f"lake/{uuid.uuid4()}")
    one, other = place.storage(), place.storage()
    for storage in (one, other):
        assert storage.read(NAME) is None
    both = threading.Barrier(2)
    checksum = S3Response._get_checksum

    def between_condition_and_write(response: S3Response, *arguments: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=2)
        return checksum(response, *arguments)

    monkeypatch.setattr(S3Response, "_get_checksum", between_condition_and_write)
    with ThreadPoolExecutor(2) as threads:
        won = list(threads.map(lambda each: each.replace(NAME, b"x", ""), (one, other)))
    assert sorted(won) == [False, True]


def test_whether_a_removal_is_one_step_is_told(tmp_path: Path, s3_url: str) -> None:
    assert Storage(LocalFileSystem(), str(tmp_path), "uri").removes_on_condition
    assert Storage(memory(), "/x", "uri").removes_on_condition
    assert not Storage(s3(s3_url), "lake/x", "uri").removes_on_condition


def test_the_time_is_the_stores_where_it_has_one(tmp_path: Path, s3_url: str) -> None:
    disk = Storage(LocalFileSystem(), str(tmp_path), "uri")
    store = Storage(s3(s3_url), f"lake/{uuid.uuid4()}", "uri")
    for each in (disk, store):
        assert each.read(NAME) is None
        assert each.replace(NAME, b"1", "1")
    assert disk.now() is None
    assert store.now() == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Fri, 27 Nov 2026 03:44:14 GMT", 1_795_751_054),
        ("2026-11-27T03:44:14.250Z", 1_795_751_054.25),
        (datetime(2026, 11, 27, 3, 44, 14, tzinfo=UTC), 1_795_751_054),
        ("yesterday", None),
        ("2026-11-27T03:44:14", None),
        (None, None),
    ],
)
def test_the_date_of_a_response_is_the_stores_time(
    date: datetime | str | None, expected: float | None
) -> None:
    clock = StoreClock()
    clock.saw(date)
    assert clock.now() == (None if expected is None else pytest.approx(expected, abs=1))


def test_s3_is_read_with_one_request_and_written_with_one(s3_url: str) -> None:
    with s3_proxy.proxy(s3_url) as url:
        storage = Storage(s3(url), f"lake/{uuid.uuid4()}", "uri")
        s3_proxy.fail(url, 0, "")
        storage.read(NAME)
        assert s3_proxy.fail(url, 0, "") == 1
        assert storage.replace(NAME, b"1", "1")
        assert storage.replace(NAME, b"2", "1")
        assert s3_proxy.fail(url, 0, "") == 2
        assert storage.read(NAME) == b"2"
        assert s3_proxy.fail(url, 0, "") == 1


def test_a_store_that_has_no_conditions_says_so_once(
    s3_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with s3_proxy.proxy(s3_url) as url:
        s3_proxy.fail(url, 0, s3_proxy.NO_CONDITIONS)
        storage = Storage(s3(url), f"lake/{uuid.uuid4()}", "s3://lake/here")
        for name in (NAME, OTHER):
            storage.read(name)
            assert storage.replace(name, b"1", "1")
        assert storage.removes_on_condition
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "s3://lake/here: this store has no conditional writes; attempts exclude" in caplog.text


def test_a_store_that_needs_announcements_says_so_to_writers_and_not_to_readers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="airflow_provider_docsanalytics")
    storage = Storage(fsspec.filesystem("memory"), f"/{uuid.uuid4()}", "memory://lake/here")
    storage.read(NAME)
    assert caplog.messages == []
    storage.make()
    for name in (NAME, OTHER):
        storage.read(name)
        assert storage.replace(name, b"1", "1")
    (note,) = caplog.messages
    assert note.startswith("memory://lake/here: attempts exclude each other by small files")


def test_a_disk_without_locks_says_so_once_at_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", _no_locks)
    storage = Storage(LocalFileSystem(), str(tmp_path), "file:///lake")
    for name in (NAME, OTHER):
        storage.read(name)
        assert storage.replace(name, b"1", "1")
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert f"{tmp_path} cannot be locked (No locks available)" in warned[0]


def test_a_failure_names_what_and_where_and_no_secret() -> None:
    class Refusing(Listed):
        def info(self, *_: Any, **__: Any) -> Any:
            raise PermissionError(
                "GET https://x.example/lake?sv=1&sig=s3cr3t&se=2: AccountKey=t0p;"
            )

    storage = Storage(Refusing(), "/lake", "sftp://lake")
    with pytest.raises(StorageError) as failed:
        storage.read(NAME)
    message = str(failed.value)
    assert "sftp://lake: could not read _checkpoint.json: PermissionError" in message
    assert "s3cr3t" not in message
    assert "t0p" not in message
    assert "se=2" in message
