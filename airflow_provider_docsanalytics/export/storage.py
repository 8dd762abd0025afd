"""Files in one directory of any file system: put in place whole, and only where nobody else did."""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import DocsAnalyticsError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

_FLAT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "adl", "az", "wasb", "memory"})
"""Object stores: no directories to make (and making them would make a bucket)."""
_CONFLICTS = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_GONE = frozenset({"NoSuchKey", "404"})
_UNKNOWN = frozenset({"NotImplemented", "501"})
_LARGEST_READ_BYTES = 64 * 2**20
"""Of a checkpoint or a manifest: a thousand times what an hour's quota comes to."""
_LOCK_TRIES, _LOCK_WAIT_S = 100, 0.05
"""Who holds the lock writes one small file: if that takes seconds, its process is stopped."""


class Storage:
    """The files that lie directly in one directory.

    A write by :meth:`replace` happens only if the file is as it was last read. On a local file
    system a lock makes that certain, on S3 a conditional request; elsewhere the file is looked at
    once more before it is written, which leaves the moment in between.

    Args:
        filesystem: an ``fsspec`` file system.
        root: the directory, as that file system names it.
        uri: the directory as people name it.
    """

    def __init__(self, filesystem: Any, root: str, uri: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")
        self._uri = uri
        protocols = filesystem.protocol
        protocols = {protocols} if isinstance(protocols, str) else set(protocols)
        self.local = "file" in protocols
        self._flat = bool(protocols & _FLAT)
        self._conditional = bool(protocols & {"s3", "s3a"})
        self._seen: dict[str, Any] = {}

    def make(self) -> None:
        """Make the directory, where the file system has such things."""
        if not self._flat:
            with self._naming("make the directory"):
                self._fs.makedirs(self._root, exist_ok=True)

    def sizes(self) -> dict[str, int]:
        """Return the name and size of every file."""
        with self._naming("list the directory"):
            self._fs.invalidate_cache(self._root)
            try:
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
        with self._naming(f"read {name}"):
            self._fs.invalidate_cache(self._root)
            try:
                # The version first: if the file changes in between, replace() will say so.
                found = self._fs.info(self._at(name))
                self._must_be_readable(name, found["size"] or 0)
                version = found["ETag"] if self._conditional else None
                text = bytes(self._fs.cat_file(self._at(name)))
            except FileNotFoundError:
                version = text = None
        self._seen[name] = version if self._conditional else text
        return text

    def replace(self, name: str, text: bytes, owner: str) -> bool:
        """Put a file in place; ``False`` if it has changed since :meth:`read` last read it."""
        with self._naming(f"write {name}"):
            if self._conditional:
                return self._put_on_condition(name, text)
            with self._alone():
                seen = self._seen[name]
                if self.read(name) != seen:
                    return False
                self._put(name, text, owner)
                return True

    def open_spool(self, name: str, owner: str) -> IO[bytes]:
        """Return a new local file, for its owner's eyes only, that may be published as ``name``.

        On the local file system it lies in the directory itself, as ``.<name>.<owner>.tmp``:
        publishing is then a rename. Elsewhere it has no name at all, and is gone with the process.
        """
        with self._naming(f"open a local file for {name}"):
            if self.local:
                spool = self._at(f".{name}.{owner}.tmp")
                Path(spool).unlink(missing_ok=True)  # nobody's link to somewhere else is followed
                return self._create(spool)
            return tempfile.TemporaryFile(prefix="docsanalytics-")

    def publish(self, spool: IO[bytes], name: str) -> None:
        """Put a finished and flushed spool in place under ``name``, whole or not at all."""
        with self._naming(f"write {name}"):
            if self.local:
                os.fsync(spool.fileno())
                self._rename(spool, name)
            else:
                self._fs.put_file(f"/dev/fd/{spool.fileno()}", self._at(name))

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is fine."""
        with self._naming(f"delete {name}"):
            try:
                self._fs.rm_file(self._at(name))
            except FileNotFoundError:
                log.debug("%s/%s is gone already", self._uri, name)

    def remove(self, name: str) -> None:
        """Delete a file if it is as :meth:`read` last read it."""
        with self._naming(f"delete {name}"), self._alone():
            seen = self._seen[name]
            self.read(name)
            if self._seen[name] == seen:
                self.delete(name)

    def _must_be_readable(self, name: str, size: int) -> None:
        if size > _LARGEST_READ_BYTES:
            raise StorageError(
                f"{self._uri}/{name} has {size} bytes, more than this provider ever writes there. "
                "Nothing was changed. Use another path, or move that file away."
            )

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @staticmethod
    def _create(path: str) -> IO[bytes]:
        return open(path, "xb", opener=_open_private)

    def _rename(self, spool: IO[bytes], name: str) -> None:
        """Give a local spool its final name."""
        # As readable as the directory, no more than any new file; until now its owner's alone.
        os.fchmod(spool.fileno(), Path(self._root).stat().st_mode & 0o666 & ~_umask())
        Path(spool.name).replace(self._at(name))

    def _put(self, name: str, text: bytes, owner: str) -> None:
        if not self.local:
            self._fs.pipe_file(self._at(name), text)
            return
        spool = self.open_spool(name, owner)
        try:
            with spool:
                spool.write(text)
                spool.flush()
                self.publish(spool, name)
        finally:
            Path(spool.name).unlink(missing_ok=True)

    def _put_on_condition(self, name: str, text: bytes) -> bool:
        version = self._seen[name]
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        try:
            self._fs.pipe_file(self._at(name), text, **condition)
        except Exception as error:
            code = _code(error)
            if code in _CONFLICTS or (code in _GONE and version):
                return False
            if code not in _UNKNOWN:
                raise
            log.warning("%s: this store has no conditional writes", self._uri)
            self._conditional = False
            self._fs.pipe_file(self._at(name), text)
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other attempts on this directory out, where the file system is local."""
        if not self.local:
            yield
            return
        directory = os.open(self._root, os.O_RDONLY)
        try:
            self._lock(directory)
            yield
        finally:
            os.close(directory)

    def _lock(self, directory: int) -> None:
        """Lock the directory until it is closed, if that can be had within a few seconds."""
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_WAIT_S)
            except OSError as error:  # a network file system without locks
                log.debug("%s cannot be locked: %s", self._uri, error)
                return
            else:
                return
        log.warning("%s: a process that does not move holds the lock; going on", self._uri)

    @contextmanager
    def _naming(self, doing: str) -> Iterator[None]:
        """Say of every failure what was being done, where, and what now."""
        try:
            yield
        except DocsAnalyticsError:
            raise
        except Exception as error:
            raise StorageError(
                f"{self._uri}: could not {doing}: {type(error).__name__}: {error}. What was "
                "published is kept, and a retry resumes; check space, permissions and whether the "
                "storage can be reached from this worker."
            ) from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _umask() -> int:
    mask = os.umask(0o077)  # can only be asked for by setting it
    os.umask(mask)
    return mask


def _code(error: BaseException) -> str:
    """Return S3's own name for an error; fsspec has Python's names for it, several to one."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""
