"""Mutual exclusion on stores with neither conditional writes nor locks: by announcements.

A process that wants to change a file first writes a small file of its own, the announcement, and
then lists the directory. If it finds another announcement, it deletes its own, backs off for a
random time and starts again. If not, it reads, compares, writes, and deletes its announcement. Of
two concurrent processes at least one lists after both have written, so they never both proceed.
This requires a store with consistent listings, as file systems and today's object stores have.

After a crash at any step only the announcement stays. It keeps others out until it is
:data:`STALE_S` old by the store's clock; then the next process deletes it. The file itself is the
old one or the new one. One case is not covered: a single write call that hangs for minutes, and
takes effect after its announcement was considered stale.
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
from airflow_provider_docsanalytics.storage.conditional import LARGEST_READ_BYTES, check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)

PREFIX = ".announce-"
STALE_S = 600.0
"""An announcement that is this much older than our own is stale: its process has died."""
WAIT_S = 60.0
"""For others to finish: each takes as long as four small requests."""
_TOO_LONG_S = STALE_S / 2
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
"""Names of the modification time in listings of file systems."""


class AnnouncedObjects:
    """Files of one directory; the version of a file is its content.

    Args:
        filesystem: any ``fsspec`` file system.
        root: the directory.
        put: puts a file in place.
        get: reads a file; ``None`` if there is none. Default: through the file system.
        sleep: waits for other processes, in seconds.
        clock: the time in seconds.
    """

    deletes_on_condition = True
    clock = None

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
        self._not_withdrawn: set[str] = set()  # own announcements that could not be withdrawn
        self._chance = random.Random()  # noqa: S311 - for pauses, not for keys

    def read(self, path: str) -> tuple[bytes, bytes] | None:
        """Return the content and its version, which is the content itself."""
        text = self._text(path)
        return None if text is None else (text, text)

    def write(self, path: str, text: bytes, version: bytes | None) -> bytes | None:
        """Put a file in place if its content is this."""
        with self._exclusive(path) as check_duration:
            if self._text(path) != version:
                return None
            check_duration()
            self._put(path, text)
            return text

    def delete(self, path: str, version: bytes) -> bool:
        """Delete a file if its content is this."""
        with self._exclusive(path) as check_duration:
            if self._text(path) not in (version, None):
                return False
            check_duration()
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
                    f"{path} is not a regular file, so this provider did not write it. It was not "
                    "read, and nothing was changed.\nRemove it, or use another path."
                )
            if entry["size"] == 0:  # some stores reject a range of an empty file
                return b""
            check_size(entry["size"] or 0)
            text = bytes(self._fs.cat_file(path, start=0, end=LARGEST_READ_BYTES + 1))
        except FileNotFoundError:
            return None
        check_size(len(text))
        return text

    @contextmanager
    def _exclusive(self, path: str) -> Iterator[Callable[[], None]]:
        """Keep other processes out; give a check that this does not take too long."""
        prefix = f"{PREFIX}{PurePosixPath(path).name}-"
        give_up, pause = self._clock() + WAIT_S, _FIRST_PAUSE_S
        while True:
            began = self._clock()
            mine = f"{prefix}{int(time.time())}-{secrets.token_hex(4)}"
            try:
                self._fs.pipe_file(f"{self._root}/{mine}", mine.encode())
                if self._is_only_one(mine, prefix):
                    yield partial(self._check_duration, path, began)
                    return
            finally:
                self._withdraw(mine)
            if self._clock() > give_up:
                raise StorageError(self._busy(path))
            self._sleep(self._chance.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _is_only_one(self, mine: str, prefix: str) -> bool:
        """Return whether there is no other announcement; delete stale ones."""
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
            if name.startswith(prefix) and name not in self._not_withdrawn
        }
        stale = {name for name, entry in others.items() if _age_s(own, entry, prefix) > STALE_S}
        for name in stale:
            log.warning("%s/%s is stale, because its process has died: deleted", self._root, name)
            with suppress(FileNotFoundError, PermissionError):
                self._fs.rm_file(f"{self._root}/{name}")
        return others.keys() == stale

    def _check_duration(self, path: str, began: float) -> None:
        took_s = self._clock() - began
        if took_s > _TOO_LONG_S:
            raise StorageError(
                f"{path}: reading it took {took_s:.0f} s, so others may consider this process "
                "dead. Nothing was changed, and a retry resumes.\n"
                "Check the storage and this worker: one of them was suspended, or is very slow."
            )

    def _withdraw(self, mine: str) -> None:
        try:
            self._fs.rm_file(f"{self._root}/{mine}")
        except FileNotFoundError:
            pass  # it was never written, or another process considered it stale
        except Exception as error:  # noqa: BLE001 - the change itself is done
            level = logging.DEBUG if self._not_withdrawn else logging.WARNING
            self._not_withdrawn.add(mine)
            log.log(
                level,
                "%s/%s could not be deleted, and keeps other processes out for %.0f s: %s",
                *(self._root, mine, STALE_S, error),
            )

    def _busy(self, path: str) -> str:
        return (
            f"{path}: other processes kept announcing changes to it for {WAIT_S:.0f} s. Nothing "
            "was changed, and a retry resumes.\n"
            f"If one of them has died, wait {STALE_S / 60:.0f} minutes until its {PREFIX}* file is "
            "stale."
        )


def _age_s(own: Mapping[str, Any], other: Mapping[str, Any], prefix: str) -> float:
    """Return how much older an announcement is than one's own, by the store's clock if known."""
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
    """Return a writer for stores with directories, where a write is not atomic.

    It writes under another name and renames; if that fails, it writes in place.
    """

    def put(path: str, text: bytes) -> None:
        directory, _, name = path.rpartition("/")
        temporary = f"{directory}/.{name}.{secrets.token_hex(4)}.tmp"
        try:
            filesystem.pipe_file(temporary, text)
            filesystem.mv(temporary, path)
        except Exception as error:  # noqa: BLE001 - the write below raises it again
            log.debug("%s cannot be renamed: %s", temporary, error)
            with suppress(Exception):
                filesystem.rm_file(temporary)
            filesystem.pipe_file(path, text)

    return put
