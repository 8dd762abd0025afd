"""Files in one directory of any file system: put in place whole, and only where nobody else did."""

from __future__ import annotations

import errno
import logging
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.errors import (
    ConfigError,
    DocsAnalyticsError,
    StorageError,
    StorageRefused,
)
from airflow_provider_docsanalytics.storage import local, regular
from airflow_provider_docsanalytics.storage.announced import AnnouncedObjects, renaming
from airflow_provider_docsanalytics.storage.azure import AzureObjects
from airflow_provider_docsanalytics.storage.gcs import GcsObjects
from airflow_provider_docsanalytics.storage.objects import NoConditions, Objects, TooLarge
from airflow_provider_docsanalytics.storage.rights import Deed, is_refusal, remedy
from airflow_provider_docsanalytics.storage.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

_S3 = frozenset({"s3", "s3a"})
_GCS = frozenset({"gs", "gcs"})
_AZURE = frozenset({"abfs", "abfss", "az"})
_FLAT = _S3 | _GCS | _AZURE | {"adl", "wasb", "memory"}
"""Object stores: no directories to make (and making them would make a bucket)."""
_SECRET = re.compile(
    r"(?i)\b(sig|signature|token|[\w-]*(?:key|secret|password|credential|security-token))"
    r"=[^\s&;,'\"]+"
)
_MOST_CHARS = 1000
_NO_DIRECTORY = frozenset({errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST})
"""Where no retry helps: a file stands in the way, a name is too long, links lead in a circle."""


class _Seen(NamedTuple):
    """What :meth:`Storage.read` found, or :meth:`Storage.replace` left."""

    version: Any
    text: bytes | None


class Storage:
    """The files that lie directly in one directory.

    :meth:`replace` and :meth:`remove` happen only if the file is as this object has last read or
    written it. That holds on every store (see :mod:`.objects` for how), with one exception:
    :attr:`removes_on_condition`.

    Args:
        filesystem: an ``fsspec`` file system.
        root: the directory, as that file system names it.
        uri: the directory as people name it.
        sleep: what waits for other processes, in seconds.

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
        self._protocols = {protocols} if isinstance(protocols, str) else set(protocols)
        self.local = "file" in self._protocols
        self._flat = bool(self._protocols & _FLAT)
        self._objects = self._choose()
        self._seen: dict[str, _Seen] = {}

    @property
    def removes_on_condition(self) -> bool:
        """Whether :meth:`remove` is one step.

        Where it is not (S3), a file that another process puts in place between the look and the
        deletion is deleted.
        """
        return self._objects.deletes_on_condition

    def make(self) -> None:
        """Make the directory, where the file system has such things."""
        if not self._flat:
            with self._naming("make", "the directory"):
                self._fs.makedirs(self._root, exist_ok=True)
                if self._fs.isfile(self._root):  # some file systems take it for made
                    raise NotADirectoryError(errno.ENOTDIR, "it is a file", self._root)

    def sizes(self) -> dict[str, int]:
        """Return the name and size of every file."""
        with self._naming("list", "the directory"):
            self._fs.invalidate_cache(self._root)
            try:
                if self.local:
                    return regular.sizes(self._root)
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
        with self._naming("read", name):
            try:
                found = self._objects.read(self._at(name))
            except TooLarge as error:
                raise StorageError(
                    f"{self._uri}/{name} has {error.size} bytes, more than this provider ever "
                    "writes there. Nothing was changed. Use another path, or move that file away."
                ) from error
            self._seen[name] = _Seen(found[1], found[0]) if found else _Seen(None, None)
            return self._seen[name].text

    def replace(self, name: str, text: bytes, owner: str) -> bool:
        """Put a file in place; ``False``, and nothing was changed, if it has changed.

        Since when: since :meth:`read` last read it, or this method last wrote it. Where an answer
        of the store was lost, ``False`` may stand for one's own write: read it again.
        """
        seen = self._seen[name].version
        with self._naming("write" if seen is None else "replace", name):
            version = self._on_condition(
                name, lambda objects, seen: objects.write(self._at(name), text, seen)
            )
        if version is None:
            log.debug("%s/%s is not as attempt %s has last seen it", self._uri, name, owner)
            return False
        self._seen[name] = _Seen(version, text)
        return True

    def remove(self, name: str) -> bool:
        """Delete a file; ``False``, and nothing was changed, if it has changed as above.

        One that is gone already, or was not there, is ``True``.
        """
        with self._naming("delete", name):
            if self._seen[name].version is not None and not self._on_condition(
                name, lambda objects, seen: objects.delete(self._at(name), seen)
            ):
                return False
        self._seen[name] = _Seen(None, None)
        return True

    def open_spool(self, name: str, owner: str) -> IO[bytes]:
        """Return a new local file, for its owner's eyes only, that may be published as ``name``.

        On the local file system it lies in the directory itself, as ``.<name>.<owner>.tmp``:
        publishing is then a rename. Elsewhere it has no name at all, and is gone with the process.
        """
        with self._naming("open a local file for", name):
            if self.local:
                spool = self._at(f".{name}.{owner}.tmp")
                Path(spool).unlink(missing_ok=True)  # nobody's link to somewhere else is followed
                return local.create(spool)
            return tempfile.TemporaryFile(prefix="docsanalytics-")

    def publish(self, spool: IO[bytes], name: str) -> None:
        """Put a finished and flushed spool in place under ``name``, whole or not at all."""
        with self._naming("write", name):
            if self.local:
                local.give_name(spool, self._at(name))
            else:
                # On macOS whoever opens this goes on where this process has stopped writing.
                spool.seek(0)
                self._fs.put_file(f"/dev/fd/{spool.fileno()}", self._at(name))

    def delete(self, name: str) -> None:
        """Delete a file, whatever it is now; one that is gone already is fine."""
        with self._naming("delete", name):
            try:
                self._fs.rm_file(self._at(name))
            except FileNotFoundError:
                log.debug("%s/%s is gone already", self._uri, name)

    def _choose(self) -> Objects:
        """Return what knows the conditions of this store."""
        if self.local:
            return local.LocalObjects(self._root, self._sleep)
        if self._protocols & _S3:
            return S3Objects(self._fs)
        if self._protocols & _GCS:
            return GcsObjects(self._fs)
        if self._protocols & _AZURE:
            return AzureObjects(self._fs)
        log.info("%s: %s", self._uri, _BY_ANNOUNCEMENT)
        return self._announced()

    def _announced(self) -> AnnouncedObjects:
        put = self._fs.pipe_file if self._flat else renaming(self._fs)
        if not self.local:
            return AnnouncedObjects(self._fs, self._root, put, sleep=self._sleep)
        return AnnouncedObjects(
            self._fs,
            self._root,
            local.put_in_place,
            get=regular.read_regular,
            sleep=self._sleep,
        )

    def _on_condition(self, name: str, change: Callable[[Objects, Any], Any]) -> Any:
        """Change a file that must be as last seen; by announcement, if that is all there is."""
        try:
            return change(self._objects, self._seen[name].version)
        except NoConditions as error:
            log.warning("%s: %s; %s", self._uri, error, _BY_ANNOUNCEMENT)
            self._objects = self._announced()
            self._seen = {each: _Seen(seen.text, seen.text) for each, seen in self._seen.items()}
            return change(self._objects, self._seen[name].version)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _naming(self, deed: Deed, what: str) -> Iterator[None]:
        """Say of every failure what was being done, where, and what now."""
        try:
            yield
        except DocsAnalyticsError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _NO_DIRECTORY:
                raise ConfigError(
                    f"{self._uri} cannot be a directory: {error}. Nothing was changed there. "
                    "Correct path, or move away the file that stands in its place."
                ) from error
            said = _SECRET.sub(r"\1=***", str(error))[:_MOST_CHARS]
            failed = f"{self._uri}: could not {deed} {what}: {type(error).__name__}: {said}."
            if is_refusal(error):
                raise StorageRefused(
                    f"{failed}\nThe storage has refused this. {remedy(self._kind(), deed, error)} "
                    "What was published is kept, and a retry resumes."
                ) from error
            raise StorageError(
                f"{failed} What was published is kept, and a retry resumes; check space, "
                "permissions and whether the storage can be reached from this worker."
            ) from error

    def _kind(self) -> str:
        kinds = {"s3": _S3, "gcs": _GCS, "azure": _AZURE, "local": {"file"}}
        return next((kind for kind, names in kinds.items() if self._protocols & names), "")


_BY_ANNOUNCEMENT = (
    "attempts exclude each other by small files named .announce-*, since this storage has neither "
    "conditional writes nor locks"
)
