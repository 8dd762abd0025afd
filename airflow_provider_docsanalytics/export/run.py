"""Pages in, committed export out.

The order of the steps makes an export complete or absent; :mod:`.lease` explains it.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics._loop_guard import LoopGuard, page_fingerprint
from airflow_provider_docsanalytics.errors import BadResponse, CursorLost, NotFound
from airflow_provider_docsanalytics.export.commit import commit
from airflow_provider_docsanalytics.export.lease import Lease, utc_now
from airflow_provider_docsanalytics.export.row_keys import RowKeys, RowsMoved
from airflow_provider_docsanalytics.export.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.export.plan import Plan, Source

log = logging.getLogger(__name__)

MAX_RESTARTS = 1
"""How often one export is read again from the beginning: it costs the same requests again."""
_LARGE_PAGE_BYTES = 8 * 1024 * 1024
_ROW_NOUNS = {"conversations": "conversation", "threads": "thread"}
"""What a row is, where the endpoint is named after it."""


def export(
    plan: Plan,
    directory: ExportDirectory,
    source: Source,
    *,
    now: Callable[[], datetime] = utc_now,
) -> Manifest:
    """Export all pages of ``source`` into ``directory``; return the manifest.

    Raises:
        ConfigError: the directory holds a different export, and ``if_exists`` is ``error``.
        Superseded: another attempt owns the directory; this one changed nothing of it.
        DocsAnalyticsError: whatever the source raised. All pages before it are published and in the
            checkpoint, so the next call does not request them again.
    """
    read_manifest = partial(
        directory.read_compatible_manifest, plan.identity, replace=plan.may_replace
    )
    manifest = read_manifest(warn=True)
    directory.make()
    lease = Lease(directory, plan.identity, source.name, plan.run, now=now)
    progress = lease.acquire(manifest, read_manifest)
    writer = Writer(plan, directory, lease, progress, source.requests_sent)
    _keep_freed_memory()
    with writer.keeping_rest():
        if not progress.complete:
            read_all(plan, source, writer, directory.uri)
        manifest = commit(plan, directory, lease, writer, source.quota_left())
    _log_export(manifest, directory.uri, source)
    return manifest


def _keep_freed_memory() -> None:
    """Let the C library keep a page's memory for the next page; it is a quarter of a page's CPU.

    glibc returns freed memory to the kernel beyond twice the largest block that was freed so far,
    and the kernel clears it again. This block is never written, so it takes no memory itself.
    """
    bytes(_LARGE_PAGE_BYTES)


def read_all(plan: Plan, source: Source, writer: Writer, uri: str) -> None:
    """Read the source from the checkpoint on; start over once if that is impossible.

    The pages of the last part are left pending.
    """
    while True:
        try:
            _read(plan, source, writer)
            break
        except (CursorLost, RowsMoved) as error:
            restarts = writer.pending.restarts + 1
            if restarts > MAX_RESTARTS:
                writer.start_over(restarts=0)
                raise _not_readable(plan.identity.endpoint, error) from error
            log.warning(
                "%s: starting from the beginning; %s so far are discarded: %s",
                uri,
                count_text(writer.pending.pages, "page"),
                getattr(error, "summary", error),
            )
            writer.start_over(restarts)
    ids, missing = plan.identity.thread_ids, writer.pending.missing
    if ids and len(missing) == len(ids):
        writer.start_over(restarts=0)
        detail = f"none of the {len(ids)} IDs exists"
        if len(ids) == 1:
            detail = f"the ID {ids[0]!r} does not exist"
        raise NotFound(404, plan.identity.endpoint, detail)


def _read(plan: Plan, source: Source, writer: Writer) -> None:
    """Read the source from the progress on; the pages of the last part are left pending."""
    before = writer.progress
    guard = LoopGuard(plan.identity.endpoint, before.fingerprints)
    reduced = (before.page_size,) if before.page_size else ()
    row_keys = RowKeys(plan.key, before.keys, inclusive=not plan.by_offset)
    started = time.monotonic()
    with closing(row_keys):
        for number, page in enumerate(source.pages(before.cursor, *reduced)):
            # Not every source computes it.
            fingerprint = getattr(page, "fingerprint", "") or page_fingerprint(page.rows)
            if number == 0 and guard.has_seen(fingerprint):
                raise CursorLost(f"{before.cursor!r} leads back to a page that was read.")
            fingerprints = guard.check(fingerprint, page.next_cursor)
            new = row_keys.add_page(page.rows, writer.pending.last_row)
            pending = writer.add(page, new, fingerprints)
            if pending.pages > 1:  # most exports have one page, and then _log_export says it all
                log.info(
                    "%s so far (page %d, %s, %.0f rows/s)",
                    rows_text(plan.identity.endpoint, pending.rows),
                    pending.pages,
                    count_text(writer.requests, "request"),
                    (pending.rows - before.rows) / max(time.monotonic() - started, 1e-6),
                )
            pages = pending.pages - writer.progress.pages
            if pages >= plan.pages_per_file and not pending.complete:
                writer.publish()
            del page, new  # or two pages would be in memory at once
    if writer.pending.pages == 0:  # the source had nothing to request
        writer.mark_complete()


def _not_readable(endpoint: str, error: Exception) -> BadResponse:
    narrower = "use narrower windows (date_from, date_to), so that"
    if isinstance(error, RowsMoved):
        failure = BadResponse(
            f"{endpoint}: rows moved between pages while they were read, twice: a later page "
            "repeated a row, so other rows may be missing. No manifest was written.",
            f"Retry when the service is less busy. If it fails again, {narrower} one page holds "
            "all rows.",
        )
    else:
        reason = getattr(error, "summary", error)
        failure = BadResponse(
            f"{endpoint}: the service refused the cursor to resume from, twice ({reason}). "
            "No manifest was written.",
            f"A retry starts from the beginning. If it fails again, {narrower} an export ends "
            "before its cursors expire.",
        )
    failure.resumes = ""  # no page is kept
    return failure


def _log_export(manifest: Manifest, uri: str, source: Source) -> None:
    endpoint = manifest.endpoint
    log_findings(manifest, source)
    log.info(
        "Exported %s to %s (%s, %s)%s",
        rows_text(endpoint, manifest.rows),
        uri,
        count_text(len(manifest.files), "file"),
        count_text(manifest.requests, "request"),
        quota_text(source),
    )


def log_findings(found: Manifest, source: Source) -> None:
    """Log what differs from the endpoint table, and what was dropped or rewritten."""
    endpoint = found.endpoint
    if found.drift:
        log.warning(
            "%s: the rows differ from the endpoint table of this version, and were exported as "
            "they are: %s",
            endpoint,
            source.redact(str(found.drift)),
        )
    if found.repeated:
        log.warning(
            "%s: dropped %s at page boundaries",
            endpoint,
            count_text(found.repeated, "repeated row"),
        )
    if found.repaired:
        log.warning(
            "%s: rewrote %d of %s so that every reader can parse them: half a character became "
            "U+FFFD; the manifest's drift lists duplicate names.",
            endpoint,
            found.repaired,
            count_text(found.rows, "row"),
        )


def quota_text(source: Source) -> str:
    """Return what is left of the quota, as the end of a sentence; ``""`` if that is unknown."""
    left = source.quota_left()
    return "" if left is None else f". {count_text(left, 'request')} left, by the quota ledger"


def rows_text(endpoint: str, number: int) -> str:
    """Return a number of rows, as people read it."""
    if endpoint in _ROW_NOUNS:
        return count_text(number, _ROW_NOUNS[endpoint])
    return f"{count_text(number, 'row')} of {endpoint}"


def count_text(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
