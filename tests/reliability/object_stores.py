"""Object stores in memory that answer as the real ones do, with a halting point before each answer.

One conditional write in fifty is done, its answer is lost, and the client asks once more: so it
reads that the condition no longer holds.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from tests.reliability.seam import directory_of

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from tests.reliability.baton import Baton

_LOST = 1 / 50
"""Of the answers to conditional writes."""


class ObjectStore:
    """An object store without conditions: a file system as fsspec has it."""

    protocol = "memory"
    root = "lake/export"
    deletes = True
    baton: Baton

    def __init__(self) -> None:
        self.clear()

    def directory(self) -> ExportDirectory:
        """Return the directory for one attempt."""
        return directory_of(self, self.root, self.objects())

    def files(self) -> dict[str, bytes]:
        """Return all that lies there."""
        return dict(self._objects)

    def clear(self) -> None:
        """Begin with an empty directory."""
        self._objects: dict[str, bytes] = {}
        self._numbers: dict[str, int] = {}
        self._times: dict[str, float] = {}
        self._writes = 0

    def invalidate_cache(self, _path: str | None = None) -> None:
        """Keep no listings."""

    def ls(self, _path: str, *, detail: bool = True) -> list[dict[str, Any]]:
        """List all objects, as they are at one moment."""
        assert detail
        self.baton.halt("list")
        return [self._info(name) for name in sorted(self._objects)]

    def info(self, path: str) -> dict[str, Any]:
        """Describe an object."""
        self.baton.halt(f"head {_name(path)}")
        return self._info(_name(path))

    def cat_file(self, path: str, *, start: int = 0, end: int | None = None) -> bytes:
        """Read some of an object."""
        name = _name(path)
        self.baton.halt(f"get {name}")
        return self._found(name)[start:end]

    def pipe_file(self, path: str, content: bytes, **conditions: str) -> None:
        """Put an object there, if the conditions hold."""
        name = _name(path)
        self.baton.halt(f"put {name} {conditions or ''}".rstrip())
        self._check(name, conditions)
        self.put(name, content)
        if conditions and self.baton.lose_answer(_LOST):
            raise _refusal("PreconditionFailed")

    def put_file(self, local: str, path: str) -> None:
        """Upload a local file."""
        descriptor = int(local.removeprefix("/dev/fd/"))
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        self.pipe_file(path, content)

    def rm_file(self, path: str) -> None:
        """Delete an object, which may be gone already."""
        self.baton.halt(f"delete {_name(path)}")
        self.drop(_name(path))

    def put(self, name: str, content: bytes) -> None:
        """Put an object there, now."""
        self._writes += 1
        self._numbers[name], self._times[name] = self._writes, self.baton.clock_s
        self._objects[name] = bytes(content)
        self.baton.changed(name, bytes(content))

    def drop(self, name: str) -> None:
        """Delete an object, now."""
        if self._objects.pop(name, None) is not None:
            self.baton.changed(name, None)

    def version(self, name: str) -> Any:
        """Return what a condition compares, ``None`` if there is no such object."""
        content = self._objects.get(name)
        return None if content is None else _etag(content)

    def objects(self) -> Any:
        """Return what reads and writes on condition, ``None`` if there is no such thing."""
        return None

    def _check(self, _name: str, conditions: dict[str, str]) -> None:
        if conditions:
            raise TypeError(f"unknown arguments: {', '.join(conditions)}")

    def _found(self, name: str) -> bytes:
        if name not in self._objects:
            raise FileNotFoundError(name)
        return self._objects[name]

    def _info(self, name: str) -> dict[str, Any]:
        return {
            "name": f"{self.root}/{name}",
            "type": "file",
            "size": len(self._found(name)),
            "ETag": self.version(name),
            "mtime": self._times[name],
        }


class S3Store(ObjectStore):
    """S3: writes know ``If-Match`` and ``If-None-Match``, deletions know no condition."""

    protocol = "s3"

    def _check(self, name: str, conditions: dict[str, str]) -> None:
        there = self.version(name)
        if "IfNoneMatch" in conditions and there is not None:
            raise _refusal("PreconditionFailed")
        if "IfMatch" in conditions and there is None:
            raise _refusal("NoSuchKey")
        if "IfMatch" in conditions and conditions["IfMatch"] != there:
            raise _refusal("PreconditionFailed")

    def objects(self) -> Any:
        """Return what reads and writes on condition."""
        return _Objects(self, deletes_on_condition=False)


class KeepingStore(S3Store):
    """S3, whose policy lets nobody delete."""

    deletes = False

    def rm_file(self, path: str) -> None:
        """Refuse to delete an object."""
        self.baton.halt(f"may not delete {_name(path)}")
        raise PermissionError("Access Denied")


class AzureStore(ObjectStore):
    """Azure: each write has an ETag of its own, and every request knows conditions."""

    protocol = "abfs"

    def version(self, name: str) -> Any:
        """Return the number of the write."""
        return self._numbers[name] if name in self._objects else None

    def objects(self) -> Any:
        """Return what reads and writes on condition."""
        return _Objects(self)


class GcsStore(AzureStore):
    """GCS: a generation for each write; it is asked for before the content, which may be newer."""

    protocol = "gs"

    def objects(self) -> Any:
        """Return what reads and writes on condition."""
        return _Objects(self, asks_version_first=True)


class _Objects:
    """Single objects of a store, read, put in place and deleted on condition."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        deletes_on_condition: bool = True,
        asks_version_first: bool = False,
    ) -> None:
        self._store = store
        self.clock = None
        self.deletes_on_condition = deletes_on_condition
        self._asks_version_first = asks_version_first

    def read(self, path: str) -> tuple[bytes, Any] | None:
        """Return content and version."""
        name = _name(path)
        try:
            if self._asks_version_first:
                version = self._store.info(path)["ETag"]
                return self._store.cat_file(path), version
            return self._store.cat_file(path), self._store.version(name)
        except FileNotFoundError:
            return None

    def write(self, path: str, text: bytes, version: Any) -> Any:
        """Put an object in place, if it has this version."""
        name = _name(path)
        self._store.baton.halt(f"put {name} if its version is {version}")
        if self._store.version(name) != version:
            return None
        self._store.put(name, text)
        return None if self._store.baton.lose_answer(_LOST) else self._store.version(name)

    def delete(self, path: str, version: Any) -> bool:
        """Delete an object, if it has this version."""
        name = _name(path)
        self._store.baton.halt(f"look at {name} if its version is {version}")
        if self._store.version(name) not in (version, None):
            return False
        if self.deletes_on_condition:
            self._store.drop(name)
        else:
            self._store.rm_file(path)
        return True


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _refusal(code: str) -> OSError:
    """Return an error as s3fs raises it: Python's, caused by one that has S3's own code."""
    cause = OSError(code)
    cause.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]
    error = OSError(code)
    error.__cause__ = cause
    return error
