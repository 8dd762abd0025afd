"""Files in one directory of any file system: atomic and conditional writes."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.storage import local
from airflow_provider_docsanalytics.storage.announced import AnnouncedObjects, renaming
from airflow_provider_docsanalytics.storage.azure import AzureObjects
from airflow_provider_docsanalytics.storage.conditional import NoConditions, TooLarge
from airflow_provider_docsanalytics.storage.gcs import GcsObjects
from airflow_provider_docsanalytics.storage.permissions import translate_errors
from airflow_provider_docsanalytics.storage.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_docsanalytics.storage.conditional import ConditionalObjects
    from airflow_provider_docsanalytics.storage.permissions import Action

__all__ = ["Storage"]

log = logging.getLogger(__name__)

_OBJECTS: dict[str, Callable[[Any], ConditionalObjects]] = {
    "s3": S3Objects,
    "gcs": GcsObjects,
    "azure": AzureObjects,
}
_STORES = {
    "local": frozenset({"file"}),
    "s3": frozenset({"s3", "s3a"}),
    "gcs": frozenset({"gs", "gcs"}),
    "azure": frozenset({"abfs", "abfss", "az"}),
}
_BLOCK_BYTES = 2**20
_FLAT = _STORES["s3"] | _STORES["gcs"] | _STORES["azure"] | {"adl", "wasb", "memory"}
"""Object stores have no directories to create; creating one would create a bucket."""


class _Seen(NamedTuple):
    """A file as :meth:`Storage.read` or :meth:`Storage.replace` last saw it."""

    version: Any
    text: bytes | None


class Storage:
    """The files directly in one directory.

    :meth:`replace` and :meth:`remove` are conditional: they succeed only if the file is unchanged
    since this object last read or wrote it. That holds on every store, as :mod:`.conditional`
    shows, with one exception: :attr:`removes_on_condition`.

    Args:
        filesystem: an ``fsspec`` file system.
        root: the directory, as that file system names it.
        uri: the directory, as messages name it.
        sleep: waits for other processes, in seconds.

    Attributes:
        local: whether this is a local or a network disk.
    """

    def __init__(
        self,
        filesystem: Any,
        root: str,
        uri: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")
        self._uri = uri
        self._sleep = sleep
        protocols = filesystem.protocol
        protocols = {protocols} if isinstance(protocols, str) else set(protocols)
        self._store = next((store for store, names in _STORES.items() if protocols & names), "")
        self.local = self._store == "local"
        self._flat = bool(protocols & _FLAT)
        self._objects = self._choose_objects()
        self._seen: dict[str, _Seen] = {}

    @property
    def removes_on_condition(self) -> bool:
        """Whether :meth:`remove` is atomic.

        If not (S3), it also deletes a file that another process puts in place between the check and
        the deletion.
        """
        return self._objects.deletes_on_condition

    def now(self) -> float | None:
        """Return the store's time, in seconds since 1970, as its last response showed it.

        ``None`` if it has no clock of its own (a disk), or has not shown it yet.
        """
        clock = self._objects.clock
        return clock.now() if clock else None

    def make(self) -> None:
        """Create the directory, if the file system has directories, before the first write.

        Readers do not call this, so that they do not log how writers exclude each other.
        """
        if isinstance(self._objects, AnnouncedObjects):
            log.info("%s: %s", self._uri, _USES_ANNOUNCEMENTS)
        if not self._flat:
            with self._errors("make", "the directory"):
                self._fs.makedirs(self._root, exist_ok=True)
                if self._fs.isfile(self._root):  # some file systems accept that
                    raise NotADirectoryError(errno.ENOTDIR, "it is a file", self._root)

    def sizes(self) -> dict[str, int]:
        """Return the name and size of every file."""
        with self._errors("list", "the directory"):
            self._fs.invalidate_cache(self._root)
            try:
                if self.local:
                    return local.regular_sizes(self._root)
                entries = self._fs.ls(self._root, detail=True)
            except FileNotFoundError:
                return {}
        return {
            PurePosixPath(entry["name"]).name: int(entry["size"] or 0)
            for entry in entries
            if entry["type"] == "file"
        }

    def read(self, name: str) -> bytes | None:
        """Return a file's content, ``None`` if there is no such file."""
        with self._errors("read", name):
            found = self._objects.read(self._at(name))
            self._seen[name] = _Seen(found[1], found[0]) if found else _Seen(None, None)
            return self._seen[name].text

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file's content, which may be large, in blocks.

        Raises:
            StorageError: there is no such file, or the storage failed.
        """
        with self._errors("read", name):
            self._fs.invalidate_cache(self._root)
            with self._open(name) as file:
                while block := file.read(_BLOCK_BYTES):
                    yield block

    def create(self, name: str, text: bytes, owner: str) -> bool:
        """Put a file in place; ``False``, and nothing was written, if there is one.

        Costs no request if this object has seen one. Otherwise as :meth:`replace`.
        """
        if self._seen.setdefault(name, _Seen(None, None)).version is not None:
            return False
        return self.replace(name, text, owner)

    def replace(self, name: str, text: bytes, owner: str) -> bool:
        """Put a file in place; ``False``, and nothing was written, if the file has changed.

        That is, since :meth:`read` last read it, or this method last wrote it. If a response of the
        store was lost, ``False`` can also mean that this write succeeded: read the file again.
        """
        seen = self._seen[name].version
        with self._errors("write" if seen is None else "replace", name):
            version = self._on_condition(
                name, lambda objects, seen: objects.write(self._at(name), text, seen)
            )
        if version is None:
            log.debug("%s/%s has changed since attempt %s last read it", self._uri, name, owner)
            return False
        self._seen[name] = _Seen(version, text)
        return True

    def remove(self, name: str) -> bool:
        """Delete a file; ``False``, and nothing was deleted, if it has changed as above.

        ``True`` for a missing file.
        """
        with self._errors("delete", name):
            if self._seen[name].version is not None and not self._on_condition(
                name, lambda objects, seen: objects.delete(self._at(name), seen)
            ):
                return False
        self._seen[name] = _Seen(None, None)
        return True

    def open_spool(self, name: str, owner: str) -> IO[bytes]:
        """Return a new local file, readable only by its owner, to be published as ``name``.

        On a local file system it is in the directory itself, as ``.<name>.<owner>.tmp``, so that
        publishing is an atomic rename. Elsewhere it has no name and ends with the process.
        """
        with self._errors("open a local file for", name):
            if self.local:
                spool = self._at(f".{name}.{owner}.tmp")
                Path(spool).unlink(missing_ok=True)  # do not follow a link
                return local.create(spool)
            return tempfile.TemporaryFile(prefix="docsanalytics-")

    def publish(self, spool: IO[bytes], name: str) -> None:
        """Put a finished and flushed spool in place under ``name``, atomically."""
        with self._errors("write", name):
            if self.local:
                local.rename_into_place(spool, self._at(name))
            else:
                # On macOS, opening this continues at the position of this process.
                spool.seek(0)
                self._fs.put_file(f"/dev/fd/{spool.fileno()}", self._at(name))

    def delete(self, name: str) -> None:
        """Delete a file unconditionally; a missing file is not an error."""
        with self._errors("delete", name):
            try:
                self._fs.rm_file(self._at(name))
            except FileNotFoundError:
                log.debug("%s/%s is already deleted", self._uri, name)

    def remove_directory(self) -> None:
        """Remove the directory, if the file system has directories and it is empty."""
        if self.local:
            with suppress(OSError):
                Path(self._root).rmdir()

    def _open(self, name: str) -> IO[bytes]:
        if self.local:
            return os.fdopen(local.open_regular(self._at(name), os.O_RDONLY), "rb")
        opened: IO[bytes] = self._fs.open(self._at(name), "rb")
        return opened

    def _choose_objects(self) -> ConditionalObjects:
        """Return the conditional writes of this store."""
        if self.local:
            return local.LocalObjects(self._root, self._sleep)
        if self._store in _OBJECTS:
            return _OBJECTS[self._store](self._fs)
        return self._announced()

    def _announced(self) -> AnnouncedObjects:
        put = self._fs.pipe_file if self._flat else renaming(self._fs)
        if not self.local:
            return AnnouncedObjects(self._fs, self._root, put, sleep=self._sleep)
        return AnnouncedObjects(
            self._fs,
            self._root,
            local.put_in_place,
            get=local.read_regular,
            sleep=self._sleep,
        )

    def _on_condition(self, name: str, change: Callable[[ConditionalObjects, Any], Any]) -> Any:
        """Change a file if it is unchanged; fall back to announcements if the store requires it."""
        try:
            return change(self._objects, self._seen[name].version)
        except NoConditions as error:
            log.warning("%s: %s; %s", self._uri, error, _USES_ANNOUNCEMENTS)
            self._objects = self._announced()
            self._seen = {each: _Seen(seen.text, seen.text) for each, seen in self._seen.items()}
            return change(self._objects, self._seen[name].version)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _errors(self, action: Action, what: str) -> Iterator[None]:
        """Name the place in errors; a file that is too large may be found by a write, too."""
        with translate_errors(self._uri, self._store, action, what):
            try:
                yield
            except TooLarge as error:
                raise StorageError(
                    f"{self._uri}/{what} has {error.size} bytes, more than this provider ever "
                    "writes there. Nothing was changed.\nUse another path, or move that file away."
                ) from error


_USES_ANNOUNCEMENTS = (
    "attempts exclude each other by small files named .announce-*, because this storage has "
    "neither conditional writes nor locks"
)
