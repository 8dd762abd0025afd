"""The lock file of local and network disks."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.storage.conditional import NoConditions
from airflow_provider_docsanalytics.storage.local import LOCK, WAIT_S, DirectoryLock
from tests.storage.places import Clock

if TYPE_CHECKING:
    from pathlib import Path


def _lock(path: Path) -> DirectoryLock:
    clock = Clock()
    return DirectoryLock(str(path), sleep=clock.sleep, clock=clock)


def test_the_lock_is_a_file_that_is_there_while_it_is_held(tmp_path: Path) -> None:
    with _lock(tmp_path).held():
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
        assert (tmp_path / LOCK).read_bytes() == b""
    assert list(tmp_path.iterdir()) == []


def test_the_lock_file_is_opened_for_writing_as_nfs_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def as_nfs_does(lock: int, operation: int) -> None:
        if fcntl.fcntl(lock, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        real(lock, operation)

    monkeypatch.setattr(fcntl, "flock", as_nfs_does)
    with _lock(tmp_path).held():
        pass


def test_a_lock_that_a_stopped_process_holds_is_an_error_and_is_not_passed_over(
    tmp_path: Path,
) -> None:
    clock = Clock()
    with (
        _lock(tmp_path).held(),
        pytest.raises(StorageError, match=r"held this lock for 60 s.*\nFind the process"),
        DirectoryLock(str(tmp_path), sleep=clock.sleep, clock=clock).held(),
    ):
        raise AssertionError("two hold the lock")
    assert clock.now >= WAIT_S
    with _lock(tmp_path).held():  # the error has removed nothing and left nothing
        pass


def test_a_file_that_a_killed_process_left_is_locked_again(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    with _lock(tmp_path).held():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_file_that_was_removed_meanwhile_locks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the opening of the file and its locking, its holder removes it and another comes."""
    real, rivals = fcntl.flock, list[int]()

    def late(lock: int, operation: int) -> None:
        if not rivals:
            (tmp_path / LOCK).unlink()
            rivals.append(os.open(tmp_path / LOCK, os.O_RDWR | os.O_CREAT))
            real(rivals[0], fcntl.LOCK_EX)
        real(lock, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    ended = list[bool]()

    def rival_ends(_: float) -> None:
        ended.append(True)
        if rivals[0] >= 0:
            os.close(rivals[0])
            rivals[0] = -1

    with DirectoryLock(str(tmp_path), sleep=rival_ends).held():
        assert ended
    assert list(tmp_path.iterdir()) == []


def test_a_handle_that_nfs_calls_stale_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = fcntl.flock, list[int]()

    def stale_at_first(lock: int, operation: int) -> None:
        calls.append(lock)
        if len(calls) == 1:
            raise OSError(errno.ESTALE, "Stale file handle")
        real(lock, operation)

    monkeypatch.setattr(fcntl, "flock", stale_at_first)
    with _lock(tmp_path).held():
        assert len(calls) == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks_says_that_it_has_none_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(NoConditions, match="cannot be locked"), _lock(tmp_path).held():
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_error_of_the_disk_is_not_taken_for_a_lack_of_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"), _lock(tmp_path).held():
        pass


def test_a_link_planted_under_the_locks_name_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / LOCK).symlink_to(outside)
    with pytest.raises(ConfigError, match="a symbolic link"), _lock(tmp_path / "lake").held():
        pass
    assert outside.exists()


@pytest.mark.parametrize(
    ("directory", "lock"), [(0o755, 0o600), (0o775, 0o660), (0o1777, 0o666), (0o700, 0o600)]
)
def test_who_may_write_to_the_directory_may_lock_it_and_nobody_else(
    tmp_path: Path, directory: int, lock: int
) -> None:
    tmp_path.chmod(directory)
    with _lock(tmp_path).held():
        assert (tmp_path / LOCK).stat().st_mode & 0o777 == lock
