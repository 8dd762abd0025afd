"""A lake on S3 whose unchanged objects are fetched once: the audits of a hundred damages are whole.

Each audit lists the bucket anew. An object is taken from memory only if that listing shows the ETag
that it had when it was fetched: S3's ETag of an object in one piece is the MD5 of its content.
"""

from __future__ import annotations

import io
from typing import IO, Any

from airflow_provider_docsanalytics.lake.files import LakeFiles
from tests.reliability.boundaries import WatchedS3
from tests.reliability.targets import S3Target


class _ListedS3(WatchedS3):
    """S3 that remembers the ETags of its last complete listing, by path.

    Attributes:
        listings: the requests that this listing took.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.etags: dict[str, str] = {}
        self.listings = 0

    async def set_session(self, *args: Any, **kwargs: Any) -> Any:
        client = await super().set_session(*args, **kwargs)
        client.meta.events.register("before-call.s3.ListObjectsV2", self._count, "count")
        return client

    def _count(self, **_: Any) -> None:
        self.listings += 1

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        self.listings = 0
        found = super().find(path, *args, **kwargs)
        self.etags = {name: entry["ETag"] for name, entry in found.items()}
        return found


class ListedTarget(S3Target):
    """A prefix of a bucket, for :class:`CachedLakeFiles`."""

    kind = _ListedS3


class CachedLakeFiles(LakeFiles):
    """The files of a lake, from memory if they are as they were."""

    def __init__(self, filesystem: Any, root: str, uri: str) -> None:
        super().__init__(filesystem, root, uri)
        self._cache: dict[tuple[str, str], bytes] = {}

    def read(self, path: str, name: str) -> bytes | None:
        """Return a small file."""
        return self._cached(path, name, super().read)

    def open(self, path: str, name: str) -> IO[bytes]:
        """Return a file for reading; one request instead of two brings it."""
        content = self.read(path, name)
        if content is None:
            raise FileNotFoundError(self._at(path, name))
        return io.BytesIO(content)

    def read_part(self, path: str, name: str, size: int) -> bytes:  # noqa: ARG002 - fetched whole
        """Return a file of rows."""
        with self.open(path, name) as file:
            return file.read()

    def _cached(self, path: str, name: str, fetch: Any) -> bytes | None:
        location = self._at(path, name)
        etag = self._fs.etags.get(location)
        content: bytes | None = self._cache.get((location, etag))
        if content is None:
            content = fetch(path, name)
            if etag and content is not None:
                self._cache[location, etag] = content
        return content
