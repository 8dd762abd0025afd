"""The commit of an export: the manifest goes in place, and what it does not list is deleted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.export.directory import missing_files
from airflow_provider_docsanalytics.export.documents import CHECKPOINT, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.lease import Lease
    from airflow_provider_docsanalytics.export.plan import Plan
    from airflow_provider_docsanalytics.export.writer import Writer

log = logging.getLogger(__name__)


def commit(
    plan: Plan,
    directory: ExportDirectory,
    lease: Lease,
    writer: Writer,
    quota_left: int | None = None,
) -> Manifest:
    """Write the manifest, delete the files that it does not list, release the directory.

    Raises:
        Superseded: another attempt owns the directory.
        StorageError: a published file is missing.
    """
    writer.publish_last()
    manifest, unlisted = _write_manifest(plan, directory, lease, writer, quota_left)
    remaining = directory.delete(unlisted)
    if not lease.release():
        remaining.append(CHECKPOINT)
    if remaining:
        _log_remaining(directory.uri, remaining)
    return manifest


def _write_manifest(
    plan: Plan,
    directory: ExportDirectory,
    lease: Lease,
    writer: Writer,
    quota_left: int | None,
) -> tuple[Manifest, list[str]]:
    """Put the manifest in place; return it, and the names of the files that it does not list."""
    while True:
        sizes = directory.list_sizes()
        if not writer.save():
            lease.check()
        manifest = _manifest(plan, lease, writer, quota_left)
        _require_files(manifest, sizes, directory.uri)
        if directory.write_manifest(manifest, lease.owner) or manifest == (
            directory.read_compatible_manifest(plan.identity, replace=plan.may_replace)
        ):  # or: it was written, and the response was lost
            return manifest, sorted(sizes.keys() - {file.name for file in manifest.files})


def _require_files(manifest: Manifest, sizes: Mapping[str, int], uri: str) -> None:
    if missing := missing_files(manifest.files, sizes):
        raise StorageError(
            f"{uri}: {missing[0]}, which this export published, is missing or has another size. "
            "No manifest was written.\n"
            "Find out what else deletes or writes files there. A retry starts from the beginning."
        )


def _manifest(plan: Plan, lease: Lease, writer: Writer, quota_left: int | None) -> Manifest:
    progress, identity = writer.progress, plan.identity
    sizes = [size for size in (progress.page_size, plan.page_size) if size]
    return Manifest(
        **structs.asdict(identity),
        files=progress.files,
        rows=progress.rows,
        pages=progress.pages,
        requests=writer.requests,
        totals=progress.totals,
        repeated=progress.repeated,
        repaired=progress.repaired,
        drift=progress.drift,
        page_size=min(sizes, default=msgspec.UNSET),
        quota_left=msgspec.UNSET if quota_left is None else quota_left,
        missing=msgspec.UNSET if identity.thread_ids is msgspec.UNSET else progress.missing,
        started_at=progress.started_at,
        finished_at=max(lease.now(), progress.started_at),
        provider_version=__version__,
    )


def _log_remaining(uri: str, remaining: list[str]) -> None:
    """Log which files remain, if the storage refuses to delete; the export is complete."""
    if remaining == [CHECKPOINT]:
        stays = f"{CHECKPOINT} stays, and records that there is nothing to resume"
    else:
        stays = (
            f"{len(remaining)} files stay: {remaining[0]} to {remaining[-1]}. Read only the files "
            "that the manifest lists, because part-* matches other rows, too"
        )
    log.warning(
        "%s: the export is complete, but this connection may not delete there. %s.\n"
        "Allow the connection to delete (S3: s3:DeleteObject), and the next export deletes what "
        "is left.",
        uri,
        stays,
    )
