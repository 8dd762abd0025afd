"""Conditional writes: what a store must support, so that attempts exclude each other.

============================  ==========================================  ======================
store                         condition of a write                        condition of a delete
============================  ==========================================  ======================
local disk, NFS (`local`)     a lock file, and the content as last read   the same
S3 (`s3`)                     ``If-Match`` / ``If-None-Match``, by ETag   none: HEAD, then DELETE
GCS (`gcs`)                   ``ifGenerationMatch``                       the same
Azure Blob Storage (`azure`)  ``If-Match`` / ``If-None-Match``, by ETag   the same
all others (`announced`)      an announcement, and the content as read    the same
============================  ==========================================  ======================

Requests to S3, GCS and Azure go through the file system that holds the exports, so credentials,
endpoint and proxy are the same for all requests.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LARGEST_READ_BYTES = 64 * 2**20
"""For a checkpoint or a manifest: a thousand times the size that an hour's quota gives."""
READ_ATTEMPTS = 10
"""If content and version take two requests: how often the object may change in between."""


class NoConditions(Exception):  # noqa: N818 - what the store has, not what went wrong
    """The store does not support conditional writes; nothing was changed."""


class TooLarge(Exception):  # noqa: N818 - what the file is
    """The file is larger than any that this provider writes there; reading stopped.

    Attributes:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class StoreClock:
    """The clock of a store, as its responses show it: to the second."""

    def __init__(self) -> None:
        self._seen: tuple[float, float] | None = None

    def saw(self, date: datetime | str | None) -> None:
        """Take note of the date of a response that has just come; one that cannot be read is none.

        Args:
            date: as text as well, as HTTP or ISO 8601 writes it.
        """
        if isinstance(date, str):
            date = _parse(date)
        if date is not None and date.tzinfo:
            self._seen = (date.timestamp(), time.monotonic())

    def now(self) -> float | None:
        """Return the store's time, in seconds since 1970; ``None`` until a response showed it."""
        if self._seen is None:
            return None
        date, seen = self._seen
        return date + time.monotonic() - seen


class ConditionalObjects(Protocol):
    """Single objects of one store. A version is opaque; ``None`` means "no such object".

    Attributes:
        deletes_on_condition: whether :meth:`delete` is atomic, not a check and then a delete.
    """

    deletes_on_condition: bool

    @property
    def clock(self) -> StoreClock | None:
        """The store's clock; ``None`` if the clocks of the workers are all there is."""

    def read(self, path: str) -> tuple[bytes, Any] | None:
        """Return an object's content and its version, ``None`` if there is no such object.

        The content is at least as new as the version.
        """

    def write(self, path: str, text: bytes, version: Any) -> Any:
        """Put an object in place atomically; return its new version.

        ``None``, and nothing was changed, if the object no longer has the given version. If the
        response to a write was lost and the request retried, ``None`` can also mean that the write
        succeeded.
        """

    def delete(self, path: str, version: Any) -> bool:
        """Delete an object; ``False`` if it no longer has the given version, ``True`` if gone."""


def _parse(date: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError):
            return parse(date)
    return None


def check_size(size: int, encoding: str | None = None) -> None:
    """Raise for a file that this provider cannot have written.

    Args:
        size: in bytes, as reported or as read so far.
        encoding: the ``Content-Encoding`` of the object.

    Raises:
        TooLarge: it is larger than any file that this provider writes there.
        ConfigError: it is encoded, for example with gzip, and could be decoded to any size.
    """
    if size > LARGEST_READ_BYTES:
        raise TooLarge(size)
    if encoding:
        raise ConfigError(
            f"The store has a Content-Encoding ({encoding!r:.50}) for _checkpoint.json or "
            "_manifest.json, so this provider did not write it. It was not read, and nothing was "
            "changed.\nMove that file away, or use another path."
        )


def run(filesystem: Any, step: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Run a coroutine of an asynchronous file system from synchronous code; return its result."""
    from fsspec.asyn import sync  # type: ignore[import-untyped]

    return sync(filesystem.loop, step, *arguments)
