"""Pages in, committed export out.

The order of every step is what makes an export complete or absent; :mod:`.lease` says why.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics._loop_guard import LoopGuard, page_fingerprint
from airflow_provider_docsanalytics.errors import (
    BadResponse,
    ConfigError,
    CursorLost,
    DocsAnalyticsError,
    NotFound,
    StorageError,
    Superseded,
)
from airflow_provider_docsanalytics.export.drift import RowSchema
from airflow_provider_docsanalytics.export.lease import Lease, lost, now
from airflow_provider_docsanalytics.export.part import Part
from airflow_provider_docsanalytics.export.pending_part import PendingPart
from airflow_provider_docsanalytics.export.row_keys import RowKeys, RowsMoved, Taken
from airflow_provider_docsanalytics.export.store import (
    CHECKPOINT,
    ExportDirectory,
    Manifest,
    Progress,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_docsanalytics.export.plan import PageLike, Plan, Source

log = logging.getLogger(__name__)

SAMPLE = 100
"""Rows of a page that are compared with the endpoint table, where rows are otherwise not read."""
MAX_RESTARTS = 1
"""How often one export reads its pages again from the beginning: it costs their requests again."""


def export(plan: Plan, directory: ExportDirectory, source: Source) -> Manifest:
    """Export every page of ``source`` into ``directory``; return the manifest that now stands.

    Raises:
        ConfigError: the directory holds a different export, and ``if_exists`` is ``error``.
        Superseded: another attempt has taken over; this one touched nothing of its.
        DocsAnalyticsError: whatever the source raised. All pages before it are published and in the
            checkpoint, so that the next call asks for none of them again.
    """
    attempt = _Attempt(plan, directory, source)
    try:
        if not attempt.progress.complete:
            attempt.read()
        return attempt.commit()
    except Superseded:
        attempt.discard_unlisted()
        raise


class _Attempt:
    """One attempt at an export."""

    def __init__(self, plan: Plan, directory: ExportDirectory, source: Source) -> None:
        self._plan = plan
        self._directory = directory
        self._source = source
        self._output_format = plan.output_format
        self._contract = RowSchema(plan.fields, None if self._output_format.has_columns else SAMPLE)
        manifest = self._refuse_another_export(warn=True)
        directory.make()
        self._lease = Lease(directory, plan.identity, source.name, plan.run)
        self.progress = self._lease.acquire(manifest, self._refuse_another_export)
        self._requests_before = self.progress.requests - source.requests_sent()
        self._pending = self._new_pending()

    def read(self) -> None:
        """Read the source from the checkpoint on, or once from the beginning if that is lost."""
        while True:
            try:
                self._read()
            except (CursorLost, RowsMoved) as error:
                restarts = self.progress.restarts + 1
                if restarts > MAX_RESTARTS:
                    self._forget_progress(restarts=0)
                    raise self._cannot_be_read(error) from error
                log.warning(
                    "%s: starting from the beginning; the %d pages so far are not used: %s",
                    self._directory.uri,
                    self.progress.pages,
                    error,
                )
                self._forget_progress(restarts)
            else:
                break
        ids, missing = self._plan.identity.thread_ids, self.progress.missing
        if ids and len(missing) == len(ids):
            self._forget_progress(restarts=0)
            raise NotFound(404, self._plan.identity.endpoint, f"none of the {len(ids)} IDs exists")

    def _read(self) -> None:
        """Read the source from the progress on; publish what was read, however it ends."""
        cursor = self.progress.cursor
        guard = LoopGuard(self._plan.identity.endpoint, self.progress.fingerprints)
        lowered = (self.progress.page_size,) if self.progress.page_size else ()
        started, rows_before = time.monotonic(), self.progress.rows
        plan = self._plan
        kept = RowKeys(plan.key, self.progress.keys, inclusive=not plan.by_offset)
        with closing(kept) as keys, closing(self):
            for number, page in enumerate(self._source.pages(cursor, *lowered)):
                # Not every source computes it.
                fingerprint = getattr(page, "fingerprint", "") or page_fingerprint(page.rows)
                if number == 0 and guard.has_seen(fingerprint):
                    raise CursorLost(f"{cursor!r} leads back to a page that was read.")
                guard.check(fingerprint, page.next_cursor)
                taken = keys.take(page.rows, self._pending.after.last_row)
                so_far = self._take(page, taken, guard.fingerprints)
                log.info(
                    "%s page %d: %d rows so far, %.0f rows/s, %d requests",
                    self._plan.identity.endpoint,
                    so_far.pages,
                    so_far.rows,
                    (so_far.rows - rows_before) / max(time.monotonic() - started, 1e-6),
                    self._requests(),
                )
                if so_far.pages - self.progress.pages >= self._plan.pages_per_file:
                    self._publish()
                del page, taken  # or two pages would be in memory at once
        if self.progress.pages == 0:  # the source had nothing to ask for
            self.progress = structs.replace(self.progress, complete=True)

    def _forget_progress(self, restarts: int) -> None:
        """Start over; no later attempt resumes from what was read so far."""
        self.progress = Progress(
            started_at=self.progress.started_at,
            restarts=restarts,
            page_size=self.progress.page_size,
        )
        self._lease.save(structs.replace(self.progress, requests=self._requests()))
        self._pending = self._new_pending()

    def _cannot_be_read(self, error: Exception) -> BadResponse:
        endpoint = self._plan.identity.endpoint
        if isinstance(error, RowsMoved):
            return BadResponse(
                f"{endpoint}: rows moved between pages while they were read, twice: a row came "
                "again on a later page, so other rows may not have come at all.",
                "No manifest was written. Retry when the service is quiet; if it stays, use "
                "narrower windows (date_from, date_to), so that one page holds all rows.",
            )
        return BadResponse(
            f"{endpoint}: the service has refused the cursor to resume from, twice ({error}).",
            "No manifest was written. A retry starts from the beginning. Use narrower windows "
            "(date_from, date_to), so that an export ends before its cursors expire.",
        )

    def close(self) -> None:
        """Publish what was read and is not yet published."""
        try:
            self._publish()
        finally:
            self._pending.close()

    def commit(self) -> Manifest:
        """Write the manifest, remove what it does not list, release the directory."""
        if not self.progress.files:
            self._publish_empty()
        manifest, garbage = self._commit()
        left = self._directory.delete(garbage)
        if not self._lease.release():
            left.append(CHECKPOINT)
        if left:
            self._log_left(left)
        self._log_result(manifest)
        return manifest

    def _log_left(self, left: list[str]) -> None:
        """Say what stays because the storage refuses to delete: the export is complete."""
        stays = f"{CHECKPOINT} stays, and says that there is nothing to resume"
        if left != [CHECKPOINT]:
            stays = (
                f"{len(left)} files stay: {left[0]} to {left[-1]}. Read the files that the "
                "manifest lists: part-* holds other rows, too"
            )
        log.warning(
            "%s: the export is complete, but this connection may not delete there. %s.\n"
            "Allow the connection to delete (S3: s3:DeleteObject), and the next export removes "
            "what is left.",
            self._directory.uri,
            stays,
        )

    def _log_result(self, manifest: Manifest) -> None:
        if manifest.drift:
            log.warning(
                "%s: the rows are kept as they came, and differ from what this version knows of "
                "them: %s",
                manifest.endpoint,
                self._source.redact(str(manifest.drift)),
            )
        if manifest.repeated:
            log.warning(
                "%s: left out %d rows that came again at a page boundary",
                manifest.endpoint,
                manifest.repeated,
            )
        if manifest.repaired:
            log.warning(
                "%s: %d of %d rows were rewritten so that every reader can read them: half a "
                "character is U+FFFD now, a name that came twice is in the manifest's drift.",
                manifest.endpoint,
                manifest.repaired,
                manifest.rows,
            )
        log.info(
            "%s: whole; rows %d, files %d, pages %d, requests %d, at %s",
            manifest.endpoint,
            manifest.rows,
            len(manifest.files),
            manifest.pages,
            manifest.requests,
            self._directory.uri,
        )

    def discard_unlisted(self) -> None:
        """Delete the part that this attempt may have put in place and could not list.

        If that fails, the next commit removes it: it must not hide who has overtaken whom, or a
        retry would overtake the winner.
        """
        part = self._pending.part
        try:
            if part is None or part.name in self._directory.listed():
                return
            if self._directory.delete([part.name]):
                log.warning("%s stays: this connection may not delete", part.name)
        except DocsAnalyticsError as error:
            log.warning("%s stays until the next export commits: %s", part and part.name, error)

    def _commit(self) -> tuple[Manifest, list[str]]:
        """Put the manifest in place; return it, and the names of what it makes garbage."""
        while True:
            self._refuse_another_export()
            found = self._directory.ours()
            self._lease.check()
            manifest = self._manifest()
            self._must_be_there(manifest, found)
            if (
                self._directory.write_manifest(manifest, self._lease.owner)
                or self._directory.read_manifest() == manifest  # written, and the answer was lost
            ):
                return manifest, sorted(found.keys() - {file.name for file in manifest.files})

    @contextmanager
    def _changing_pending(self) -> Iterator[PendingPart]:
        """Give the batch, out of reach while it changes: half a page must never be published."""
        pending, self._pending = self._pending, self._new_pending()
        try:
            yield pending
        except BaseException as error:
            pending.close()
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise StorageError(
                    f"{self._directory.uri}: rows could not be kept on this worker until they are "
                    f"published: {error}. Make room there, or take fewer pages_per_file."
                ) from error
            raise
        self._pending = pending

    def _take(self, page: PageLike, taken: Taken, fingerprints: tuple[str, ...]) -> Progress:
        """Add a page to the batch; return the progress once that will be published."""
        with self._changing_pending() as pending:
            pending.add(page, taken, fingerprints)
        self._lease.read_at = now()
        return pending.after

    def _new_pending(self) -> PendingPart:
        return PendingPart(self.progress, self._new_part, self._contract)

    def _new_part(self) -> Part:
        owner = self._lease.owner
        name = f"part-{len(self.progress.files):05d}-{owner}{self._output_format.suffix}"
        return Part(name, self._directory.open_spool(name, owner), self._output_format)

    def _publish_empty(self) -> None:
        """Publish a part without rows, which says what the columns are."""
        with self._changing_pending() as pending:
            pending.begin()
        self._publish()

    def _publish(self) -> None:
        """Publish the batch and move the checkpoint behind it.

        Whatever interrupts this, it can be called again: only a checkpoint that was written moves
        the progress.
        """
        with self._changing_pending() as pending:
            pending.seal()
        if pending.part is not None and not pending.published:
            self._lease.check()
            self._publish_part(pending.part)
            pending.published = True
        self._lease.save(structs.replace(pending.after, requests=self._requests()))
        self.progress = pending.after
        self._pending = self._new_pending()
        pending.close()

    def _publish_part(self, part: Part) -> None:
        try:
            self._directory.publish(part.spool, part.name)
        except StorageError:
            self._lease.check()  # whoever has taken over may have cleared the spool away
            raise

    def _requests(self) -> int:
        return self._requests_before + self._source.requests_sent()

    def _refuse_another_export(self, *, warn: bool = False) -> Manifest | None:
        """Return the manifest, if what stands there is this export or may be replaced."""
        manifest = self._directory.read_manifest()
        differences = self._plan.identity.differences(manifest.identity) if manifest else {}
        if not differences:
            return manifest
        named = "\n".join(
            f"  {name}: {_text(there)} there, {_text(here)} now"
            for name, (here, there) in differences.items()
        )
        if self._plan.if_exists == "replace":
            if warn:
                log.warning("%s: replacing a different export:\n%s", self._directory.uri, named)
            return manifest
        raise ConfigError(
            f"{self._directory.uri} holds a different export:\n{named}\n"
            "Put what differs into the path ({endpoint}, {project_id}, {date_from:%Y-%m-%d}, "
            "{date_to:%Y-%m-%d}), use a path for each connection, or set if_exists='replace'."
        )

    def _must_be_there(self, manifest: Manifest, found: Mapping[str, int]) -> None:
        if gone := lost(manifest.files, found):
            raise StorageError(
                f"{self._directory.uri}: {gone[0]}, published by this export, is gone or has "
                "another size. No manifest lists it. See what else deletes or writes there; a "
                "retry starts from the beginning."
            )

    def _manifest(self) -> Manifest:
        progress, identity = self.progress, self._plan.identity
        sizes = [size for size in (progress.page_size, self._plan.page_size) if size]
        return Manifest(
            **structs.asdict(identity),
            files=progress.files,
            rows=progress.rows,
            pages=progress.pages,
            requests=self._requests(),
            totals=progress.totals,
            repeated=progress.repeated,
            repaired=progress.repaired,
            drift=progress.drift,
            page_size=min(sizes, default=msgspec.UNSET),
            missing=msgspec.UNSET if identity.thread_ids is msgspec.UNSET else progress.missing,
            started_at=progress.started_at,
            finished_at=max(now(), progress.started_at),
            provider_version=__version__,
        )


def _text(value: object) -> str:
    return "nothing" if value is msgspec.UNSET else repr(value)
