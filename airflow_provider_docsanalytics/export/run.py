"""Pages in, committed export out.

The order of every step is what makes an export whole or absent: part, then checkpoint, and at the
end manifest, then clean-up, then the end of the checkpoint.
"""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.errors import ConfigError, CursorLost, Superseded
from airflow_provider_docsanalytics.export.drift import Contract
from airflow_provider_docsanalytics.export.part import Part
from airflow_provider_docsanalytics.export.store import (
    Checkpoint,
    ExportDirectory,
    File,
    Manifest,
    Progress,
)
from airflow_provider_docsanalytics.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.export.plan import PageLike, Plan, Source

log = logging.getLogger(__name__)

CHECKPOINT_MAX_AGE = timedelta(hours=24)
"""Later, the service's data and cursors may have moved on too far to be joined to what was read."""

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
    if not attempt.progress.complete:
        attempt.read()
    return attempt.commit()


class _Batch:
    """Pages that were read and are not yet published.

    Attributes:
        part: their rows; ``None`` as long as there is none.
        after: the progress once they will be published, but for the part's file.
    """

    def __init__(self, before: Progress, new_part: Callable[[], Part], contract: Contract) -> None:
        self._new_part = new_part
        self._contract = contract
        self.part: Part | None = None
        self.after = before

    def add(self, page: PageLike, trail: tuple[str, ...]) -> None:
        """Add one page, and the trail up to it."""
        if page.rows:
            self.part = self.part or self._new_part()
            self.part.write(page.rows)
        before = self.after
        self.after = structs.replace(
            before,
            rows=before.rows + len(page.rows),
            pages=before.pages + 1,
            totals=dict(page.totals) or before.totals,
            missing=before.missing + page.missing,
            drift=before.drift | self._contract.check(page.rows),
            cursor=page.next_cursor,
            complete=page.next_cursor is None,
            trail=trail,
        )

    def close(self) -> None:
        """Remove the spool."""
        if self.part is not None:
            self.part.close()


class _Attempt:
    """One attempt at an export; its name is in the checkpoint while it owns the directory."""

    def __init__(self, plan: Plan, directory: ExportDirectory, source: Source) -> None:
        self._plan = plan
        self._directory = directory
        self._source = source
        self._owner = secrets.token_hex(4)
        self._layout = plan.layout
        self._batch: _Batch | None = None
        self._contract = Contract(plan.fields, None if self._layout.has_columns else SAMPLE)
        self._refuse_another_export()
        directory.make()
        # Only what lies here now may be garbage at the end: what comes later is another attempt's.
        self._found = directory.ours()
        self.progress = self._resumed() or Progress(started_at=_now())
        self._requests_before = self.progress.requests - source.requests_sent()
        self._save(self.progress)

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
            self._read()

    def _read(self) -> None:
        """Read the source from the progress on; publish what was read, however it ends."""
        trail, resumed = Trail(self._plan.identity.endpoint, self.progress.trail), self.progress
        started, rows_before = time.monotonic(), self.progress.rows
        try:
            for page in self._source.pages(self.progress.cursor):
                if self.progress is resumed and self._batch is None and trail.knows(page.rows):
                    raise CursorLost(f"{resumed.cursor!r} leads back to a page that was read.")
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
        finally:
            self._publish()
        if self.progress.pages == 0:  # the source had nothing to ask for
            self.progress = structs.replace(self.progress, complete=True)

    def commit(self) -> Manifest:
        """Write the manifest, remove what no manifest lists, end the checkpoint."""
        if self._layout.has_columns and not self.progress.files:
            self._publish_empty()
        manifest = self._manifest()
        self._must_own()
        self._directory.write_manifest(manifest, self._owner)
        listed = {file.name for file in manifest.files}
        self._directory.delete(sorted(self._found.keys() - listed))
        self._directory.delete_checkpoint()
        if manifest.drift:
            log.warning(
                "%s: the rows are kept as they came, and differ from what this version knows of "
                "them: %s",
                manifest.endpoint,
                manifest.drift,
            )
        log.info(
            "%s: %d rows in %d files, %d pages, %d requests, at %s",
            manifest.endpoint,
            manifest.rows,
            len(manifest.files),
            manifest.pages,
            manifest.requests,
            self._directory.uri,
        )
        return manifest

    def _take(self, page: PageLike, trail: tuple[str, ...]) -> Progress:
        """Add a page to the batch; return the progress once that will be published."""
        # Out of reach while it changes: an exception in the middle must not publish half a page.
        batch, self._batch = self._batch or self._new_batch(), None
        try:
            batch.add(page, trail)
        except BaseException:
            batch.close()
            raise
        self._batch = batch
        return batch.after

    def _new_batch(self) -> _Batch:
        return _Batch(self.progress, self._new_part, self._contract)

    def _new_part(self) -> Part:
        name = f"part-{len(self.progress.files):05d}-{self._owner}{self._layout.suffix}"
        return Part(name, self._directory.open_spool(name, self._owner), self._layout)

    def _publish(self) -> None:
        """Publish the batch, if there is one, and move the checkpoint behind it."""
        # Gone from here whatever happens: only a checkpoint that was written moves the progress.
        batch, self._batch = self._batch, None
        self._must_own()
        progress = self.progress
        if batch is not None:
            with closing(batch):
                file = self._publish_part(batch.part)
            progress = structs.replace(batch.after, files=progress.files + file)
        self._save(progress)
        self.progress = progress

    def _publish_empty(self) -> None:
        """Publish a part without rows, which says what the columns are."""
        self._batch = self._new_batch()
        self._batch.part = self._new_part()
        self._publish()

    def _publish_part(self, part: Part | None) -> tuple[File, ...]:
        """Put the part in place; return how it is listed, or nothing if there was no row."""
        if part is None:
            return ()
        size, sha256 = part.finish()
        try:
            self._directory.publish(part.spool, part.name)
        except FileNotFoundError:
            self._must_own()  # whoever has taken over has cleared the spool away
            raise
        try:
            self._must_own()
        except Superseded:
            self._directory.delete([part.name])  # no checkpoint and no manifest can list it
            raise
        return (File(part.name, part.rows, size, sha256),)

    def _save(self, progress: Progress) -> None:
        self._directory.write_checkpoint(
            Checkpoint(
                identity=self._plan.identity,
                source=self._source.name,
                owner=self._owner,
                updated_at=_now(),
                progress=structs.replace(progress, requests=self._requests()),
            )
        )

    def _requests(self) -> int:
        return self._requests_before + self._source.requests_sent()

    def _must_own(self) -> None:
        current = self._directory.read_checkpoint()
        if current is None or current.owner != self._owner:
            raise Superseded(
                f"{self._directory.uri}: another attempt has taken over this export "
                f"({'it has finished' if current is None else f'attempt {current.owner!r}'}); this "
                f"one (attempt {self._owner}) stopped and left the directory to it. If two Dag "
                "runs write to one path, put {date_from:%Y-%m-%d} or {endpoint} into it."
            )

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

    def _resumed(self) -> Progress | None:
        """Return the progress of an earlier attempt, if it is one that can be gone on with."""
        checkpoint = self._directory.read_checkpoint()
        if checkpoint is None:
            return None
        progress, why_not = checkpoint.progress, ""
        lost = [file.name for file in progress.files if self._found.get(file.name) != file.bytes]
        if checkpoint.identity != self._plan.identity or checkpoint.source != self._source.name:
            why_not = f"it is of another export: {checkpoint.identity} from {checkpoint.source!r}"
        elif _now() - checkpoint.updated_at > CHECKPOINT_MAX_AGE:
            why_not = f"it is of {checkpoint.updated_at:%Y-%m-%d %H:%M} UTC, too old"
        elif lost:
            why_not = f"{lost[0]!r} is gone or has another size"
        elif len({file.name for file in progress.files}) < len(progress.files):
            why_not = "it lists a file twice"
        if why_not:
            log.warning(
                "%s: starting from the beginning; the checkpoint is not used: %s",
                self._directory.uri,
                why_not,
            )
            return None
        log.info(
            "%s: resuming after %d pages, %d rows, in %d files",
            self._directory.uri,
            progress.pages,
            progress.rows,
            len(progress.files),
        )
        return progress

    def _manifest(self) -> Manifest:
        progress, identity = self.progress, self._plan.identity
        return Manifest(
            **structs.asdict(identity),
            files=progress.files,
            rows=progress.rows,
            pages=progress.pages,
            requests=self._requests(),
            totals=progress.totals,
            drift=progress.drift,
            missing=msgspec.UNSET if identity.thread_ids is msgspec.UNSET else progress.missing,
            started_at=progress.started_at,
            finished_at=_now(),
            provider_version=__version__,
        )


def _now() -> datetime:
    return datetime.now(UTC)
