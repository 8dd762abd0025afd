"""Ownership of an export directory: the checkpoint names the owner; the latest attempt wins.

The order of reads and writes is the protocol. Each read is a moment: between any two steps of one
attempt, another attempt may take any number of steps. Every write of the checkpoint and the
manifest is a compare-and-swap: it happens only if the file is still as this attempt last read it.

1. **Read the manifest.** A directory that holds a different export is refused before anything is
   written, so that a wrong path costs a running export nothing.
2. **Acquire:** read the checkpoint, then the listing, then swap the checkpoint for one that names
   this attempt. What the checkpoint lists was published before it was listed, so the later listing
   must show it. If another attempt writes in between, the swap fails and the step starts again. So
   it does if the manifest before and after the swap is not the same: then somebody has committed,
   and whether before or after the swap cannot be told.
3. **Publish a part:** check the owner, put the part in place, then swap the checkpoint for one that
   lists it. A part is never listed before it is there. The name of a part carries its attempt, so
   no attempt ever writes over another's part. The check saves an overtaken attempt the part; only
   the swap decides.
4. **Commit:** read the manifest, list the directory, check the owner, swap the manifest.

   - The manifest first: whatever commits later makes the swap fail, and the step starts again.
   - The listing before the check: whoever overtakes this attempt after the check creates its parts
     later, so they are not in the listing, and never garbage.
   - The check last: an attempt that was overtaken stops here. One that is overtaken after the check
     may still commit; its successor's swap then fails, and the successor commits over it.
   - Where the swap fails, the manifest is read again: one that is this attempt's was written, and
     the answer was lost. By now nobody may look for the owner any more: on S3 whoever ended before
     may just have removed this attempt's checkpoint.

5. **Remove garbage:** what the listing of step 4 shows and the new manifest does not list. Only
   after the manifest stands, so that the old export is complete until the new one is.
6. **Release:** remove the checkpoint, if it is still this attempt's. The manifest stands by then,
   so an attempt that finds no checkpoint starts a new export.
7. **An attempt that finds itself overtaken** removes the one part that it put in place and could
   not list. It reads the checkpoint first and the manifest second: a part that a successor took
   over moves from the one to the other, and only in this order is it seen in one of them.

Where the connection may not delete, step 6 swaps the checkpoint for one that says that the export
is finished, and holds nothing to resume; the next attempt acquires the directory from it. Where
files can be written once and never replaced, no checkpoint can be moved: step 2 swaps the first one
that it has made for itself, so that this is known before the service is asked for anything.

A store that cannot remove on condition (S3) may remove the checkpoint of an attempt that acquired
it between the look and the removal of step 6. That attempt finds no checkpoint, and the manifest as
it was when it acquired: it puts its checkpoint back. Where the manifest has changed, another
attempt has overtaken it and finished.
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
from airflow_provider_docsanalytics.export.store import Checkpoint, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_docsanalytics.export.store import (
        ExportDirectory,
        File,
        Identity,
        Manifest,
    )

log = logging.getLogger(__name__)

CHECKPOINT_MAX_AGE = LONGEST_RETRY_AFTER + timedelta(hours=12)
"""Of the last page that was read. Later, the service's data and cursors may have moved on too far
to be joined to it; sooner, a wait that the service has asked for would spend its quota in vain."""


class Lease:
    """One attempt's claim to a directory, and the checkpoint that says so.

    Attributes:
        owner: the attempt's name; a part of the names of its files.
        read_at: when the last page was read, by this attempt or by one that it resumes from.
    """

    def __init__(
        self, directory: ExportDirectory, identity: Identity, source: str, run: str | None = None
    ) -> None:
        self._directory = directory
        self._identity = identity
        self._source = source
        self._run = run
        self._written: Progress | None = None
        self._overtaken: Superseded | None = None
        self._has_replaced = False
        self.owner = secrets.token_hex(4)
        self.read_at = now()

    def acquire(self, manifest: Manifest | None, look: Callable[[], Manifest | None]) -> Progress:
        """Become the owner; return the progress to resume from.

        Args:
            manifest: as it was last read.
            look: reads it again, and refuses what may not be replaced.
        """
        while True:
            progress = self._resumed() or Progress(started_at=now())
            if self._write(progress):
                try:
                    self._manifest = look()
                except ConfigError:
                    self.release()
                    raise
                if self._manifest == manifest:
                    self._must_be_replaceable(progress)
                    return progress
                manifest = self._manifest

    def save(self, progress: Progress) -> None:
        """Move the checkpoint; raises :class:`Superseded` if it is another attempt's."""
        while not self._write(progress):
            self.check()

    def release(self) -> bool:
        """Remove the checkpoint, if it is still this attempt's.

        ``False`` where it stays, because the storage refuses to delete: then it says that there is
        nothing to resume.
        """
        checkpoint = self._directory.read_checkpoint()
        if checkpoint is None or checkpoint.owner != self.owner:
            return True
        try:
            self._directory.end_checkpoint()
        except StorageRefused as error:
            log.debug("%s", error)
            self._write(Progress(started_at=now()), finished=True)
            return False
        return True

    def check(self) -> None:
        """Raise :class:`Superseded` if the checkpoint is another attempt's, or gone for good."""
        while True:
            self._must_not_be_overtaken()
            current = self._directory.read_checkpoint()
            if current is not None and current.owner == self.owner:
                return
            if current is not None or self._directory.read_manifest() != self._manifest:
                self._overtaken = self._superseded(current)
                continue
            log.info("%s: the checkpoint is gone; putting it back", self._directory.uri)
            if self._written is not None and self._write(self._written):
                return

    def _must_be_replaceable(self, progress: Progress) -> None:
        """Find out before the first request whether the storage lets a file be written again."""
        if self._has_replaced:
            return
        try:
            self.save(progress)
        except StorageRefused as error:
            raise StorageRefused(
                f"{self._directory.uri} can be written to, but what lies there cannot be replaced, "
                "and an export replaces its checkpoint after each file. Use another path, and copy "
                f"finished exports from there.\n{error}"
            ) from error

    def _must_not_be_overtaken(self) -> None:
        """Whoever was overtaken once has no right to an absent checkpoint either."""
        if self._overtaken is not None:
            raise self._overtaken

    def _superseded(self, current: Checkpoint | None) -> Superseded:
        by = "it has finished" if current is None else f"attempt {current.owner!r}"
        return Superseded(
            f"{self._directory.uri}: another attempt has taken over this export ({by}); this one "
            f"(attempt {self.owner}) stopped and left the directory to it.\n"
            "If two Dag runs write to one path, put {date_from:%Y-%m-%d} or {endpoint} into it."
        )

    def _write(self, progress: Progress, *, finished: bool = False) -> bool:
        """Write the checkpoint; ``False`` if another attempt has written it since it was read."""
        self._must_not_be_overtaken()
        written = self._directory.write_checkpoint(
            Checkpoint(
                identity=self._identity,
                source=self._source,
                owner=self.owner,
                run=None if finished else self._run,
                updated_at=self.read_at,
                finished=finished,
                progress=progress,
            )
        )
        if written:
            self._written = progress
        return written

    def _resumed(self) -> Progress | None:
        """Return the progress of an earlier attempt, if this one can resume from it."""
        checkpoint = self._directory.read_checkpoint()
        self._has_replaced = checkpoint is not None
        if checkpoint is None or checkpoint.finished:
            return None
        why_not = self._why_not(checkpoint)
        if why_not:
            log.warning(
                "%s: starting from the beginning; the checkpoint is not used: %s",
                self._directory.uri,
                why_not,
            )
            return None
        progress = checkpoint.progress
        if progress.pages:
            self.read_at = checkpoint.updated_at
        log.info(
            "%s: resuming from a checkpoint; pages %d, rows %d, files %d so far",
            self._directory.uri,
            progress.pages,
            progress.rows,
            len(progress.files),
        )
        return progress

    def _why_not(self, checkpoint: Checkpoint) -> str:
        """Return why a checkpoint cannot be resumed from, ``""`` if it can."""
        progress = checkpoint.progress
        gone = lost(progress.files, self._directory.ours())
        read_at = checkpoint.updated_at
        if checkpoint.identity != self._identity or checkpoint.source != self._source:
            return f"it is of another export: {checkpoint.identity} from {checkpoint.source!r}"
        if progress.pages and abs(now() - read_at) > CHECKPOINT_MAX_AGE:
            return f"its last page was read at {read_at:%Y-%m-%d %H:%M} UTC, too far from now"
        if progress.rows != sum(file.rows for file in progress.files):
            return "its rows do not add up"
        if len({file.name for file in progress.files}) < len(progress.files):
            return "it lists a file twice"
        return f"{gone[0]} is gone or has another size" if gone else ""


def lost(files: Sequence[File], found: Mapping[str, int]) -> list[str]:
    """Return the names of files that are not among the found, or not with their size."""
    return [file.name for file in files if found.get(file.name) != file.bytes]


def now() -> datetime:
    """Return this instant, as it is written down."""
    return datetime.now(UTC)
