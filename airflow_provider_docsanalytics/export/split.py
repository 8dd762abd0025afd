"""One wide window in, one committed export per day out: a year costs ⌈rows ÷ page⌉ requests.

1. **Read.** The rows are read once, as :mod:`.run` reads them, into a directory of their own: raw
   parts, and a checkpoint that moves after each. A retry on any machine resumes from it.
2. **Sort.** When the checkpoint says that all pages are there, its parts are copied to the worker,
   row by row to the day of the row. Rows may come in any order.
3. **Commit** each day into its own directory, by :mod:`.commit`, with its own lease. An attempt
   that resumes keeps the days that an earlier one has committed: their manifests have the start of
   this reading. It also keeps a day that another export of the same day began to read later, while
   this reading waited for the quota: that one has newer rows. No request is necessary, so nothing
   else of a day is resumed, and the checkpoint of a day names the directory of the reading as its
   source: an export of that day alone does not resume from it.
4. **Finish:** release the directory of the reading, then delete its parts. It never has a manifest.
   So an attempt that finds its checkpoint missing knows that another one has finished.

Before each day the attempt checks that it still owns the reading, so one that was superseded stops
after the day that it was writing. If a successor resumes while the reading is finished, its
checkpoint is not the one that is released, and the parts stay for it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from array import array
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import count, islice
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import structs

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.export.commit import commit
from airflow_provider_docsanalytics.export.documents import Progress
from airflow_provider_docsanalytics.export.lease import Lease, utc_now
from airflow_provider_docsanalytics.export.part import RESPONSE_FIELD
from airflow_provider_docsanalytics.export.row_keys import RowKeys
from airflow_provider_docsanalytics.export.run import (
    count_text,
    log_findings,
    quota_text,
    read_all,
    rows_text,
)
from airflow_provider_docsanalytics.export.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import IO

    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.export.plan import PageLike, Plan, Source

log = logging.getLogger(__name__)


class Day(NamedTuple):
    """One day of a window: how its export is written, and where."""

    plan: Plan
    directory: ExportDirectory


class Split(NamedTuple):
    """What was exported.

    Attributes:
        manifests: of the days, in their order.
        pages: of the wide window.
        requests: for the wide window; the manifests count none.
    """

    manifests: tuple[Manifest, ...]
    pages: int
    requests: int


def export_by_day(
    plan: Plan,
    directory: ExportDirectory,
    days: Sequence[Day],
    source: Source,
    day_of: Callable[[bytes], int],
    *,
    page_rows: int,
    now: Callable[[], datetime] = utc_now,
) -> Split:
    """Export all pages of ``source``, each row to the directory of its day.

    Args:
        plan: of the reading of the wide window, with ``raw``.
        directory: of the reading; nothing else uses it.
        days: of the window, in order.
        source: where the pages come from.
        day_of: returns the index of a row's day, or raises :class:`.BadResponse`.
        page_rows: rows per page, by which an export of one day closes its files.
        now: the clock.

    Raises:
        ConfigError: a day's directory holds a different export; nothing was requested.
        Superseded: another attempt owns the reading or a day.
        DocsAnalyticsError: as :func:`.run.export`; the next call resumes.
    """
    for day in days:
        day.directory.read_compatible_manifest(day.plan.identity, replace=day.plan.may_replace)
    directory.make()
    lease = Lease(directory, plan.identity, source.name, plan.run, commits=False, now=now)
    progress = lease.acquire(None, lambda: None)
    writer = Writer(plan, directory, lease, progress, source.requests_sent)
    try:
        with writer.keeping_rest():
            if not progress.complete:
                read_all(plan, _checked(source, day_of), writer, directory.uri)
                writer.publish()
            reading = writer.progress
            with closing(_RowsByDay(directory.uri)) as rows:
                _sort(writer, directory, rows, day_of)
                commit_day = partial(_commit_day, reading.started_at, lease, directory.uri)
                manifests = tuple(
                    commit_day(day, _pages(rows.of(number), reading, page_rows))
                    for number, day in enumerate(days)
                )
            _finish(directory, lease)
    except StorageError:
        lease.check()  # an attempt that has finished has removed the directory
        raise
    split = Split(manifests, reading.pages, writer.requests)
    _log_export(split, days, reading, source)
    return split


def _checked(source: Source, day_of: Callable[[bytes], int]) -> Source:
    """Return the source; a row without a day fails before the next request."""

    def pages(*arguments: Any) -> Iterator[PageLike]:
        for page in source.pages(*arguments):
            for row in page.rows:
                day_of(row)
            yield page
            del page  # or two pages would be in memory at once

    return replace(source, pages=pages)


class _RowsByDay:
    """Rows, each under its day, in a local file that has no name and ends with the process."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="docsanalytics-")  # noqa: SIM115 - close()
        # Consecutive rows of one day are one piece: its start, its end.
        self._pieces: Mapping[int, array[int]] = defaultdict(lambda: array("Q"))

    def add(self, blocks: Iterable[bytes], sha256: str, day_of: Callable[[bytes], int]) -> bool:
        """Add the lines of a file; ``False`` if it has another checksum."""
        start = self._file.seek(0, os.SEEK_END)
        digest = hashlib.sha256()
        for block in blocks:
            digest.update(block)
            self._write(block)
        if digest.hexdigest() != sha256:
            return False
        self._file.seek(start)
        for line in self._file:
            pieces = self._pieces[day_of(line)]
            end = start + len(line)
            if pieces and pieces[-1] == start:
                pieces[-1] = end
            else:
                pieces.extend((start, end))
            start = end
        return True

    def _write(self, block: bytes) -> None:
        try:
            self._file.write(block)
            self._file.flush()  # or the next seek would raise
        except OSError as error:
            raise StorageError(
                f"{self._uri}: cannot spool rows on this worker: {error}.\n"
                "Free disk space on the worker, or export a narrower window."
            ) from error

    def of(self, day: int) -> Iterator[bytes]:
        """Yield the rows of a day, in the order of the service."""
        pieces = iter(self._pieces.get(day, ()))
        for start, end in zip(pieces, pieces, strict=True):
            at = self._file.seek(start)
            while at < end:
                line = self._file.readline()
                at += len(line)
                yield line[:-1]

    def close(self) -> None:
        """Remove the file."""
        with suppress(OSError):  # on a full disk it tries again to write; it closes all the same
            self._file.close()


def _sort(
    writer: Writer,
    directory: ExportDirectory,
    rows: _RowsByDay,
    day_of: Callable[[bytes], int],
) -> None:
    """Copy the parts of the reading; if one is not as it was published, read them again."""
    for file in writer.progress.files:
        if not rows.add(directory.blocks(file.name), file.sha256, day_of):
            writer.start_over(restarts=0)
            raise StorageError(
                f"{directory.uri}/{file.name} is not as this export published it: its SHA-256 "
                "differs.\nFind out what else writes files there. A retry starts from the "
                "beginning."
            )


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows of one day, as many as a page of an export of that day would have."""

    rows: Sequence[bytes]
    next_cursor: str | None
    unknown: tuple[str, ...]
    page_size: int | None

    @property
    def totals(self) -> Mapping[str, Any]:
        return {}

    @property
    def missing(self) -> tuple[str, ...]:
        return ()


def _commit_day(
    started_at: datetime, reading: Lease, uri: str, day: Day, pages: Iterable[_Page]
) -> Manifest:
    """Commit one day; ``started_at``, the lease and the URI are of the reading."""
    plan, directory = day
    reading.check()
    read_manifest = partial(
        directory.read_compatible_manifest, plan.identity, replace=plan.may_replace
    )
    manifest = read_manifest(warn=True)
    if manifest is not None and manifest.identity == plan.identity:
        # A time that is still to come is of a wrong clock, and proves nothing.
        if started_at < manifest.started_at <= reading.now():
            log.info(
                "%s: kept, because it was exported from %s on, after this reading began",
                directory.uri,
                f"{manifest.started_at:%Y-%m-%d %H:%M:%S} UTC",
            )
            return manifest
        if manifest.started_at == started_at and directory.read_owner() is None:
            return manifest  # an earlier attempt has committed it
    directory.make()
    lease = Lease(directory, plan.identity, uri, plan.run, resumes=False, now=reading.now)
    lease.acquire(manifest, read_manifest)
    writer = Writer(plan, directory, lease, Progress(started_at=started_at), lambda: 0)
    with writer.keeping_rest():
        for page in pages:
            # Of this page alone: the reading has compared all pages.
            with closing(RowKeys(plan.key, (), inclusive=False)) as row_keys:
                pending = writer.add(page, row_keys.add_page(page.rows, None), ())
            new_pages = pending.pages - writer.progress.pages
            if new_pages >= plan.pages_per_file and not pending.complete:
                writer.publish()
        manifest = commit(plan, directory, lease, writer)
    log.info("%s: %s", directory.uri, rows_text(manifest.endpoint, manifest.rows))
    return manifest


def _pages(rows: Iterator[bytes], reading: Progress, page_rows: int) -> Iterator[_Page]:
    """Yield the rows of a day in pages, at least one."""
    unknown = tuple(
        text.removeprefix(RESPONSE_FIELD)
        for text in reading.drift.new
        if text.startswith(RESPONSE_FIELD)
    )
    size = reading.page_size or page_rows
    page = list(islice(rows, size))
    for number in count(1):
        following = list(islice(rows, size))
        yield _Page(page, str(number) if following else None, unknown, reading.page_size)
        if not following:
            return
        page = following


def _finish(directory: ExportDirectory, lease: Lease) -> None:
    """Release the directory of the reading and delete its parts, unless a successor reads them.

    The parts are listed while this attempt is proven to be the owner, so none is of a later one.
    """
    parts = sorted(directory.list_sizes())
    lease.check()
    if not lease.release():
        log.warning(
            "%s: all days are complete, but this connection may not delete, so the rows of the "
            "window stay there, too.\nDelete that directory, because *.jsonl matches its files.",
            directory.uri,
        )
    elif directory.read_owner() is None:
        directory.delete(parts)
        directory.remove_directory()


def _log_export(split: Split, days: Sequence[Day], reading: Progress, source: Source) -> None:
    manifests = split.manifests
    together = structs.replace(
        manifests[0],
        rows=sum(each.rows for each in manifests),
        repeated=reading.repeated,
        repaired=sum(each.repaired for each in manifests),
        drift=reduce(or_, (each.drift for each in manifests)),
    )
    log_findings(together, source)
    log.info(
        "Exported %s to %s, %s to %s (%s, %s)%s",
        rows_text(together.endpoint, together.rows),
        f"{len(days)} directories" if len(days) > 1 else "1 directory",
        days[0].directory.uri,
        days[-1].directory.uri,
        count_text(sum(len(each.files) for each in manifests), "file"),
        count_text(split.requests, "request"),
        quota_text(source),
    )
