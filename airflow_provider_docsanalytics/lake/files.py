"""The files of a lake: few listings, bounded reads, and no step outside of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from stat import S_ISREG
from typing import IO, TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.export.documents import CHECKPOINT, MANIFEST, PART_PATTERN
from airflow_provider_docsanalytics.storage import Storage, local
from airflow_provider_docsanalytics.storage.permissions import is_denied

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = re.compile(f"{PART_PATTERN}|{re.escape(MANIFEST)}|{re.escape(CHECKPOINT)}")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of one directory that an export may have written.

    Attributes:
        path: the directory, below the lake's root; ``""`` is the root.
        sizes: name and size in bytes of each file.
        links: names that are links or anything else but regular files.
        unreadable: why the directory could not be listed; ``""`` if it was.
    """

    path: str
    sizes: dict[str, int] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    unreadable: str = ""


class LakeFiles:
    """The files below one root.

    Args:
        filesystem: an ``fsspec`` file system.
        root: the root of the lake, as that file system names it.
        uri: the root, as findings name it.
    """

    def __init__(self, filesystem: Any, root: str, uri: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")
        self.uri = uri.rstrip("/")
        self.local = Storage(filesystem, self._root, self.uri).local

    def directories(self) -> Iterator[Listing]:
        """Yield every directory that holds files of exports, and those that cannot be listed.

        A local lake is walked, links are not followed. An object store is listed once, from top to
        bottom: a request for every thousand objects.

        Raises:
            ConfigError: the root does not exist, or is no directory.
            StorageError: the root cannot be listed.
        """
        yield from self._walk() if self.local else self._find()

    def list_again(self, path: str) -> Listing:
        """Return one directory as it is now."""
        if self.local:
            return self._scan(path, [])
        return Listing(path, _ours(self._storage(path).sizes()))

    def read(self, path: str, name: str) -> bytes | None:
        """Return a small file of a directory, ``None`` if there is none.

        Raises:
            ConfigError: it is not a regular file.
            StorageRefused: the storage denied access.
            StorageError: the storage failed, or the file is too large.
        """
        return self._storage(path).read(name)

    def open(self, path: str, name: str) -> IO[bytes]:
        """Open a file of a directory; links are not followed.

        Raises:
            ConfigError: it is not a regular file.
            OSError: or whatever else the file system raises.
        """
        if self.local:
            return os.fdopen(local.open_regular(self._at(path, name), os.O_RDONLY), "rb")
        opened: IO[bytes] = self._fs.open(self._at(path, name), "rb")
        return opened

    def read_part(self, path: str, name: str, size: int) -> bytes:
        """Return a file of an object store that should have so many bytes, by one request.

        No more is read than shows that it has more.

        Raises:
            OSError: or whatever else the file system raises.
        """
        content: bytes = self._fs.cat_file(self._at(path, name), start=0, end=size + 1)
        return content

    def uri_of(self, path: str, name: str = "") -> str:
        """Return a directory or a file of the lake, as findings name it."""
        return "/".join(filter(None, (self.uri, path, name)))

    def _storage(self, path: str) -> Storage:
        return Storage(self._fs, self._at(path), self.uri_of(path))

    def _at(self, path: str, name: str = "") -> str:
        return "/".join(each for each in (self._root, path, name) if each)

    def _walk(self) -> Iterator[Listing]:
        """Walk a local lake."""
        if not os.path.isdir(self._root):  # noqa: PTH112 - as the file system names it
            raise self._no_lake("it is not a directory")
        waiting = [""]
        while waiting:
            path = waiting.pop()
            listing = self._scan(path, waiting)
            if listing.unreadable and not path:
                raise StorageError(
                    f"{self.uri} cannot be listed: {listing.unreadable}.\n"
                    "Check the permissions of the user that this runs as."
                )
            if listing.sizes or listing.links or listing.unreadable:
                yield listing

    def _scan(self, path: str, below: list[str]) -> Listing:
        """List one local directory; append the directories below it to ``below``."""
        sizes, links, subdirectories = dict[str, int](), [], []
        try:
            with os.scandir(self._at(path) or "/") as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        subdirectories.append(f"{path}/{entry.name}" if path else entry.name)
                    elif _OURS.fullmatch(entry.name):
                        status = entry.stat(follow_symlinks=False)
                        if S_ISREG(status.st_mode):
                            sizes[entry.name] = status.st_size
                        else:
                            links.append(entry.name)
                    elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112 - scandir's
                        links.append(entry.name)
        except FileNotFoundError:  # deleted meanwhile
            return Listing(path)
        except OSError as error:
            return Listing(path, unreadable=str(error.strerror or error))
        below += sorted(subdirectories, reverse=True)
        return Listing(path, sizes, tuple(sorted(links)))

    def _find(self) -> Iterator[Listing]:
        """List everything below the root at once."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.find(self._root, detail=True)
        except FileNotFoundError:
            found = {}
        except Exception as error:
            denied = "The storage denied access" if is_denied(error) else "The storage failed"
            raise StorageError(
                f"{self.uri} cannot be listed: {type(error).__name__}: {str(error)[:300]}.\n"
                f"{denied}: check the connection, and its right to list (S3: s3:ListBucket)."
            ) from error
        if not found:
            raise self._no_lake("it holds no files")
        directories: dict[str, dict[str, int]] = {}
        while found:
            key, entry = found.popitem()
            path, _, name = key.rpartition("/")
            if _OURS.fullmatch(name) and f"{path}/".startswith(f"{self._root}/"):
                inside = directories.setdefault(path[len(self._root) + 1 :], {})
                inside[name] = int(entry.get("size") or 0)
        self._fs.invalidate_cache()  # it would keep all of that listing
        while directories:
            yield Listing(*directories.popitem())

    def _no_lake(self, reason: str) -> ConfigError:
        return ConfigError(
            f"{self.uri} is not a lake: {reason}.\n"
            "Give the root of your exports: what stands before the first field of path."
        )


def _ours(sizes: dict[str, int]) -> dict[str, int]:
    return {name: size for name, size in sizes.items() if _OURS.fullmatch(name)}
