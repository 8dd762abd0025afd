"""A lock on a directory that excludes other processes and, over NFS, other machines."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.storage.objects import NoConditions
from airflow_provider_docsanalytics.storage.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = ".docsanalytics.lock"
"""Exists while a process holds or takes the lock; empty."""
WAIT_S = 60.0
"""Who holds the lock reads and writes one small file: if that takes so long, it is stopped."""
_POLL_S = 0.02
_NO_LOCKS = frozenset(
    {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF}
)


class DirectoryLock:
    """A lock file in a directory, opened for writing: NFS gives exclusive locks on no other.

    Whoever lets the lock go removes the file first, so nothing stays behind. A file that was locked
    and is no longer the one of that name locks nothing.

    Args:
        root: the directory.
    """

    def __init__(
        self,
        root: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._path = f"{root}/{LOCK}"
        self._sleep = sleep
        self._clock = clock

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep all others out.

        Raises:
            NoConditions: this file system has no locks.
            StorageError: another process has held the lock for :data:`WAIT_S` seconds.
        """
        lock = self._acquire()
        try:
            yield
        finally:
            self._release(lock)

    def _acquire(self) -> int:
        give_up = self._clock() + WAIT_S
        while (lock := self._try()) is None:
            if self._clock() > give_up:
                raise StorageError(
                    f"{self._path}: another process has held this lock for {WAIT_S:.0f} s, which "
                    "takes milliseconds. Nothing was changed, and a retry resumes.\n"
                    "Find the process (lslocks shows it on its machine): it is stopped, or the "
                    "storage hangs. Do not remove the file."
                )
            self._sleep(_POLL_S)
        return lock

    def _try(self) -> int | None:
        """Return the locked file, ``None`` while another process has it."""
        lock = self._open()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_current(lock):
                return lock
        except BlockingIOError:
            pass
        except OSError as error:
            os.close(lock)
            if error.errno in _NO_LOCKS:
                self._remove()
                raise NoConditions(f"{self._root} cannot be locked ({error.strerror})") from error
            if error.errno == errno.ESTALE:  # NFS: removed by another machine
                return None
            raise
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        return None

    def _open(self) -> int:
        while True:
            try:
                return open_regular(self._path, os.O_RDWR)
            except FileNotFoundError:
                with suppress(FileExistsError):
                    flags = os.O_RDWR | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL
                    lock = os.open(self._path, flags, 0o600)
                    # Whoever may write to the directory may lock it, whatever the umask.
                    writers = Path(self._root).stat().st_mode & 0o022
                    with suppress(OSError):
                        os.fchmod(lock, 0o600 | writers | writers << 1)
                    return lock

    def _is_current(self, lock: int) -> bool:
        """Return whether the file is still the one of its name.

        It is opened once more: what ``stat`` says may come from the cache of an NFS client.
        """
        try:
            now = open_regular(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return os.path.sameopenfile(lock, now)
        finally:
            os.close(now)

    def _release(self, lock: int) -> None:
        self._remove()
        os.close(lock)

    def _remove(self) -> None:
        with suppress(OSError):  # an empty file that stays does no harm
            Path(self._path).unlink()
