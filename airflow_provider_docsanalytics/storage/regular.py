"""Regular files only: nothing else under one of our names is read, followed or waited for."""

from __future__ import annotations

import errno
import os
import stat

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.storage.objects import LARGEST_READ_BYTES, check_size

_IS_NOT_A_FILE = frozenset({errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO, errno.ENODEV})
"""What opening a link, a directory, a socket or a device answers."""
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


def open_regular(path: str, flags: int) -> int:
    """Return the descriptor of a regular file.

    The file is looked at once it is open, so nobody can put another one there in between; and
    opening waits for nobody, as it would for whoever writes to a named pipe.

    Raises:
        ConfigError: there is something else of that name.
        OSError: as ``os.open`` does, such as ``FileNotFoundError``.
    """
    try:
        opened = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _IS_NOT_A_FILE and not stat.S_ISREG(mode := os.lstat(path).st_mode):
            raise _refusal(path, mode) from error
        raise
    mode = os.fstat(opened).st_mode
    if not stat.S_ISREG(mode):
        os.close(opened)
        raise _refusal(path, mode)
    return opened


def read_regular(path: str) -> bytes | None:
    """Return the content of a regular file, ``None`` if there is no such file.

    Raises:
        ConfigError: there is something else of that name.
        TooLarge: it is larger than what this provider writes, or grows while it is read.
    """
    try:
        opened = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(opened, "rb") as file:
        check_size(os.fstat(opened).st_size)
        text = file.read(LARGEST_READ_BYTES + 1)
    check_size(len(text))
    return text


def sizes(root: str) -> dict[str, int]:
    """Return name and size of every regular file of a directory; links are none."""
    found = dict[str, int]()
    with os.scandir(root) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    found[entry.name] = entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # removed since it was listed
                continue
    return found


def _refusal(path: str, mode: int) -> ConfigError:
    kind = _KINDS.get(stat.S_IFMT(mode), "a device")
    return ConfigError(
        f"{path} is {kind} and no regular file, so this provider has not written it. It was not "
        "read, and nothing was changed. Remove it, or use another path."
    )
