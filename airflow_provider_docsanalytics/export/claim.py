"""Whose an export's directory is: the checkpoint names its owner, and the last to come owns it."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import Superseded
from airflow_provider_docsanalytics.export.store import Checkpoint, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_docsanalytics.export.store import ExportDirectory, File, Identity

log = logging.getLogger(__name__)

CHECKPOINT_MAX_AGE = timedelta(hours=24)
"""Later, the service's data and cursors may have moved on too far to be joined to what was read."""


class Claim:
    """One attempt's claim to a directory, and the checkpoint that says so.

    Attributes:
        owner: the attempt's name; a part of the names of its files.
    """

    def __init__(
        self, directory: ExportDirectory, identity: Identity, source: str, run: str | None = None
    ) -> None:
        self._directory = directory
        self._identity = identity
        self._source = source
        self._run = run
        self.owner = secrets.token_hex(4)

    def take_over(self) -> Progress:
        """Become the owner; return the progress to go on with."""
        while True:
            progress = self._resumed() or Progress(started_at=now())
            if self._write(progress):
                return progress

    def save(self, progress: Progress) -> None:
        """Move the checkpoint; raises :class:`Superseded` if it is another attempt's."""
        while True:
            self.must_own()
            if self._write(progress):
                return

    def end(self) -> None:
        """Remove the checkpoint, if it is still this attempt's."""
        checkpoint = self._directory.read_checkpoint()
        if checkpoint is not None and checkpoint.owner == self.owner:
            self._directory.end_checkpoint()

    def must_own(self) -> None:
        """Raise :class:`Superseded` if the checkpoint is another attempt's, or gone."""
        current = self._directory.read_checkpoint()
        if current is None or current.owner != self.owner:
            raise Superseded(
                f"{self._directory.uri}: another attempt has taken over this export "
                f"({'it has finished' if current is None else f'attempt {current.owner!r}'}); this "
                f"one (attempt {self.owner}) stopped and left the directory to it. If two Dag "
                "runs write to one path, put {date_from:%Y-%m-%d} or {endpoint} into it."
            )

    def _write(self, progress: Progress) -> bool:
        """Write the checkpoint; ``False`` if another attempt has written it since it was read."""
        return self._directory.write_checkpoint(
            Checkpoint(
                identity=self._identity,
                source=self._source,
                owner=self.owner,
                run=self._run,
                updated_at=now(),
                progress=progress,
            )
        )

    def _resumed(self) -> Progress | None:
        """Return the progress of an earlier attempt, if it is one that can be gone on with."""
        checkpoint = self._directory.read_checkpoint()
        if checkpoint is None:
            return None
        progress, why_not = checkpoint.progress, ""
        gone = lost(progress.files, self._directory.ours())
        if checkpoint.identity != self._identity or checkpoint.source != self._source:
            why_not = f"it is of another export: {checkpoint.identity} from {checkpoint.source!r}"
        elif abs(now() - checkpoint.updated_at) > CHECKPOINT_MAX_AGE:
            why_not = f"it is of {checkpoint.updated_at:%Y-%m-%d %H:%M} UTC, too far from now"
        elif progress.rows != sum(file.rows for file in progress.files):
            why_not = "its rows do not add up"
        elif len({file.name for file in progress.files}) < len(progress.files):
            why_not = "it lists a file twice"
        elif gone:
            why_not = f"{gone[0]} is gone or has another size"
        if why_not:
            log.warning(
                "%s: starting from the beginning; the checkpoint is not used: %s",
                self._directory.uri,
                why_not,
            )
            return None
        log.info(
            "%s: resuming from a checkpoint; pages %d, rows %d, files %d so far",
            self._directory.uri,
            progress.pages,
            progress.rows,
            len(progress.files),
        )
        return progress


def lost(files: Sequence[File], found: Mapping[str, int]) -> list[str]:
    """Return the names of files that are not among the found, or not with their size."""
    return [file.name for file in files if found.get(file.name) != file.bytes]


def now() -> datetime:
    """Return this instant, as it is written down."""
    return datetime.now(UTC)
