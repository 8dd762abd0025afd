"""Ownership of an export directory: the checkpoint names the owner; the latest attempt wins.

The order of reads and writes is the protocol. Each read is a moment: between any two steps of one
attempt, another attempt may take any number of steps. Every write of the checkpoint and the
manifest is a compare-and-swap: it succeeds only if the file is unchanged since this attempt last
read or wrote it. So a swap that succeeds is a check, too, and later than any check before it.

1. **Read the manifest.** A directory that holds a different export is refused before anything is
   written, so that a wrong path costs a running export nothing.
2. **Acquire:** read the checkpoint, then list the directory if the checkpoint has parts, then swap
   the checkpoint for one that names this attempt. A part is published before the checkpoint lists
   it, so the later listing must show it. If another attempt writes in between, the swap fails and
   the step starts again. The step also starts again if the manifest differs before and after the
   swap: then another attempt has committed, and it is unknown whether before or after the swap.

   - If there is no manifest, the first checkpoint is created without reading: the creation fails if
     there is one, and then the step is as above. If there is a manifest, the checkpoint is read,
     because on S3 only a file that is *missing* shows whether the connection may list, and step 4
     needs that.

3. **Publish a part:** put the part in place, then swap the checkpoint for one that lists it. A part
   is never listed before it is in place. The name of a part contains its attempt, so no attempt
   overwrites another's part. A superseded attempt finds out by the swap, and step 7 removes its
   part.
4. **Commit:** put the last part in place, list the directory, swap the checkpoint for one that
   lists the last part, swap the manifest.

   - The manifest was last read in step 2. If another attempt has committed since, the swap fails,
     the manifest is read again, and the step starts again with the listing.
   - The listing before the swap of the checkpoint: that swap proves that this attempt is the owner
     after the listing. An attempt that acquires the directory later creates its parts later. They
     are not in the listing, so they are never deleted. If the checkpoint has nothing to add (an
     export that resumes complete, a second round of this step), it is read instead.
   - The swap of the checkpoint last: a superseded attempt stops there. An attempt that is
     superseded later may still commit; its successor's swap then fails, and the successor commits
     over it.
   - If the swap of the manifest fails and what stands is this attempt's, it was written and the
     response was lost. The owner is not checked any more from here on: on S3, an attempt that ended
     earlier may just have deleted this attempt's checkpoint.

5. **Delete unlisted files:** what the listing of step 4 shows and the new manifest does not list.
   Only after the manifest is in place, so that the old export is complete until the new one is.
6. **Release:** delete the checkpoint, if it is as this attempt last wrote it. It names its owner,
   so another attempt's differs. The manifest is in place by then, so an attempt that finds no
   checkpoint starts a new export.
7. **A superseded attempt** deletes the one part that it put in place and could not list. It reads
   the checkpoint first and the manifest second: a part that a successor resumes from moves from
   the one to the other, so in this order one of them shows it.

If the connection may not delete, step 6 swaps the checkpoint for one that marks the export as
finished and holds nothing to resume; the next attempt acquires the directory from it. If the
storage does not allow replacing files, the checkpoint cannot move. So that this is known before the
first request, step 2 replaces a first checkpoint right after creating it.

A store without conditional deletes (S3) compares, then deletes, so it may delete the checkpoint of
an attempt that acquires it in between. That attempt has read the manifest after its swap, so after
the manifest of the one that deletes was in place. It finds no checkpoint, and the manifest
unchanged: it puts its checkpoint back. If the manifest has changed, another attempt has acquired
the directory and finished. For this, step 6 compares again, although step 4 has just swapped: an
attempt that acquired the directory between step 4 and the manifest would take the new manifest for
another attempt's, and stop.
"""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ConfigError,
    StorageRefused,
    Superseded,
)
from airflow_provider_docsanalytics.export.directory import missing_files
from airflow_provider_docsanalytics.export.documents import Checkpoint, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.documents import Identity, Manifest

log = logging.getLogger(__name__)

CHECKPOINT_MAX_AGE = LONGEST_RETRY_AFTER + timedelta(hours=12)
"""Since the last page was read. With a longer age, the service's data and cursors may have changed
too much to resume; a shorter one would discard pages because of a wait that the service requires.
"""


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


class Lease:
    """One attempt's ownership of a directory, which the checkpoint records.

    Args:
        directory: what is owned.
        identity: of the export.
        source: the name of the service, see :class:`~.plan.Source`.
        run: the task's run, see :class:`~.plan.Plan`.
        resumes: whether to resume from the progress of an earlier attempt.
        commits: whether a manifest is written here. Where none is (:mod:`.split`), a checkpoint
            that is missing is proof that another attempt has finished.
        now: the clock.

    Attributes:
        owner: the attempt's name, which its files have in their names.
    """

    def __init__(
        self,
        directory: ExportDirectory,
        identity: Identity,
        source: str,
        run: str | None = None,
        *,
        resumes: bool = True,
        commits: bool = True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._directory = directory
        self._resumes = resumes
        self._commits = commits
        self._identity = identity
        self._source = source
        self._run = run
        self._written: Progress | None = None
        self._superseded: Superseded | None = None
        self.now = now
        self.owner = secrets.token_hex(4)
        self._last_read_at = now()

    def acquire(
        self, manifest: Manifest | None, read_manifest: Callable[[], Manifest | None]
    ) -> Progress:
        """Become the owner; return the progress to resume from.

        Args:
            manifest: as it was last read.
            read_manifest: reads it again, and raises ``ConfigError`` if it must not be replaced.
        """
        while True:
            checkpoint, progress = None, Progress(started_at=self.now())
            if manifest is not None or not self._create(progress):
                checkpoint = self._directory.read_checkpoint()
                progress = self._progress_to_resume(checkpoint) or progress
                if not self._write(progress):
                    continue
            try:
                self._manifest = read_manifest()
            except ConfigError:
                self.release()
                raise
            if self._manifest == manifest:
                if checkpoint is None:
                    self._require_replaceable(progress)
                return progress
            manifest = self._manifest

    def page_read(self) -> None:
        """Note that a page was just read."""
        self._last_read_at = self.now()

    def save(self, progress: Progress) -> None:
        """Move the checkpoint.

        Raises:
            Superseded: it is another attempt's.
        """
        while not self._write(progress):
            self.check()

    def release(self) -> bool:
        """Delete the checkpoint, if it is still this attempt's.

        ``False`` if it stays because the storage refuses to delete; it then records that there is
        nothing to resume.
        """
        try:
            self._directory.delete_checkpoint()
        except StorageRefused as error:
            log.debug("%s", error)
            progress = Progress(started_at=self.now())
            return not self._directory.write_checkpoint(self._checkpoint(progress, finished=True))
        return True

    def check(self) -> None:
        """Require that this attempt is the owner; put a deleted checkpoint back.

        Raises:
            Superseded: the checkpoint is another attempt's, or another attempt has finished.
        """
        while True:
            self._raise_if_superseded()
            owner = self._directory.read_owner()
            if owner == self.owner:
                return
            if owner is not None or not self._is_unfinished():
                self._superseded = self._superseded_by(owner)
                continue
            log.info("%s: the checkpoint is missing; putting it back", self._directory.uri)
            if self._written is not None and self._write(self._written):
                return

    def _is_unfinished(self) -> bool:
        return self._commits and self._directory.read_manifest() == self._manifest

    def _require_replaceable(self, progress: Progress) -> None:
        """Find out before the first request whether the storage allows replacing a file."""
        try:
            self.save(progress)
        except StorageRefused as error:
            raise StorageRefused(
                f"{self._directory.uri} accepts new files, but does not allow replacing them. An "
                f"export replaces its checkpoint after each file. {error}\n"
                "Or use another path, and copy finished exports from there."
            ) from error

    def _raise_if_superseded(self) -> None:
        """An attempt that was superseded once must not put back a missing checkpoint either."""
        if self._superseded is not None:
            raise self._superseded

    def _superseded_by(self, owner: str | None) -> Superseded:
        by = "it has finished" if owner is None else f"attempt {owner!r}"
        return Superseded(
            f"{self._directory.uri}: another attempt has taken over this export ({by}). This one "
            f"(attempt {self.owner}) stopped.\n"
            "If two Dag runs write to one path, put {date_from:%Y-%m-%d} or {endpoint} into it."
        )

    def _create(self, progress: Progress) -> bool:
        """Write the first checkpoint of the directory; ``False`` if it is not the first one."""
        try:
            created = self._directory.create_checkpoint(self._checkpoint(progress))
        except StorageRefused:
            if self._directory.read_checkpoint() is None:
                raise
            return False  # to replace it is refused with the right advice
        if created:
            self._written = progress
        return created

    def _write(self, progress: Progress) -> bool:
        """Write the checkpoint; ``False`` if another attempt has written it since it was read."""
        self._raise_if_superseded()
        written = self._directory.write_checkpoint(self._checkpoint(progress))
        if written:
            self._written = progress
        return written

    def _checkpoint(self, progress: Progress, *, finished: bool = False) -> Checkpoint:
        return Checkpoint(
            identity=self._identity,
            source=self._source,
            owner=self.owner,
            run=None if finished else self._run,
            updated_at=self._last_read_at,
            finished=finished,
            progress=progress,
        )

    def _progress_to_resume(self, checkpoint: Checkpoint | None) -> Progress | None:
        """Return the progress of an earlier attempt, ``None`` if there is none to resume from."""
        if checkpoint is None or checkpoint.finished or not self._resumes:
            return None
        if reason := self._why_not_resumable(checkpoint):
            log.warning(
                "%s: starting from the beginning; the checkpoint is not used: %s",
                self._directory.uri,
                reason,
            )
            return None
        progress = checkpoint.progress
        if progress.pages:
            self._last_read_at = checkpoint.updated_at
        log.info(
            "%s: resuming from a checkpoint (pages: %d, rows: %d, files: %d)",
            self._directory.uri,
            progress.pages,
            progress.rows,
            len(progress.files),
        )
        return progress

    def _why_not_resumable(self, checkpoint: Checkpoint) -> str:
        """Return why a checkpoint cannot be resumed from, ``""`` if it can."""
        progress, read_at = checkpoint.progress, checkpoint.updated_at
        if checkpoint.identity != self._identity or checkpoint.source != self._source:
            return f"it is of another export: {checkpoint.identity} from {checkpoint.source!r}"
        if progress.pages and abs(self.now() - read_at) > CHECKPOINT_MAX_AGE:
            return f"its last page was read at {read_at:%Y-%m-%d %H:%M} UTC, too far from now"
        if progress.rows != sum(file.rows for file in progress.files):
            return "its row counts do not add up"
        if len({file.name for file in progress.files}) < len(progress.files):
            return "it lists a file twice"
        if progress.files and (missing := self._missing_files(progress)):
            return f"{missing[0]} is missing or has another size"
        return ""

    def _missing_files(self, progress: Progress) -> list[str]:
        return missing_files(progress.files, self._directory.list_sizes())
