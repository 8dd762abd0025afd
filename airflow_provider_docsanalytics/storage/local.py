"""Files of a local or network disk: regular files only, atomic rename, a directory lock."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.storage.conditional import (
    LARGEST_READ_BYTES,
    NoConditions,
    check_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = ".docsanalytics.lock"
"""Exists while a process holds or acquires the lock; empty."""
WAIT_S = 60.0
"""The owner of the lock reads and writes one small file. If that takes so long, it hangs."""
_POLL_S = 0.02
_NO_LOCKS = frozenset(
    {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF}
)
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF})
"""Errors of file systems that cannot sync a directory."""
_CANNOT_CHMOD = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
)
"""Errors of mounts that have one mode for all files: SMB, Azure Files, FAT."""
_NOT_REGULAR = frozenset({errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO, errno.ENODEV})
"""Errors of opening a link, a directory, a socket or a device."""
_FILE_TYPES = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class LocalObjects:
    """Files of one directory; the version of a file is its content.

    Args:
        root: the directory.
        sleep: waits for the lock.
    """

    deletes_on_condition = True
    clock = None

    def __init__(self, root: str, sleep: Callable[[float], None]) -> None:
        self._lock = DirectoryLock(root, sleep=sleep)

    def read(self, path: str) -> tuple[bytes, bytes] | None:
        """Return the content, twice."""
        text = read_regular(path)
        return None if text is None else (text, text)

    def write(self, path: str, text: bytes, version: bytes | None) -> bytes | None:
        """Put a file in place if its content is this.

        Raises:
            NoConditions: this file system has no locks.
        """
        with self._lock.held():
            if read_regular(path) != version:
                return None
            put_in_place(path, text)
            return text

    def delete(self, path: str, version: bytes) -> bool:
        """Delete a file if its content is this.

        Raises:
            NoConditions: this file system has no locks.
        """
        with self._lock.held():
            if read_regular(path) not in (version, None):
                return False
            Path(path).unlink(missing_ok=True)
            return True


def put_in_place(path: str, text: bytes) -> None:
    """Write a file atomically; after a power failure it is the old one or the new one."""
    directory, _, name = path.rpartition("/")
    spool = create(f"{directory}/.{name}.{secrets.token_hex(4)}.tmp")
    try:
        with spool:
            spool.write(text)
            spool.flush()
            rename_into_place(spool, path)
    finally:
        Path(spool.name).unlink(missing_ok=True)


def create(path: str) -> IO[bytes]:
    """Return a new file that only its owner can read; an existing file is an error."""
    return open(path, "xb", opener=_open_private)


def rename_into_place(spool: IO[bytes], path: str) -> None:
    """Rename a finished and flushed file to its final name, synced before and after."""
    os.fsync(spool.fileno())
    directory = Path(path).parent
    _set_mode(spool, directory)
    Path(spool.name).replace(path)
    _sync_directory(directory)


def _set_mode(spool: IO[bytes], directory: Path) -> None:
    """Make a file as readable as its directory and the umask allow, if modes can be set."""
    try:
        os.fchmod(spool.fileno(), directory.stat().st_mode & 0o666 & ~_umask())
    except OSError as error:
        if error.errno not in _CANNOT_CHMOD:
            raise


def _sync_directory(directory: Path) -> None:
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # the directory is writable, but not readable
        return
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(opened)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _umask() -> int:
    mask = os.umask(0o077)  # the only way to read it
    os.umask(mask)
    return mask


def open_regular(path: str, flags: int) -> int:
    """Return the descriptor of a regular file; links are not followed.

    The type is checked after opening, so that nobody can replace the file in between. Opening does
    not block, as it would on a named pipe without a writer.

    Raises:
        ConfigError: something else has that name.
        OSError: as ``os.open`` does, such as ``FileNotFoundError``.
    """
    try:
        opened = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_REGULAR and not stat.S_ISREG(mode := os.lstat(path).st_mode):
            raise _not_regular(path, mode) from error
        raise
    mode = os.fstat(opened).st_mode
    if not stat.S_ISREG(mode):
        os.close(opened)
        raise _not_regular(path, mode)
    return opened


def read_regular(path: str) -> bytes | None:
    """Return the content of a regular file, ``None`` if there is no such file.

    Raises:
        ConfigError: something else has that name.
        TooLarge: it is larger than any file that this provider writes, or grows during reading.
    """
    try:
        opened = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(opened, "rb") as file:
        size = os.fstat(opened).st_size
        check_size(size)
        text = file.read(size + 1)  # a buffer of the largest size costs more than reading
        if len(text) > size:
            text += file.read(LARGEST_READ_BYTES)
    check_size(len(text))
    return text


def regular_sizes(root: str) -> dict[str, int]:
    """Return name and size of every regular file in a directory, links excluded."""
    found = dict[str, int]()
    with os.scandir(root) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    found[entry.name] = entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # deleted after it was listed
                continue
    return found


def _not_regular(path: str, mode: int) -> ConfigError:
    file_type = _FILE_TYPES.get(stat.S_IFMT(mode), "a device")
    return ConfigError(
        f"{path} is {file_type}, not a regular file, so this provider did not write it. It was not "
        "read, and nothing was changed.\nRemove it, or use another path."
    )


class DirectoryLock:
    """A lock file that excludes other processes and, over NFS, other machines.

    It is opened for writing, because NFS gives exclusive locks on no other files. Releasing the
    lock deletes the file first, so nothing stays behind. A lock on a file that no longer has this
    name does not count.

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
        """Hold the lock for the duration of the block.

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
                    f"{self._path}: another process has held this lock for {WAIT_S:.0f} s instead "
                    "of milliseconds. Nothing was changed, and a retry resumes.\n"
                    "Find the process with lslocks on its machine: it is stopped, or the storage "
                    "hangs. Do not delete the file."
                )
            self._sleep(_POLL_S)
        return lock

    def _try(self) -> int | None:
        """Return the locked file, ``None`` while another process holds the lock."""
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
                self._delete()
                raise NoConditions(f"{self._root} cannot be locked ({error.strerror})") from error
            if error.errno == errno.ESTALE:  # NFS: another machine deleted it
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
                    # Whoever can write to the directory can lock it, whatever the umask.
                    writers = Path(self._root).stat().st_mode & 0o022
                    with suppress(OSError):
                        os.fchmod(lock, 0o600 | writers | writers << 1)
                    return lock

    def _is_current(self, lock: int) -> bool:
        """Return whether the file still has its name.

        It is opened again, because the result of ``stat`` may come from the cache of an NFS client.
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
        self._delete()
        os.close(lock)

    def _delete(self) -> None:
        with suppress(OSError):  # an empty file that stays is harmless
            Path(self._path).unlink()
