"""Files of a local or a network disk: written under another name, synced, renamed."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import IO, TYPE_CHECKING

from airflow_provider_docsanalytics.storage.lock import DirectoryLock
from airflow_provider_docsanalytics.storage.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable

_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF})
"""What some file systems answer who are asked to sync a directory."""

_CANNOT_CHMOD = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
)
"""What mounts answer whose modes are those of the mount: SMB, Azure Files, FAT."""


class LocalObjects:
    """Files of one directory; a version is the content.

    Args:
        root: the directory.
        sleep: what waits for the lock.
    """

    deletes_on_condition = True

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
    """Write a whole file; nobody sees a half of it, and a power cut leaves the old or the new."""
    directory, _, name = path.rpartition("/")
    spool = create(f"{directory}/.{name}.{secrets.token_hex(4)}.tmp")
    try:
        with spool:
            spool.write(text)
            spool.flush()
            give_name(spool, path)
    finally:
        Path(spool.name).unlink(missing_ok=True)


def create(path: str) -> IO[bytes]:
    """Return a new file for its owner's eyes only; one that is there is an error."""
    return open(path, "xb", opener=_open_private)


def give_name(spool: IO[bytes], path: str) -> None:
    """Give a finished and flushed file its final name, synced before and after."""
    os.fsync(spool.fileno())
    directory = Path(path).parent
    _open_up(spool, directory)
    Path(spool.name).replace(path)
    _sync_directory(directory)


def _open_up(spool: IO[bytes], directory: Path) -> None:
    """Make a file as readable as its directory, no more than any new file, if modes can be set."""
    try:
        os.fchmod(spool.fileno(), directory.stat().st_mode & 0o666 & ~_umask())
    except OSError as error:
        if error.errno not in _CANNOT_CHMOD:
            raise


def _sync_directory(directory: Path) -> None:
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # may be written to, and not be listed
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
    mask = os.umask(0o077)  # can only be asked for by setting it
    os.umask(mask)
    return mask
