"""What an export writes as JSON: ``_manifest.json`` and ``_checkpoint.json``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics.export.drift import Drift

MANIFEST = "_manifest.json"
CHECKPOINT = "_checkpoint.json"
PART_PATTERN = r"part-[0-9]{5,}-[0-9a-f]{8}\.((jsonl|csv)(\.gz|\.zst)?|parquet)"

# Anyone may have written what is read back: a name matches the pattern, so it holds no slash; a
# count is not negative; an instant has a zone.
PartName = Annotated[str, msgspec.Meta(pattern=f"^{PART_PATTERN}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
PageRows = Annotated[int, msgspec.Meta(ge=1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class File(msgspec.Struct, frozen=True):
    """One published part, as the checkpoint and the manifest list it."""

    name: PartName
    rows: Count
    bytes: Count
    sha256: str


class Identity(msgspec.Struct, frozen=True):
    """What identifies an export: exports with equal identities replace each other freely.

    Attributes:
        service: the base URL, because one project on two services is two exports.
        account: the connection's ID, on platforms without projects. The API key is not part of the
            identity, because a rotated key reads the same rows.
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
        """Return the fields that differ, each with this value and the other's.

        A missing service or account is not a difference, because manifests of older versions lack
        them.
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
        fingerprints: of the pages read so far, for the loop guard.
        keys: the row keys of each part, see :class:`~.row_keys.RowKeys`.
        last_row: the fingerprint of the last row read.
        repeated: rows that a page repeated at its boundary, and that were dropped.
        restarts: how often the export was read again from the beginning.
        repaired: rows that were rewritten so that every reader can parse them.
        drift: how the rows so far differ from the endpoint table.
        page_size: the reduced page size, if any. A cursor may count in pages, so later requests do
            not use larger ones.
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


class Owner(msgspec.Struct, frozen=True):
    """Of a checkpoint, which may be large, only the attempt that owns the directory."""

    owner: str


class Checkpoint(msgspec.Struct, kw_only=True, frozen=True):
    """``_checkpoint.json``: the progress of an export, and the attempt that owns the directory.

    Attributes:
        run: the task's run, as in :class:`~.plan.Plan`.
        updated_at: when the last page was read. Pages of much later are not joined to it.
        finished: the export is finished, and the storage does not allow deleting this file. There
            is nothing to resume.
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
    """``_manifest.json``: a finished export, with counts and checksums to verify it.

    Attributes:
        page_size: the page size of the requests, if it was less than the maximum.
        quota_left: requests that the organisation had left afterwards, by its ledger.
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
    quota_left: int | msgspec.UnsetType = msgspec.UNSET
    started_at: Instant
    finished_at: Instant
    provider_version: str
    service: str | msgspec.UnsetType = msgspec.UNSET
    account: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def identity(self) -> Identity:
        """The identity of this export."""
        return Identity(**{name: getattr(self, name) for name in Identity.__struct_fields__})


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


class CheckpointEncoder:
    """Encodes the checkpoints of one attempt: of what grows, only what the last one did not have.

    An export of 5,000 parts writes 5,000 checkpoints, each of them with all parts so far.
    """

    def __init__(self) -> None:
        self._growing = {name: _GrowingList() for name in ("files", "keys", "fingerprints")}

    def encode(self, checkpoint: Checkpoint) -> bytes:
        """Return a checkpoint as JSON in one line."""
        progress = structs.asdict(checkpoint.progress)
        lists = {name: progress.pop(name) for name in self._growing}
        small = msgspec.json.encode({**structs.asdict(checkpoint), "progress": progress})
        pieces: list[bytes | bytearray] = [small.removesuffix(b"}}")]
        for name, items in lists.items():
            pieces += (b',"%b":[' % name.encode(), self._growing[name].encode(items), b"]")
        return b"".join((*pieces, b"}}\n"))


class _GrowingList:
    """The elements of a JSON array that mostly grows at its end."""

    def __init__(self) -> None:
        self._items: tuple[Any, ...] = ()
        self._text = bytearray()

    def encode(self, items: tuple[Any, ...]) -> bytearray:
        if items[: len(self._items)] != self._items:  # the export starts over, or old keys are gone
            self._items = ()
            self._text.clear()
        if new := items[len(self._items) :]:
            self._text += b"," if self._text else b""
            self._text += msgspec.json.encode(new)[1:-1]
        self._items = items
        return self._text
