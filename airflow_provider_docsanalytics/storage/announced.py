"""Mutual exclusion on stores that know neither conditions nor locks: by announcement.

Whoever wants to change a file first writes a small file of its own that says so, and then lists the
directory. If another such file is there, it removes its own, waits for a random time and starts
again; if not, it reads, compares, writes, and removes its own. Of two at once at least one lists
after both have written, so never both go on. This takes a store that lists what was written before,
as file systems and today's object stores do.

After a crash at any step nothing is wrong but that the announcement stays: it keeps others out
until it is :data:`STALE_S` old by the store's own clock, and then the next one to come removes it.
The file itself is as before, or new and whole. What cannot be excluded: a single write call that
stands still for minutes, and arrives after its announcement has been taken for a dead process's.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.storage.objects import LARGEST_READ_BYTES, check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)

PREFIX = ".announce-"
STALE_S = 600.0
"""An announcement that is older than the newest by so much is of a process that has died."""
WAIT_S = 60.0
"""For others to be done: each needs as long as four small requests take."""
_TOO_LONG_S = STALE_S / 2
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
"""What listings of file systems call the time of a file's last change."""


class AnnouncedObjects:
    """Files of one directory; a version is the content.

    Args:
        filesystem: any ``fsspec`` file system.
        root: the directory.
        put: puts a whole file in place.
        get: reads a file; ``None`` if there is none. Default: by the file system.
        sleep: what waits for others, in seconds.
    """

    deletes_on_condition = True

    def __init__(
        self,
        filesystem: Any,
        root: str,
        put: Callable[[str, bytes], None],
        *,
        get: Callable[[str], bytes | None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fs = filesystem
        self._root = root
        self._put = put
        self._get = get or self._from_filesystem
        self._sleep = sleep
        self._clock = clock
        self._left: set[str] = set()  # own announcements that could not be withdrawn
        self._chance = random.Random()  # noqa: S311 - of pauses, not of keys

    def read(self, path: str) -> tuple[bytes, bytes] | None:
        """Return the content, twice."""
        text = self._text(path)
        return None if text is None else (text, text)

    def write(self, path: str, text: bytes, version: bytes | None) -> bytes | None:
        """Put a file in place if its content is this."""
        with self._alone(path) as check:
            if self._text(path) != version:
                return None
            check()
            self._put(path, text)
            return text

    def delete(self, path: str, version: bytes) -> bool:
        """Delete a file if its content is this."""
        with self._alone(path) as check:
            if self._text(path) not in (version, None):
                return False
            check()
            with suppress(FileNotFoundError):
                self._fs.rm_file(path)
            return True

    def _text(self, path: str) -> bytes | None:
        self._fs.invalidate_cache(self._root)
        return self._get(path)

    def _from_filesystem(self, path: str) -> bytes | None:
        try:
            entry = self._fs.info(path)
            if entry["type"] != "file" or entry.get("islink"):
                raise ConfigError(
                    f"{path} is not a regular file, so this provider has not written it. It was "
                    "not read, and nothing was changed. Remove it, or use another path."
                )
            if entry["size"] == 0:  # of which some stores give no range
                return b""
            check_size(entry["size"] or 0)
            text = bytes(self._fs.cat_file(path, start=0, end=LARGEST_READ_BYTES + 1))
        except FileNotFoundError:
            return None
        check_size(len(text))
        return text

    @contextmanager
    def _alone(self, path: str) -> Iterator[Callable[[], None]]:
        """Keep out who else announces; give a check that this has not taken too long."""
        prefix = f"{PREFIX}{PurePosixPath(path).name}-"
        give_up, pause = self._clock() + WAIT_S, _FIRST_PAUSE_S
        while True:
            began = self._clock()
            mine = f"{prefix}{int(time.time())}-{secrets.token_hex(4)}"
            try:
                self._fs.pipe_file(f"{self._root}/{mine}", mine.encode())
                if self._is_alone(mine, prefix):
                    yield partial(self._check, path, began)
                    return
            finally:
                self._withdraw(mine)
            if self._clock() > give_up:
                raise StorageError(self._busy(path))
            self._sleep(self._chance.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _is_alone(self, mine: str, prefix: str) -> bool:
        """Return whether nobody else is at it; remove what dead processes have announced."""
        self._fs.invalidate_cache(self._root)
        entries = {
            PurePosixPath(entry["name"]).name: entry
            for entry in self._fs.ls(self._root, detail=True)
        }
        own = entries.pop(mine, None)
        if own is None:  # this listing is older than the announcement
            return False
        others = {
            name: entry
            for name, entry in entries.items()
            if name.startswith(prefix) and name not in self._left
        }
        stale = {name for name, entry in others.items() if _age_s(own, entry, prefix) > STALE_S}
        for name in stale:
            log.warning("%s/%s is of a process that has died: removed", self._root, name)
            with suppress(FileNotFoundError, PermissionError):
                self._fs.rm_file(f"{self._root}/{name}")
        return others.keys() == stale

    def _check(self, path: str, began: float) -> None:
        took_s = self._clock() - began
        if took_s > _TOO_LONG_S:
            raise StorageError(
                f"{path}: to read it took {took_s:.0f} s, and others may have taken this process "
                "for a dead one. Nothing was changed, and a retry resumes.\nCheck the storage and "
                "the machine: one of them stood still."
            )

    def _withdraw(self, mine: str) -> None:
        try:
            self._fs.rm_file(f"{self._root}/{mine}")
        except FileNotFoundError:
            pass  # it was never written, or somebody took this process for a dead one
        except Exception as error:  # noqa: BLE001 - what was to be done is done; this must not undo it
            level = logging.DEBUG if self._left else logging.WARNING
            self._left.add(mine)
            log.log(
                level,
                "%s/%s stays, and keeps other processes out for %.0f s: %s",
                *(self._root, mine, STALE_S, error),
            )

    def _busy(self, path: str) -> str:
        return (
            f"{path}: other processes have announced to change it, again and again for "
            f"{WAIT_S:.0f} s. Nothing was changed, and a retry resumes.\nIf one of them has died, "
            f"wait {STALE_S / 60:.0f} minutes, after which its {PREFIX}* file counts no longer."
        )


def _age_s(own: Mapping[str, Any], other: Mapping[str, Any], prefix: str) -> float:
    """Return how much older an announcement is than one's own, by the store's clock if it can."""
    for key in _TIMES:
        times = (_seconds(own.get(key)), _seconds(other.get(key)))
        if times[0] is not None and times[1] is not None:
            return times[0] - times[1]
    mine, its = (
        PurePosixPath(each["name"]).name.removeprefix(prefix).partition("-")[0]
        for each in (own, other)
    )
    return float(mine) - float(its) if its.isdecimal() else STALE_S


def _seconds(value: Any) -> float | None:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, int | float) else None


def renaming(filesystem: Any) -> Callable[[str, bytes], None]:
    """Return what puts a file in place on a store with directories, where a write takes time.

    It is written under another name and moved over the old one; where that cannot be done, it is
    written in place.
    """

    def put(path: str, text: bytes) -> None:
        directory, _, name = path.rpartition("/")
        temporary = f"{directory}/.{name}.{secrets.token_hex(4)}.tmp"
        try:
            filesystem.pipe_file(temporary, text)
            filesystem.mv(temporary, path)
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes again here
            log.debug("%s cannot be renamed: %s", temporary, error)
            with suppress(Exception):
                filesystem.rm_file(temporary)
            filesystem.pipe_file(path, text)

    return put
