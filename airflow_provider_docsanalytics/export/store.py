"""A directory of any file system that holds one export: parts, checkpoint, manifest.

Names that are ours, and nothing else is ever listed, replaced or deleted::

    part-00000-1f3a9c2e.jsonl.gz    rows; the number is their order, the rest names the attempt
    _checkpoint.json                only while an export is unfinished
    _manifest.json                  an export exists when its manifest does
    .….tmp                          local file systems: not yet renamed to one of the above
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.export.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import IO

log = logging.getLogger(__name__)

MANIFEST = "_manifest.json"
CHECKPOINT = "_checkpoint.json"
_PART = re.compile(r"part-\d{5,}-[0-9a-f]{8}\.[a-z]+(\.gz|\.zst)?")
_TEMPORARY = re.compile(r"\.(part-.+|_manifest\.json|_checkpoint\.json)\.[0-9a-f]{8}\.tmp")
_FLAT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "adl", "az", "wasb", "memory"})
"""Object stores: no directories to make (and making them would make a bucket)."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Stored = TypeVar("Stored", bound=msgspec.Struct)


class File(msgspec.Struct, frozen=True):
    """One published part, as it is listed in the checkpoint and the manifest."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Identity(msgspec.Struct, frozen=True):
    """What makes two exports the same one: equal identities replace each other freely."""

    platform: str
    endpoint: str
    project_id: str | None
    date_from: str | None
    date_to: str | None
    filters: dict[str, str]
    file_format: str
    compression: str | None
    escape_formulas: bool | msgspec.UnsetType = msgspec.UNSET
    thread_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


class Progress(msgspec.Struct, kw_only=True, frozen=True):
    """What an unfinished export has so far.

    Attributes:
        cursor: where to go on; ``None`` is the start, or, with ``complete``, the end.
        started_at: when the first attempt began.
        trail: marks of the pages read, so that no attempt is led back to one of them.
        drift: where the rows so far differ from the endpoint table.
    """

    files: tuple[File, ...] = ()
    rows: int = 0
    pages: int = 0
    requests: int = 0
    totals: dict[str, Any] = {}
    missing: tuple[str, ...] = ()
    drift: Drift = Drift()
    cursor: str | None = None
    complete: bool = False
    trail: tuple[str, ...] = ()
    started_at: Instant


class Checkpoint(msgspec.Struct, kw_only=True, frozen=True):
    """``_checkpoint.json``: the progress, whose it is, and of which export."""

    checkpoint_version: int = 1
    identity: Identity
    source: str
    owner: str
    updated_at: Instant
    progress: Progress


class Manifest(msgspec.Struct, kw_only=True, frozen=True):
    """``_manifest.json``: a finished export, with what proves it whole."""

    manifest_version: int = 1
    platform: str
    endpoint: str
    project_id: str | None
    date_from: str | None
    date_to: str | None
    filters: dict[str, str]
    file_format: str
    compression: str | None
    escape_formulas: bool | msgspec.UnsetType = msgspec.UNSET
    files: tuple[File, ...]
    rows: int
    pages: int
    requests: int
    totals: dict[str, Any]
    thread_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    missing: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    drift: Drift = Drift()
    started_at: Instant
    finished_at: Instant
    provider_version: str

    @property
    def identity(self) -> Identity:
        """The identity of the export that this manifest finished."""
        return Identity(
            **{name: getattr(self, name) for name in Identity.__struct_fields__},
        )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _umask() -> int:
    mask = os.umask(0o077)  # can only be asked for by setting it
    os.umask(mask)
    return mask


class ExportDirectory:
    """The reading and writing of one export's directory.

    Args:
        filesystem: an ``fsspec`` file system (``ObjectStoragePath.fs``).
        root: the directory, as that file system names it (``ObjectStoragePath.path``).
        uri: the directory as people name it, for messages and results.
    """

    def __init__(self, filesystem: Any, root: str, uri: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")
        self.uri = uri.rstrip("/")
        protocols = filesystem.protocol
        protocols = {protocols} if isinstance(protocols, str) else set(protocols)
        self._local = "file" in protocols
        self._flat = bool(protocols & _FLAT)

    def make(self) -> None:
        """Make the directory, where the file system has such things."""
        if not self._flat:
            self._fs.makedirs(self._root, exist_ok=True)

    def ours(self) -> dict[str, int]:
        """Return name and size of every part and temporary file that lies there."""
        self._fs.invalidate_cache(self._root)
        try:
            entries = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return {}
        found = {str(entry["name"]).rsplit("/", 1)[-1]: entry for entry in entries}
        return {
            name: int(entry["size"] or 0)
            for name, entry in found.items()
            if entry["type"] == "file" and (_PART.fullmatch(name) or _TEMPORARY.fullmatch(name))
        }

    def read_manifest(self) -> Manifest | None:
        """Return the manifest, ``None`` if there is none; a damaged one is an error."""
        try:
            return self._read(MANIFEST, Manifest)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ConfigError(
                f"{self.uri}/{MANIFEST} is not a manifest that this version reads ({error}). "
                "Nothing was changed. Use another path, or move that file away."
            ) from error

    def read_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, ``None`` if there is none or it cannot be read."""
        try:
            return self._read(CHECKPOINT, Checkpoint)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.warning("%s/%s is damaged and ignored: %s", self.uri, CHECKPOINT, error)
            return None

    def write_manifest(self, manifest: Manifest, owner: str) -> None:
        """Put the manifest in place: from now on the export exists."""
        self._write(MANIFEST, manifest, owner)

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Put the checkpoint in place."""
        self._write(CHECKPOINT, checkpoint, checkpoint.owner)

    def open_spool(self, name: str, owner: str) -> IO[bytes]:
        """Return a new local file, for its owner's eyes only, that will be published as ``name``.

        On the local file system it lies in the directory itself: publishing is then a rename.
        """
        if self._local:
            return open(self._temporary(name, owner), "xb", opener=_open_private)
        return tempfile.NamedTemporaryFile(prefix="docsanalytics-", delete=False)

    def publish(self, spool: str, name: str) -> None:
        """Put a finished spool in place under ``name``, whole or not at all."""
        if self._local:
            # As readable as the directory, no more than any new file; until now its owner's alone.
            Path(spool).chmod(Path(self._root).stat().st_mode & 0o666 & ~_umask())
            Path(spool).replace(self._at(name))
        else:
            self._fs.put_file(spool, self._at(name))

    def delete(self, names: Iterable[str]) -> None:
        """Delete parts and temporary files by name; one that is gone already is fine."""
        for name in names:
            try:
                self._fs.rm_file(self._at(name))
            except FileNotFoundError:
                log.debug("%s/%s is gone already", self.uri, name)

    def delete_checkpoint(self) -> None:
        """Delete the checkpoint."""
        self.delete([CHECKPOINT])

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _temporary(self, name: str, owner: str) -> str:
        return self._at(f".{name}.{owner}.tmp")

    def _read(self, name: str, kind: type[Stored]) -> Stored | None:
        self._fs.invalidate_cache(self._root)
        try:
            text = self._fs.cat_file(self._at(name))
        except FileNotFoundError:
            return None
        return msgspec.json.decode(text, type=kind)

    def _write(self, name: str, document: msgspec.Struct, owner: str) -> None:
        text = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
        if self._local:
            temporary = self._temporary(name, owner)
            # Always a new file: nobody's link to somewhere else is followed.
            Path(temporary).unlink(missing_ok=True)
            with Path(temporary).open("xb") as file:
                file.write(text)
            Path(temporary).replace(self._at(name))
        else:
            self._fs.pipe_file(self._at(name), text)
