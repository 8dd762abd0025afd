"""Pages in, committed export out.

The order of every step is what makes an export whole or absent: part, then checkpoint, and at the
end manifest, then clean-up, then the end of the checkpoint.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.errors import (
    ConfigError,
    CursorLost,
    StorageError,
    Superseded,
)
from airflow_provider_docsanalytics.export.batch import Batch
from airflow_provider_docsanalytics.export.claim import Claim, lost, now
from airflow_provider_docsanalytics.export.drift import Contract
from airflow_provider_docsanalytics.export.part import Part
from airflow_provider_docsanalytics.export.store import (
    MANIFEST,
    ExportDirectory,
    Manifest,
    Progress,
)
from airflow_provider_docsanalytics.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_docsanalytics.export.plan import PageLike, Plan, Source

log = logging.getLogger(__name__)

SAMPLE = 100
"""Rows of a page that are compared with the endpoint table, where rows are otherwise not read."""


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
        attempt.take_away()
        raise


class _Attempt:
    """One attempt at an export."""

    def __init__(self, plan: Plan, directory: ExportDirectory, source: Source) -> None:
        self._plan = plan
        self._directory = directory
        self._source = source
        self._layout = plan.layout
        self._contract = Contract(plan.fields, None if self._layout.has_columns else SAMPLE)
        self._refuse_another_export()
        directory.make()
        self._claim = Claim(directory, plan.identity, source.name)
        self.progress = self._claim.take_over()
        self._requests_before = self.progress.requests - source.requests_sent()
        self._batch = self._new_batch()

    def read(self) -> None:
        """Read the source from the checkpoint on, or from the beginning if that place is lost."""
        try:
            self._read()
        except CursorLost as error:
            log.warning(
                "%s: starting from the beginning; the %d pages so far are not used: %s",
                self._directory.uri,
                self.progress.pages,
                error,
            )
            self.progress = Progress(started_at=self.progress.started_at)
            self._batch = self._new_batch()
            self._read()

    def _read(self) -> None:
        """Read the source from the progress on; publish what was read, however it ends."""
        trail, cursor = (
            Trail(self._plan.identity.endpoint, self.progress.trail),
            self.progress.cursor,
        )
        started, rows_before = time.monotonic(), self.progress.rows
        with closing(self):
            for number, page in enumerate(self._source.pages(cursor)):
                if number == 0 and trail.knows(page.rows):
                    raise CursorLost(f"{cursor!r} leads back to a page that was read.")
                trail.follow(page.rows, page.next_cursor)
                so_far = self._take(page, trail.marks)
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
        if self.progress.pages == 0:  # the source had nothing to ask for
            self.progress = structs.replace(self.progress, complete=True)

    def close(self) -> None:
        """Publish what was read and is not yet published."""
        try:
            self._publish()
        finally:
            self._batch.close()

    def commit(self) -> Manifest:
        """Write the manifest, remove what it does not list, end the checkpoint.

        Garbage is what lies there before this attempt is seen to own the directory: what comes
        later is another attempt's.
        """
        if not self.progress.files:
            self._publish_empty()
        manifest, garbage = self._commit()
        self._directory.delete(garbage)
        self._claim.end()
        if manifest.drift:
            log.warning(
                "%s: the rows are kept as they came, and differ from what this version knows of "
                "them: %s",
                manifest.endpoint,
                manifest.drift,
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
        return manifest

    def take_away(self) -> None:
        """Delete the parts of this attempt that nobody will go on with."""
        files = self._batch.after.files
        self._directory.delete(sorted({file.name for file in files} - self._directory.listed()))

    def _commit(self) -> tuple[Manifest, list[str]]:
        """Put the manifest in place; return it, and the names of what it makes garbage."""
        while True:
            self._refuse_another_export()
            found = self._directory.ours()
            self._claim.must_own()
            manifest = self._manifest()
            self._must_be_there(manifest, found)
            if self._directory.write_manifest(manifest, self._claim.owner):
                break
        self._prove(manifest)
        return manifest, sorted(found.keys() - {file.name for file in manifest.files})

    def _prove(self, manifest: Manifest) -> None:
        """Take the manifest back if it stands and what it lists has been removed.

        That takes an attempt that had been overtaken, and a file system that neither locks nor
        knows conditional writes.
        """
        found = self._directory.ours()
        if lost(manifest.files, found) and self._directory.read_manifest() == manifest:
            self._directory.delete([MANIFEST])
            self._must_be_there(manifest, found)

    @contextmanager
    def _changing_batch(self) -> Iterator[Batch]:
        """Give the batch, out of reach while it changes: half a page must never be published."""
        batch, self._batch = self._batch, self._new_batch()
        try:
            yield batch
        except BaseException as error:
            batch.close()
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise StorageError(
                    f"{self._directory.uri}: rows could not be kept on this worker until they are "
                    f"published: {error}. Make room there, or take fewer pages_per_file."
                ) from error
            raise
        self._batch = batch

    def _take(self, page: PageLike, trail: tuple[str, ...]) -> Progress:
        """Add a page to the batch; return the progress once that will be published."""
        with self._changing_batch() as batch:
            batch.add(page, trail)
        return batch.after

    def _new_batch(self) -> Batch:
        return Batch(self.progress, self._new_part, self._contract)

    def _new_part(self) -> Part:
        owner = self._claim.owner
        name = f"part-{len(self.progress.files):05d}-{owner}{self._layout.suffix}"
        return Part(name, self._directory.open_spool(name, owner), self._layout)

    def _publish_empty(self) -> None:
        """Publish a part without rows, which says what the columns are."""
        with self._changing_batch() as batch:
            batch.begin()
        self._publish()

    def _publish(self) -> None:
        """Publish the batch and move the checkpoint behind it.

        Whatever interrupts this, it can be called again: only a checkpoint that was written moves
        the progress.
        """
        with self._changing_batch() as batch:
            batch.seal()
        if batch.part is not None and not batch.published:
            self._claim.must_own()
            self._publish_part(batch.part)
            batch.published = True
        self._claim.save(structs.replace(batch.after, requests=self._requests()))
        self.progress = batch.after
        self._batch = self._new_batch()
        batch.close()

    def _publish_part(self, part: Part) -> None:
        try:
            self._directory.publish(part.spool, part.name)
        except StorageError:
            self._claim.must_own()  # whoever has taken over may have cleared the spool away
            raise

    def _requests(self) -> int:
        return self._requests_before + self._source.requests_sent()

    def _refuse_another_export(self) -> None:
        manifest = self._directory.read_manifest()
        if manifest is None or self._plan.if_exists == "replace":
            return
        if manifest.identity != self._plan.identity:
            raise ConfigError(
                f"{self._directory.uri} holds a different export.\n"
                f"  there: {manifest.identity}\n  now:   {self._plan.identity}\n"
                "Put what differs into the path ({endpoint}, {project_id}, {date_from:%Y-%m-%d}), "
                "or set if_exists='replace'."
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
        return Manifest(
            **structs.asdict(identity),
            files=progress.files,
            rows=progress.rows,
            pages=progress.pages,
            requests=self._requests(),
            totals=progress.totals,
            repaired=progress.repaired,
            drift=progress.drift,
            missing=msgspec.UNSET if identity.thread_ids is msgspec.UNSET else progress.missing,
            started_at=progress.started_at,
            finished_at=max(now(), progress.started_at),
            provider_version=__version__,
        )
