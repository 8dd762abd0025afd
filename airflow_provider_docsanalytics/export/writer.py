"""Pages in, published parts out: the checkpoint moves after each part."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import structs

from airflow_provider_docsanalytics.errors import DocsAnalyticsError, StorageError, Superseded
from airflow_provider_docsanalytics.export.documents import Progress
from airflow_provider_docsanalytics.export.drift import RowSchema
from airflow_provider_docsanalytics.export.part import Part, PendingPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.lease import Lease
    from airflow_provider_docsanalytics.export.plan import PageLike, Plan
    from airflow_provider_docsanalytics.export.row_keys import NewRows

log = logging.getLogger(__name__)

SAMPLE = 100
"""Rows of a page that are checked for drift, in formats that do not decode every row."""


class Writer:
    """Writes the parts of one export.

    Args:
        plan: how the rows are written.
        directory: where to.
        lease: the ownership of the directory, and its checkpoint.
        progress: the progress to resume from.
        requests_sent: how many requests the source has sent so far.

    Attributes:
        progress: what is published and in the checkpoint.
    """

    def __init__(
        self,
        plan: Plan,
        directory: ExportDirectory,
        lease: Lease,
        progress: Progress,
        requests_sent: Callable[[], int],
    ) -> None:
        self._directory = directory
        self._lease = lease
        self._output_format = plan.output_format
        sample = None if self._output_format.has_columns else SAMPLE
        self._row_schema = RowSchema(plan.fields, sample)
        self._requests_sent = requests_sent
        self._requests_before = progress.requests - requests_sent()
        self.progress = progress
        self._pending = self._new_pending()

    @property
    def pending(self) -> Progress:
        """The progress once all pages that were added are published."""
        return self._pending.after

    @property
    def requests(self) -> int:
        """The requests of this export so far, those of earlier attempts included."""
        return self._requests_before + self._requests_sent()

    def add(self, page: PageLike, new: NewRows, fingerprints: tuple[str, ...]) -> Progress:
        """Add a page to the pending part; return the progress once that is published."""
        with self._changing_pending() as pending:
            pending.add(page, new, fingerprints)
        self._lease.page_read()
        return pending.after

    def publish(self) -> None:
        """Put the pending part in place, then move the checkpoint.

        Can be called again after any interruption: the progress changes only after the checkpoint
        was written.
        """
        self._put_in_place()
        self.save()

    def publish_last(self) -> None:
        """Put the last part in place; :meth:`save` is still to come.

        An export without rows has a part, too, which names the columns.
        """
        if not self.progress.files:
            with self._changing_pending() as pending:
                pending.open()
        self._put_in_place()

    def save(self) -> bool:
        """Move the checkpoint to what is in place; ``False``, unwritten, if it is there already.

        Raises:
            Superseded: it is another attempt's.
        """
        pending, after = self._pending, structs.replace(self.pending, requests=self.requests)
        if after == self.progress:
            return False
        self._lease.save(after)
        self.progress = after
        self._pending = self._new_pending()
        pending.close()
        return True

    @contextmanager
    def keeping_rest(self) -> Iterator[None]:
        """If the block fails, publish what is not yet published, so that a retry resumes there.

        If another attempt owns the directory, leave nothing there instead.
        """
        try:
            try:
                yield
            except BaseException:
                self.publish()
                raise
            finally:
                self._pending.close()
        except Superseded:
            self._discard_unlisted()
            raise

    def mark_complete(self) -> None:
        """Note that there was nothing to read."""
        self._pending.after = structs.replace(self._pending.after, complete=True)

    def start_over(self, restarts: int) -> None:
        """Discard the progress, so that no later attempt resumes from it."""
        self._pending.close()
        self.progress = Progress(
            started_at=self.progress.started_at,
            restarts=restarts,
            page_size=self.progress.page_size,
            requests=self.requests,
        )
        self._lease.save(self.progress)
        self._pending = self._new_pending()

    def _discard_unlisted(self) -> None:
        """Delete the part that this attempt may have put in place and could not list.

        A failure is only logged, because the next commit deletes the part. If it were raised, it
        would hide that another attempt owns the directory, and a retry would overtake the owner.
        """
        part = self._pending.part
        try:
            if part is None or part.name in self._directory.listed_parts():
                return
            if self._directory.delete([part.name]):
                log.warning("%s remains: this connection may not delete", part.name)
        except DocsAnalyticsError as error:
            log.warning("%s remains until the next export commits: %s", part and part.name, error)

    @contextmanager
    def _changing_pending(self) -> Iterator[PendingPart]:
        """Yield the pending part, detached while it changes: half a page is never published."""
        pending, self._pending = self._pending, self._new_pending()
        try:
            yield pending
        except BaseException as error:
            pending.close()
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise StorageError(
                    f"{self._directory.uri}: cannot spool rows on this worker: {error}.\n"
                    "Free disk space on the worker, or lower pages_per_file."
                ) from error
            raise
        self._pending = pending

    def _put_in_place(self) -> None:
        with self._changing_pending() as pending:
            pending.seal()
        if pending.part is None or pending.published:
            return
        try:
            self._directory.publish(pending.part.spool, pending.part.name)
        except StorageError:
            self._lease.check()  # a new owner may have deleted the spool
            raise
        pending.published = True

    def _new_pending(self) -> PendingPart:
        return PendingPart(self.progress, self._new_part, self._row_schema)

    def _new_part(self) -> Part:
        owner = self._lease.owner
        name = f"part-{len(self.progress.files):05d}-{owner}{self._output_format.suffix}"
        return Part(name, self._directory.open_spool(name, owner), self._output_format)
