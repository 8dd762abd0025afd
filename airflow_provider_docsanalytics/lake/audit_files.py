"""Files against manifests: what a listing and the manifest alone show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.export.documents import CHECKPOINT, MANIFEST
from airflow_provider_docsanalytics.lake.catalog import Directory, read_directory
from airflow_provider_docsanalytics.lake.finding import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_docsanalytics.lake.files import LakeFiles

UNFINISHED_AFTER = timedelta(hours=6)
"""An export that was not continued for so long. A wait for the quota is shorter."""

_EXPORT_AGAIN = "Run the export of this window again: it replaces what is there."
MOVE_AWAY = (
    "Move the manifest away, because an export refuses a directory whose manifest it cannot read "
    "or that is another's. Then run the export of this window again."
)
_UPGRADE = "Upgrade this provider. Leave the directory as it is."
_PERMISSIONS = "Give the audit's connection the right to list and to read there."


def check_files(files: LakeFiles, directory: Directory, now: datetime) -> list[Finding]:
    """Return the findings of one directory.

    If there are any, look again: an export may have been committed between the listing and the
    manifest. What only one of two looks shows was such a moment.
    """
    first = list(_check(files, directory, now))
    if not first:
        return []
    path = directory.listing.path
    second = list(_check(files, read_directory(files, files.list_again(path)), now))
    return [each for each in first if each in second]


def _check(files: LakeFiles, directory: Directory, now: datetime) -> Iterator[Finding]:
    listing = directory.listing
    where = files.uri_of(listing.path)
    if listing.unreadable:
        what = f"The directory cannot be listed: {listing.unreadable}."
        yield finding("unreadable", "error", where, what, _PERMISSIONS)
    for name in directory.denied:
        what = f"The storage does not allow reading {name}."
        yield finding("unreadable", "error", files.uri_of(listing.path, name), what, _PERMISSIONS)
    if directory.damage:
        where_damaged = files.uri_of(listing.path, MANIFEST)
        what = f"The manifest {directory.damage}."
        action = _EXPORT_AGAIN if directory.manifest else MOVE_AWAY
        if directory.is_newer:
            action = _UPGRADE
        yield finding("damaged-manifest", "error", where_damaged, what, action)
    yield from _check_links(files, directory)
    yield from _check_listed(files, directory)
    yield from _check_unlisted(files, directory)
    yield from _check_unfinished(where, directory, now)


def _check_links(files: LakeFiles, directory: Directory) -> Iterator[Finding]:
    for name in directory.listing.links:
        if not name.startswith("part-") and name not in (MANIFEST, CHECKPOINT):
            yield finding(
                "unreadable",
                "warning",
                files.uri_of(directory.listing.path, name),
                "This is a link to a directory. It was not followed.",
                "Audit the directory that it leads to under its own name.",
            )


def _check_listed(files: LakeFiles, directory: Directory) -> Iterator[Finding]:
    """Compare the files that the manifest lists with those that are there."""
    listing = directory.listing
    for file in directory.manifest.files if directory.manifest else ():
        where = files.uri_of(listing.path, file.name)
        if file.name not in listing.sizes:
            is_link = file.name in listing.links
            what = "is a link, not a file" if is_link else "is not there"
            yield finding(
                "missing-file",
                "error",
                where,
                f"The manifest lists this file with {file.rows:,} rows, and it {what}.",
                _EXPORT_AGAIN,
            )
        elif (size := listing.sizes[file.name]) != file.bytes:
            yield finding(
                "size",
                "error",
                where,
                f"The file has {size:,} bytes, and the manifest says {file.bytes:,}.",
                _EXPORT_AGAIN,
            )


def _check_unlisted(files: LakeFiles, directory: Directory) -> Iterator[Finding]:
    """Find parts that no manifest lists; those of an unfinished export are expected."""
    listing, manifest = directory.listing, directory.manifest
    is_unknown = MANIFEST in directory.denied or (directory.damage and not manifest)
    if is_unknown or _is_unfinished(directory):
        return
    listed = {file.name for file in manifest.files} if manifest else set()
    parts = {name for name in (*listing.sizes, *listing.links) if name.startswith("part-")}
    if not (unlisted := sorted(parts - listed)):
        return
    count = "1 file of rows is" if len(unlisted) == 1 else f"{len(unlisted)} files of rows are"
    where = files.uri_of(listing.path, unlisted[0])
    if manifest:
        yield finding(
            "unlisted-part",
            "warning",
            where,
            f"{count} not in the manifest. Loaders that read part-* count their rows, too.",
            "Delete what the manifest does not list, or let loaders read only what it lists.",
        )
    else:
        yield finding(
            "unlisted-part", "error", where, f"{count} there, without a manifest.", _EXPORT_AGAIN
        )


def _check_unfinished(where: str, directory: Directory, now: datetime) -> Iterator[Finding]:
    """Find exports that were started and not continued."""
    if not _is_unfinished(directory) or CHECKPOINT in directory.denied:
        return
    if (checkpoint := directory.checkpoint) is None:
        since = "its checkpoint cannot be read"
    elif now - checkpoint.updated_at < UNFINISHED_AFTER:
        return
    else:
        since = f"nothing was read since {checkpoint.updated_at:%Y-%m-%d %H:%M %Z}"
    stands = " The export before it is complete." if directory.manifest else ""
    yield finding(
        "unfinished",
        "warning" if directory.manifest else "error",
        where,
        f"An export was started and is not finished: {since}.{stands}",
        "Clear its task, so that it resumes. If you do not need it, delete _checkpoint.json and "
        "what no manifest lists.",
    )


def _is_unfinished(directory: Directory) -> bool:
    checkpoint = directory.checkpoint
    return directory.has_checkpoint and not (checkpoint and checkpoint.finished)
