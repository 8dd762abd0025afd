"""A directory on any file system that holds one export: parts, checkpoint, manifest.

Only files with these names are ever listed, replaced or deleted::

    part-00000-1f3a9c2e.jsonl.gz    rows: the number gives the order, the rest names the attempt
    _checkpoint.json                exists only while an export is unfinished, unless the storage
                                    does not allow deleting
    _manifest.json                  an export exists when its manifest does
    .….tmp                          on local file systems: one of the above, not yet renamed
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError, StorageRefused
from airflow_provider_docsanalytics.export.documents import (
    CHECKPOINT,
    MANIFEST,
    PART_PATTERN,
    Checkpoint,
    CheckpointEncoder,
    Manifest,
    Owner,
    encode_manifest,
)
from airflow_provider_docsanalytics.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import IO

    from airflow_provider_docsanalytics.export.documents import File, Identity

log = logging.getLogger(__name__)

_TEMPORARY_PATTERN = r"\.(part-.+|_manifest\.json|_checkpoint\.json)\.[0-9a-f]{8}\.tmp"
_PATH_FIELDS = ("platform", "endpoint", "project_id", "date_from", "date_to")
"""What a path can contain of an export's identity."""
_EXPORT_FILE = re.compile(f"{PART_PATTERN}|{_TEMPORARY_PATTERN}")
_Kind = TypeVar("_Kind", Checkpoint, Owner)


class ExportDirectory:
    """Reads and writes the files of one export.

    Args:
        filesystem: an ``fsspec`` file system (``ObjectStoragePath.fs``).
        root: the directory, as that file system names it (``ObjectStoragePath.path``).
        uri: the directory, as messages and results name it.
    """

    def __init__(self, filesystem: Any, root: str, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._filesystem, self._root = filesystem, root.rstrip("/")
        self._storage = Storage(filesystem, root, self.uri)
        self._encoder = CheckpointEncoder()
        self.make = self._storage.make
        self.open_spool = self._storage.open_spool
        self.blocks = self._storage.blocks
        self.remove_directory = self._storage.remove_directory

    def beside(self, name: str) -> ExportDirectory:
        """Return the directory of that name, or path, next to this one."""
        root, uri = (each.rpartition("/")[0] for each in (self._root, self.uri))
        return ExportDirectory(self._filesystem, f"{root}/{name}", f"{uri}/{name}")

    def list_sizes(self) -> dict[str, int]:
        """Return the name and size of every part and temporary file in the directory."""
        sizes = self._storage.sizes()
        return {name: size for name, size in sizes.items() if _EXPORT_FILE.fullmatch(name)}

    def listed_parts(self) -> set[str]:
        """Return the names of the parts that the checkpoint or the manifest lists.

        Reads the checkpoint first, because a part moves from it to the manifest, never back.
        """
        checkpoint, manifest = self.read_checkpoint(), self.read_manifest()
        files = (manifest.files if manifest else ()) + (
            checkpoint.progress.files if checkpoint else ()
        )
        return {file.name for file in files}

    def read_manifest(self) -> Manifest | None:
        """Return the manifest, ``None`` if there is none.

        Raises:
            ConfigError: the manifest is damaged.
        """
        text = self._storage.read(MANIFEST)
        try:
            return None if text is None else msgspec.json.decode(text, type=Manifest)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ConfigError(
                f"{self.uri}/{MANIFEST} is not a manifest that this version can read ({error}). "
                "Nothing was changed.\nUse another path, or move that file away."
            ) from error

    def read_compatible_manifest(
        self, identity: Identity, *, replace: bool, warn: bool = False
    ) -> Manifest | None:
        """Return the manifest, if it is of the same export or may be replaced.

        Args:
            identity: of the export that is to be written here.
            replace: whether it may replace a different export.
            warn: log which different export it replaces.

        Raises:
            ConfigError: the directory holds a different export, or the manifest is damaged.
        """
        manifest = self.read_manifest()
        differences = identity.differences(manifest.identity) if manifest else {}
        if not differences:
            return manifest
        listed = "\n".join(
            f"  {name}: {_shown(there)} there, {_shown(here)} now"
            for name, (here, there) in differences.items()
        )
        if not replace:
            raise ConfigError(
                f"{self.uri} holds a different export:\n{listed}\n{_advice(differences)}"
            )
        if warn:
            log.warning("%s: replacing a different export:\n%s", self.uri, listed)
        return manifest

    def read_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, ``None`` if there is none or it cannot be read."""
        return self._read_checkpoint(Checkpoint)

    def read_owner(self) -> str | None:
        """Return the attempt that the checkpoint names, ``None`` as :meth:`read_checkpoint`."""
        checkpoint = self._read_checkpoint(Owner)
        return None if checkpoint is None else checkpoint.owner

    def _read_checkpoint(self, kind: type[_Kind]) -> _Kind | None:
        text = self._storage.read(CHECKPOINT)
        try:
            return None if text is None else msgspec.json.decode(text, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.warning("%s/%s is damaged and ignored: %s", self.uri, CHECKPOINT, error)
            return None

    def write_manifest(self, manifest: Manifest, owner: str) -> bool:
        """Put the manifest in place; from then on the export exists.

        ``False``, and nothing was written, if the manifest has changed since it was last read.
        """
        return self._storage.replace(MANIFEST, encode_manifest(manifest), owner)

    def create_checkpoint(self, checkpoint: Checkpoint) -> bool:
        """Put a first checkpoint in place, unread; ``False`` if there is one."""
        text = self._encoder.encode(checkpoint)
        return self._storage.create(CHECKPOINT, text, checkpoint.owner)

    def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
        """Put the checkpoint in place, or return ``False`` as :meth:`write_manifest` does."""
        text = self._encoder.encode(checkpoint)
        return self._storage.replace(CHECKPOINT, text, checkpoint.owner)

    def delete_checkpoint(self) -> None:
        """Delete the checkpoint, if it has not changed since it was last read or written."""
        self._storage.remove(CHECKPOINT)

    def publish(self, spool: IO[bytes], name: str) -> None:
        """Put a finished spool in place under ``name``, atomically."""
        self._storage.publish(spool, name)

    def delete(self, names: Iterable[str]) -> list[str]:
        """Delete files by name; a missing file is not an error.

        Return the files that remain, if the storage refuses to delete.
        """
        remaining = list(names)
        try:
            while remaining:
                self._storage.delete(remaining[0])
                del remaining[0]
        except StorageRefused as error:
            log.debug("%s", error)
        return remaining


def missing_files(files: Sequence[File], sizes: Mapping[str, int]) -> list[str]:
    """Return the names of listed files that are not in the directory, or not with their size."""
    return [file.name for file in files if sizes.get(file.name) != file.bytes]


def _advice(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """Return what to do about two exports that differ, and want one directory."""
    fields = [_field_of(name, *pair) for name, pair in differences.items() if name in _PATH_FIELDS]
    others = [name for name in differences if name not in _PATH_FIELDS]
    ways = []
    if fields:
        ways.append(f"Put {_and(fields)} into the path")
    if others:
        differ = "differs" if len(others) == 1 else "differ"
        use = "use" if ways else "Use"
        ways.append(f"{use} separate paths where {_and(others)} {differ}")
    return f"{', and '.join(ways)}; or set if_exists='replace', to keep only the new export."


def _field_of(name: str, here: object, there: object) -> str:
    """Return the field of a path that tells two exports apart: a day, unless it is the same."""
    if not name.startswith("date_"):
        return f"{{{name}}}"
    day = len("2026-01-31")
    return f"{{{name}}}" if str(here)[:day] == str(there)[:day] else f"{{{name}:%Y-%m-%d}}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _shown(value: object) -> str:
    return "nothing" if value is msgspec.UNSET else repr(value)
