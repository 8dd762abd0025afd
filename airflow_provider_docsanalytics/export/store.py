"""A directory of any file system that holds one export: parts, checkpoint, manifest.

Names that are ours, and nothing else is ever listed, replaced or deleted::

    part-00000-1f3a9c2e.jsonl.gz    rows; the number is their order, the rest names the attempt
    _checkpoint.json                only while an export is unfinished, where files can be deleted
    _manifest.json                  an export exists when its manifest does
    .….tmp                          local file systems: not yet renamed to one of the above
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError, StorageRefused
from airflow_provider_docsanalytics.export.drift import Drift
from airflow_provider_docsanalytics.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import IO

log = logging.getLogger(__name__)

MANIFEST = "_manifest.json"
CHECKPOINT = "_checkpoint.json"
_PART = r"part-[0-9]{5,}-[0-9a-f]{8}\.((jsonl|csv)(\.gz|\.zst)?|parquet)"
_TEMPORARY = r"\.(part-.+|_manifest\.json|_checkpoint\.json)\.[0-9a-f]{8}\.tmp"
_OURS = re.compile(f"{_PART}|{_TEMPORARY}")

# What is read back may have been written by anyone: a name is one of ours, and nothing with a
# slash; a count is one; an instant can be compared.
PartName = Annotated[str, msgspec.Meta(pattern=f"^{_PART}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
PageRows = Annotated[int, msgspec.Meta(ge=1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class File(msgspec.Struct, frozen=True):
    """One published part, as it is listed in the checkpoint and the manifest."""

    name: PartName
    rows: Count
    bytes: Count
    sha256: str


class Identity(msgspec.Struct, frozen=True):
    """What makes two exports the same one: equal identities replace each other freely.

    Attributes:
        service: the base URL, so that one project on two services is two exports.
        account: the connection's ID, where the platform has no projects to tell accounts apart. The
            key is no part of it: a rotated key reads the same rows.
    """

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
    service: str | msgspec.UnsetType = msgspec.UNSET
    account: str | msgspec.UnsetType = msgspec.UNSET

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()

    def differences(self, other: Identity) -> dict[str, tuple[Any, Any]]:
        """Return the members that differ, each with this value and the other's.

        A service or an account that either does not name is no difference: manifests of older
        versions do not have them.
        """
        pairs = {
            name: (getattr(self, name), getattr(other, name)) for name in self.__struct_fields__
        }
        return {
            name: pair
            for name, pair in pairs.items()
            if pair[0] != pair[1] and not (name in ("service", "account") and msgspec.UNSET in pair)
        }


class Progress(msgspec.Struct, kw_only=True, frozen=True):
    """What an unfinished export has so far.

    Attributes:
        cursor: where to resume; ``None`` is the start, or, with ``complete``, the end.
        started_at: when the first attempt began.
        fingerprints: of the pages read, so that no attempt is led back to one of them.
        keys: the row keys of each part's pages, see :class:`~.row_keys.RowKeys`.
        last_row: the fingerprint of the last row read.
        repeated: rows that came again at a page boundary and were left out.
        restarts: how often the pages were read again from the beginning.
        repaired: rows that were rewritten so that every reader can read them.
        drift: where the rows so far differ from the endpoint table.
        page_size: of the pages that were read, where it is not the largest: a cursor may count in
            them, so no larger ones are asked for.
    """

    files: tuple[File, ...] = ()
    rows: Count = 0
    pages: Count = 0
    requests: Count = 0
    totals: dict[str, Any] = {}
    missing: tuple[str, ...] = ()
    repaired: Count = 0
    drift: Drift = Drift()
    cursor: str | None = None
    complete: bool = False
    fingerprints: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    last_row: str | None = None
    repeated: Count = 0
    restarts: Count = 0
    page_size: PageRows | None = None
    started_at: Instant


class Checkpoint(msgspec.Struct, kw_only=True, frozen=True):
    """``_checkpoint.json``: the progress, whose it is, and of which export.

    Attributes:
        run: the task's run, as in :class:`~.plan.Plan`.
        updated_at: when the last page was read; what is joined to it must not be much younger.
        finished: the export is, and the storage does not let this file be deleted: there is nothing
            to resume.
    """

    checkpoint_version: Literal[1] = 1
    identity: Identity
    source: str
    owner: str
    run: str | None = None
    updated_at: Instant
    finished: bool = False
    progress: Progress


class Manifest(msgspec.Struct, kw_only=True, frozen=True):
    """``_manifest.json``: a finished export, with what proves it whole.

    Attributes:
        page_size: rows asked for at once, where that was less than the largest page.
    """

    manifest_version: Literal[1] = 1
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
    repeated: Count = 0
    repaired: Count = 0
    drift: Drift = Drift()
    page_size: PageRows | msgspec.UnsetType = msgspec.UNSET
    started_at: Instant
    finished_at: Instant
    provider_version: str
    service: str | msgspec.UnsetType = msgspec.UNSET
    account: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def identity(self) -> Identity:
        """The identity of the export that this manifest finished."""
        return Identity(
            **{name: getattr(self, name) for name in Identity.__struct_fields__},
        )


class ExportDirectory:
    """The reading and writing of one export's directory.

    Args:
        filesystem: an ``fsspec`` file system (``ObjectStoragePath.fs``).
        root: the directory, as that file system names it (``ObjectStoragePath.path``).
        uri: the directory as people name it, for messages and results.
    """

    def __init__(self, filesystem: Any, root: str, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._storage = Storage(filesystem, root, self.uri)
        self.make = self._storage.make
        self.open_spool = self._storage.open_spool

    def ours(self) -> dict[str, int]:
        """Return name and size of every part and temporary file that lies there."""
        sizes = self._storage.sizes()
        return {name: size for name, size in sizes.items() if _OURS.fullmatch(name)}

    def listed(self) -> set[str]:
        """Return the names of the parts that the manifest or the checkpoint lists.

        The checkpoint first: what it lists moves to the manifest, never the other way.
        """
        checkpoint, manifest = self.read_checkpoint(), self.read_manifest()
        files = (manifest.files if manifest else ()) + (
            checkpoint.progress.files if checkpoint else ()
        )
        return {file.name for file in files}

    def read_manifest(self) -> Manifest | None:
        """Return the manifest, ``None`` if there is none; a damaged one is an error."""
        text = self._storage.read(MANIFEST)
        try:
            return None if text is None else msgspec.json.decode(text, type=Manifest)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ConfigError(
                f"{self.uri}/{MANIFEST} is not a manifest that this version reads ({error}). "
                "Nothing was changed. Use another path, or move that file away."
            ) from error

    def read_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, ``None`` if there is none or it cannot be read."""
        text = self._storage.read(CHECKPOINT)
        try:
            return None if text is None else msgspec.json.decode(text, type=Checkpoint)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.warning("%s/%s is damaged and ignored: %s", self.uri, CHECKPOINT, error)
            return None

    def write_manifest(self, manifest: Manifest, owner: str) -> bool:
        """Put the manifest in place, and the export exists.

        ``False``, and nothing was written, if it has changed since it was last read.
        """
        return self._storage.replace(MANIFEST, _text(manifest), owner)

    def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
        """Put the checkpoint in place, or return ``False`` as :meth:`write_manifest` does."""
        return self._storage.replace(CHECKPOINT, _text(checkpoint), checkpoint.owner)

    def end_checkpoint(self) -> None:
        """Delete the checkpoint, if it is as it was last read."""
        self._storage.remove(CHECKPOINT)

    def publish(self, spool: IO[bytes], name: str) -> None:
        """Put a finished spool in place under ``name``, whole or not at all."""
        self._storage.publish(spool, name)

    def delete(self, names: Iterable[str]) -> list[str]:
        """Delete files by name; one that is gone already is fine.

        Return those that stay, because the storage refuses to delete.
        """
        left = list(names)
        try:
            while left:
                self._storage.delete(left[0])
                del left[0]
        except StorageRefused as error:
            log.debug("%s", error)
        return left


def _text(document: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
