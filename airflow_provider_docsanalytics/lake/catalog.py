"""The catalog of a lake: every manifest below its root, on any storage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import ConfigError, StorageRefused
from airflow_provider_docsanalytics.export.documents import (
    CHECKPOINT,
    MANIFEST,
    Checkpoint,
    Manifest,
)
from airflow_provider_docsanalytics.storage.conditional import LARGEST_READ_BYTES
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_docsanalytics.api.endpoint import Endpoint
    from airflow_provider_docsanalytics.export.drift import Drift
    from airflow_provider_docsanalytics.lake.files import LakeFiles, Listing

READERS = 16
"""Exports that are read at the same time from an object store."""
_VERSION = 1
"""Of the manifests that this version reads."""
_PLATFORMS = {platform.name: platform for platform in (MINTLIFY, VYOM)}


class Series(NamedTuple):
    """What exports have in common whose windows follow each other."""

    platform: str
    endpoint: str
    project_id: str | None
    service: str | None
    account: str | None
    filters: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        owner = self.project_id or self.account
        filters = [f"{name}={value}" for name, value in self.filters]
        details = [
            *([f"of {owner}"] if owner else []),
            *([f"({', '.join(filters)})"] if filters else []),
        ]
        return " ".join([f"{self.platform} {self.endpoint}", *details])

    @property
    def table_row(self) -> Endpoint | None:
        """The endpoint's row of the table; ``None`` for one that this version does not know."""
        platform = _PLATFORMS.get(self.platform)
        return platform.endpoints.get(self.endpoint) if platform else None


@dataclass(frozen=True, slots=True)
class Export:
    """One finished export: what an audit keeps of its manifest.

    Attributes:
        path: its directory, below the lake's root.
        window: ``None`` where the endpoint takes no dates.
        total: of the response, where that is a count of everything: ``caller_stats``.
    """

    path: str
    series: Series
    window: DateWindow | None
    rows: int
    bytes: int
    file_format: str
    drift: Drift | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory of a lake, and what could be read of it.

    Attributes:
        manifest: ``None`` if there is none, or none that can be read.
        damage: why the manifest cannot be read, or contradicts itself; ``""`` if neither.
        is_newer: whether it cannot be read because a later version of this provider wrote it.
        denied: the files that the storage refused to give.
        checkpoint: ``None`` as the manifest.
        has_checkpoint: whether there is one, readable or not.
    """

    listing: Listing
    manifest: Manifest | None = None
    window: DateWindow | None = None
    damage: str = ""
    is_newer: bool = False
    denied: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None
    has_checkpoint: bool = False

    @property
    def export(self) -> Export | None:
        """The export, if it is finished and readable."""
        manifest = self.manifest
        if manifest is None:
            return None
        return Export(
            self.listing.path,
            _series_of(manifest),
            self.window,
            manifest.rows,
            sum(file.bytes for file in manifest.files),
            manifest.file_format,
            manifest.drift or None,
            _total_of(manifest),
        )


def read_directories(files: LakeFiles) -> Iterator[Directory]:
    """Yield every directory of the lake that exports have written to.

    Raises:
        ConfigError: there is no such directory.
        StorageError: the storage failed.
    """
    if files.local:
        yield from (read_directory(files, listing) for listing in files.directories())
        return
    with ThreadPoolExecutor(READERS) as readers:
        yield from readers.map(lambda listing: read_directory(files, listing), files.directories())


def read_directory(files: LakeFiles, listing: Listing) -> Directory:
    """Read the manifest and the checkpoint of one directory."""
    directory = Directory(listing, has_checkpoint=CHECKPOINT in listing.sizes)
    if MANIFEST in listing.sizes or MANIFEST in listing.links:
        directory = _with_manifest(files, directory)
    if directory.has_checkpoint:
        directory = _with_checkpoint(files, directory)
    return directory


def _with_manifest(files: LakeFiles, directory: Directory) -> Directory:
    listing = directory.listing
    if (size := listing.sizes.get(MANIFEST, 0)) > LARGEST_READ_BYTES:
        damage = f"has {size:,} bytes, more than this provider ever writes"
        return replace(directory, damage=damage)
    text: bytes | None = None
    try:
        text = files.read(listing.path, MANIFEST)
        if text is None:  # deleted since it was listed
            return directory
        manifest = msgspec.json.decode(text, type=Manifest)
        window = _window_of(manifest)
    except ConfigError as error:
        reason = str(error).partition("\n")[0].removesuffix(".")
        return replace(directory, damage=f"cannot be read: {reason}")
    except StorageRefused:
        return replace(directory, denied=(*directory.denied, MANIFEST))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        version = _version_of(text)
        damage = f"is of version {version}, which this version of the provider cannot read"
        is_newer = version > _VERSION
        damage = damage if is_newer else f"cannot be read: {error}"
        return replace(directory, damage=damage, is_newer=is_newer)
    return replace(directory, manifest=manifest, window=window, damage=_miscounted(manifest))


def _with_checkpoint(files: LakeFiles, directory: Directory) -> Directory:
    listing = directory.listing
    if listing.sizes.get(CHECKPOINT, 0) > LARGEST_READ_BYTES:
        return directory
    try:
        text = files.read(listing.path, CHECKPOINT)
        if text is None:  # finished since it was listed
            return replace(directory, has_checkpoint=False)
        checkpoint = msgspec.json.decode(text, type=Checkpoint)
    except StorageRefused:
        return replace(directory, denied=(*directory.denied, CHECKPOINT))
    except (ConfigError, msgspec.MsgspecError, ValueError, RecursionError):
        return directory
    return replace(directory, checkpoint=checkpoint)


def _version_of(text: bytes | None) -> int:
    """Return the version of a manifest that this version does not understand, 0 if it has none."""
    try:
        return msgspec.json.decode(text or b"", type=_Versioned).manifest_version
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return 0


class _Versioned(msgspec.Struct):
    manifest_version: int


def _window_of(manifest: Manifest) -> DateWindow | None:
    """Return the window; raise :class:`ConfigError` for dates that are none."""
    if manifest.date_from is None and manifest.date_to is None:
        return None
    return DateWindow.parse(manifest.date_from, manifest.date_to)


def _miscounted(manifest: Manifest) -> str:
    """Return in what a manifest contradicts itself, ``""`` if it does not."""
    if len({file.name for file in manifest.files}) < len(manifest.files):
        return "contradicts itself: it lists a file twice"
    if (rows := sum(file.rows for file in manifest.files)) != manifest.rows:
        return f"contradicts itself: it says {manifest.rows:,} rows, and its files have {rows:,}"
    return ""


def _series_of(manifest: Manifest) -> Series:
    service, account = manifest.service, manifest.account
    return Series(
        manifest.platform,
        manifest.endpoint,
        manifest.project_id,
        None if service is msgspec.UNSET else service,
        None if account is msgspec.UNSET else account,
        tuple(sorted(manifest.filters.items())),
    )


def _total_of(manifest: Manifest) -> int | None:
    total = manifest.totals.get("total") if manifest.endpoint == "caller_stats" else None
    return total if isinstance(total, int) else None


def join_older(exports: Iterable[Export]) -> list[Export]:
    """Return the exports, with those of older manifests in the series that they belong to.

    Older manifests lack service and account. Where one series alone differs by these, they are its.
    """
    exports = list(exports)
    complete: dict[Series, set[Series]] = {}
    for series in {export.series for export in exports}:
        if series.service is not None:
            complete.setdefault(series._replace(service=None, account=None), set()).add(series)
    return [
        replace(export, series=next(iter(others)))
        if export.series.service is None and len(others := complete.get(export.series, ())) == 1
        else export
        for export in exports
    ]
