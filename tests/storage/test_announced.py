"""Mutual exclusion by announcement, moment by moment."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.storage.announced import (
    PREFIX,
    STALE_S,
    WAIT_S,
    AnnouncedObjects,
    renaming,
)
from tests.storage.places import Clock, Listed, Timeless

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "_manifest.json"


def _objects(filesystem: Any, root: Any, clock: Clock | None = None) -> AnnouncedObjects:
    clock = clock or Clock()
    put = renaming(filesystem)
    return AnnouncedObjects(filesystem, str(root), put, sleep=clock.sleep, clock=clock)


def _announce(path: Path, age_s: float = 0) -> Path:
    other = path / f"{PREFIX}{NAME}-{int(time.time() - age_s)}-0badf00d"
    other.write_text(other.name)
    os.utime(other, (time.time() - age_s,) * 2)
    return other


def test_who_finds_another_announcement_changes_nothing_and_gives_up_in_the_end(
    tmp_path: Path,
) -> None:
    other, clock = _announce(tmp_path), Clock()
    objects = _objects(Listed(), tmp_path, clock)
    with pytest.raises(StorageError, match=r"for 60 s. Nothing was changed.*\nIf one of them"):
        objects.write(f"{tmp_path}/{NAME}", b"1", None)
    assert clock.now >= WAIT_S
    assert list(tmp_path.iterdir()) == [other]


def test_who_finds_another_announcement_goes_on_once_that_is_withdrawn(tmp_path: Path) -> None:
    other, pauses = _announce(tmp_path), list[float]()

    def sleep(seconds: float) -> None:
        assert list(tmp_path.iterdir()) == [other]  # one's own is withdrawn before the wait
        pauses.append(seconds)
        if len(pauses) == 3:
            other.unlink()
            pauses.clear()
            other.with_name("gone").touch()

    filesystem = Listed()
    put = renaming(filesystem)
    objects = AnnouncedObjects(filesystem, str(tmp_path), put, sleep=sleep)
    assert objects.write(f"{tmp_path}/{NAME}", b"1", None) == b"1"


def test_an_announcement_of_another_file_is_in_nobodys_way(tmp_path: Path) -> None:
    other = tmp_path / f"{PREFIX}_checkpoint.json-{int(time.time())}-0badf00d"
    other.touch()
    assert _objects(Listed(), tmp_path).write(f"{tmp_path}/{NAME}", b"1", None)
    assert other.exists()


def test_a_rival_that_comes_between_the_look_and_the_write_waits(tmp_path: Path) -> None:
    """The moment in which an overtaken attempt used to undo a winner."""
    path, tried = f"{tmp_path}/{NAME}", list[str]()

    class Interrupted(Listed):
        def cat_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
            with pytest.raises(StorageError, match="other processes kept announcing"):
                _objects(Listed(), tmp_path).write(path, b"rival", b"0")
            tried.append(path)
            return super().cat_file(path, *args, **kwargs)

    (tmp_path / NAME).write_bytes(b"0")
    assert _objects(Interrupted(), tmp_path).write(path, b"1", b"0") == b"1"
    assert tried == [path]
    assert _objects(Listed(), tmp_path).write(path, b"rival", b"0") is None
    assert (tmp_path / NAME).read_bytes() == b"1"


def test_a_rival_that_has_won_just_before_is_seen(tmp_path: Path) -> None:
    path = f"{tmp_path}/{NAME}"

    class Late(Listed):
        def ls(self, path: str, *args: Any, **kwargs: Any) -> Any:
            entries = super().ls(path, *args, **kwargs)
            (tmp_path / NAME).write_bytes(b"rival")
            return entries

    (tmp_path / NAME).write_bytes(b"0")
    assert _objects(Late(), tmp_path).write(path, b"1", b"0") is None
    assert not _objects(Late(), tmp_path).delete(path, b"0")
    assert (tmp_path / NAME).read_bytes() == b"rival"


def test_what_a_dead_process_announced_counts_for_ten_minutes_and_is_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    young = _announce(tmp_path, STALE_S - 30)
    with pytest.raises(StorageError, match="other processes kept announcing"):
        _objects(Listed(), tmp_path).write(f"{tmp_path}/{NAME}", b"1", None)
    young.unlink()
    _announce(tmp_path, STALE_S + 30)
    assert _objects(Listed(), tmp_path).write(f"{tmp_path}/{NAME}", b"1", None)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert "is stale, because its process has died: deleted" in caplog.text


def test_the_age_is_told_by_the_stores_clock_where_it_tells_the_time(tmp_path: Path) -> None:
    """The worker that wrote the other announcement has a clock that is a day behind."""
    other = tmp_path / f"{PREFIX}{NAME}-{int(time.time()) - 86400}-0badf00d"
    other.touch()
    with pytest.raises(StorageError, match="other processes kept announcing"):
        _objects(Listed(), tmp_path).write(f"{tmp_path}/{NAME}", b"1", None)
    assert other.exists()


@pytest.mark.parametrize(("age_s", "counts"), [(STALE_S - 30, True), (STALE_S + 30, False)])
def test_the_age_is_told_by_the_name_where_listings_tell_no_time(
    age_s: float, *, counts: bool
) -> None:
    root, filesystem = f"/timeless/{age_s}", Timeless()
    filesystem.pipe_file(f"{root}/{PREFIX}{NAME}-{int(time.time() - age_s)}-0badf00d", b"x")
    objects = _objects(filesystem, root)
    if counts:
        with pytest.raises(StorageError, match="other processes kept announcing"):
            objects.write(f"{root}/{NAME}", b"1", None)
    else:
        assert objects.write(f"{root}/{NAME}", b"1", None)
        assert [entry["name"] for entry in filesystem.ls(root)] == [f"{root}/{NAME}"]


def test_a_listing_that_lacks_ones_own_announcement_proves_nothing(tmp_path: Path) -> None:
    class Lagging(Listed):
        lag = 2

        def ls(self, path: str, *args: Any, **kwargs: Any) -> Any:
            entries = super().ls(path, *args, **kwargs)
            self.lag -= 1
            return [] if self.lag >= 0 else entries

    filesystem = Lagging()
    assert _objects(filesystem, tmp_path).write(f"{tmp_path}/{NAME}", b"1", None)
    assert filesystem.lag == -1


@pytest.mark.parametrize("change", ["write", "delete"])
def test_who_stood_still_before_its_write_does_not_write(tmp_path: Path, change: str) -> None:
    path, clock = f"{tmp_path}/{NAME}", Clock()

    class Still(Listed):
        def cat_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
            clock.sleep(STALE_S)
            return super().cat_file(path, *args, **kwargs)

    (tmp_path / NAME).write_bytes(b"0")
    objects = _objects(Still(), tmp_path, clock)
    changes: dict[str, Callable[[], Any]] = {
        "write": lambda: objects.write(path, b"1", b"0"),
        "delete": lambda: objects.delete(path, b"0"),
    }
    with pytest.raises(StorageError, match=r"took 600 s.*Nothing was changed"):
        changes[change]()
    assert (tmp_path / NAME).read_bytes() == b"0"


def test_an_announcement_that_cannot_be_withdrawn_does_not_undo_the_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Keeping(Listed):
        def rm_file(self, path: str) -> None:
            raise PermissionError(path)

    clock, path = Clock(), f"{tmp_path}/{NAME}"
    objects = _objects(Keeping(), tmp_path, clock)
    assert objects.write(path, b"1", None) == b"1"
    assert objects.write(path, b"2", b"1") == b"2"  # one's own is no rival's
    assert clock.now == 0
    assert caplog.text.count("keeps other processes out for 600 s") == 1
    with pytest.raises(StorageError, match="other processes kept announcing"):
        _objects(Listed(), tmp_path).write(path, b"3", b"2")


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Mortal(Listed):
    """A store whose client is killed before one of its calls, and whose later calls do nothing."""

    calls = ("pipe_file", "ls", "info", "cat_file", "mv", "rm_file")

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.left = dies_at

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self.step(found) if name in Mortal.calls else found

    def step(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return call(*arguments, **options)

        return step


def test_a_crash_at_any_step_leaves_the_old_or_the_new_file_and_is_over_in_ten_minutes(
    tmp_path: Path,
) -> None:
    states = set[bytes]()
    for dies_at in range(20):
        lake = tmp_path / str(dies_at)
        lake.mkdir()
        path = lake / NAME
        path.write_bytes(b"old")
        try:
            _objects(Mortal(dies_at), lake).write(str(path), b"new", b"old")
            whole = True
        except Killed:
            whole = False
        state = path.read_bytes()
        states.add(state)
        for left in lake.glob(f"{PREFIX}*"):
            os.utime(left, (time.time() - STALE_S - 60,) * 2)
        assert _objects(Listed(), lake).write(str(path), b"next", state) == b"next"
        assert not list(lake.glob(f"{PREFIX}*"))
        if whole:
            break
    assert whole
    assert states == {b"old", b"new"}


def test_a_store_that_cannot_rename_is_written_in_place(tmp_path: Path) -> None:
    class Fixed(Listed):
        def mv(self, *_: Any, **__: Any) -> None:
            raise OSError("exists")

    for text in (b"1", b"2"):
        renaming(Fixed())(f"{tmp_path}/{NAME}", text)
        assert [path.name for path in tmp_path.iterdir()] == [NAME]
        assert (tmp_path / NAME).read_bytes() == text
