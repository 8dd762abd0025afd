"""What a store must be able to do with one object, for attempts at an export to exclude each other.

============================  ==========================================  ======================
store                         condition of a write                        condition of a delete
============================  ==========================================  ======================
local disk, NFS (`local`)     a lock file, and the content as last read   the same
S3 (`s3`)                     ``If-Match`` / ``If-None-Match``, by ETag   none: HEAD, then DELETE
GCS (`gcs`)                   ``ifGenerationMatch``                       the same
Azure Blob Storage (`azure`)  ``If-Match`` / ``If-None-Match``, by ETag   the same
all others (`announced`)      an announcement, and the content as read    the same
============================  ==========================================  ======================

S3, GCS and Azure are reached through the file system that holds the exports, so the credentials,
the endpoint and the proxy of these requests are those of all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LARGEST_READ_BYTES = 64 * 2**20
"""Of a checkpoint or a manifest: a thousand times what an hour's quota comes to."""
READ_TRIES = 10
"""Where content and version are two requests: how often the object may change in between."""


class NoConditions(Exception):  # noqa: N818 - what the store has, not what went wrong
    """The store has answered that it cannot do this; nothing was changed."""


class TooLarge(Exception):  # noqa: N818 - what the file is
    """The file is larger than any that this provider writes there; it was not read to its end.

    Attributes:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Objects(Protocol):
    """Single objects of one store. A version is opaque, and ``None`` stands for "no such object".

    Attributes:
        deletes_on_condition: whether :meth:`delete` is one step, or a look and then a delete.
    """

    deletes_on_condition: bool

    def read(self, path: str) -> tuple[bytes, Any] | None:
        """Return an object's content and its version, ``None`` if there is no such object.

        The content is at least as new as the version.
        """

    def write(self, path: str, text: bytes, version: Any) -> Any:
        """Put an object in place, whole; return its new version.

        ``None``, and nothing was changed, if the object no longer has the given version. A store
        that was asked twice, since its first answer was lost, says so of our own write, too.
        """

    def delete(self, path: str, version: Any) -> bool:
        """Delete an object; ``False`` if it no longer has the given version. Gone is ``True``."""


def check_size(size: int, encoding: str | None = None) -> None:
    """Raise for a file that cannot be one of this provider's.

    Args:
        size: in bytes, as said or as read so far.
        encoding: the ``Content-Encoding`` that the store has for it.

    Raises:
        TooLarge: it is larger than all that this provider writes there.
        ConfigError: it is encoded, as gzip may be, and would be decoded to any size.
    """
    if size > LARGEST_READ_BYTES:
        raise TooLarge(size)
    if encoding:
        raise ConfigError(
            f"The store has a Content-Encoding ({encoding!r:.50}) for _checkpoint.json or "
            "_manifest.json, so this provider has not written it. It was not read, and nothing "
            "was changed. Move that file away, or use another path."
        )


def run(filesystem: Any, step: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Return what a coroutine of an asynchronous file system returns, from synchronous code."""
    from fsspec.asyn import sync  # type: ignore[import-untyped]

    return sync(filesystem.loop, step, *arguments)
