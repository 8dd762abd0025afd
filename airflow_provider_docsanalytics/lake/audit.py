"""The audit: whether a lake holds what its manifests say, without gaps, doubles or silence."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.audit_deep import check_rows, new_keys
from airflow_provider_docsanalytics.lake.audit_drift import check_drift
from airflow_provider_docsanalytics.lake.audit_files import check_files
from airflow_provider_docsanalytics.lake.audit_labels import check_labels
from airflow_provider_docsanalytics.lake.audit_silence import check_silence
from airflow_provider_docsanalytics.lake.audit_totals import check_alike, count_of
from airflow_provider_docsanalytics.lake.audit_windows import (
    check_windows,
    overlapping,
    starting_early,
)
from airflow_provider_docsanalytics.lake.catalog import Export, join_older, read_directories
from airflow_provider_docsanalytics.lake.finding import CODES, Finding, Report, printable
from airflow_provider_docsanalytics.lake.read_ahead import read_ahead
from airflow_provider_docsanalytics.lake.tracks import Track, by_window, tracks_of
from airflow_provider_docsanalytics.window import iso_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import timedelta

    from airflow_provider_docsanalytics.lake.audit_deep import DeepResult
    from airflow_provider_docsanalytics.lake.catalog import Series
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.read_ahead import ReadExport

_PROGRESS = 1000
"""Exports between two sentences about the progress."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited.

    Attributes:
        until: the instant up to which there should be exports: usually now.
        since: windows that end before it are left out; ``None``: none are.
        every: how often each series is exported; ``None``: learned from each.
        deep: also read every file, and compare checksums, rows and keys.
        now: the moment of the audit, by which an export counts as unfinished.
    """

    until: datetime
    since: datetime | None = None
    every: timedelta | None = None
    deep: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def covers(self, export: Export) -> bool:
        """Return whether an export is in the scope; one without a window always is."""
        window = export.window
        return window is None or self.since is None or window.end > self.since


def audit(
    files: LakeFiles, scope: Scope, on_progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Return what is wrong in a lake.

    Args:
        files: the lake.
        scope: what of it is audited.
        on_progress: called now and then with a sentence, in an audit that takes long.

    Raises:
        ConfigError: there is no lake.
        StorageError: the storage failed.
    """
    return _Audit(files, scope, on_progress).run()


class _Audit:
    """One audit, step by step; every step adds to the findings."""

    def __init__(self, files: LakeFiles, scope: Scope, on_progress: Callable[[str], None]) -> None:
        self._files = files
        self._scope = scope
        self._on_progress = on_progress
        self._findings: list[Finding] = []
        self._sums: dict[str, dict[str, int]] = {}

    def run(self) -> Report:
        since, until = self._scope.since, self._scope.until
        if since is not None and since >= until:
            raise ConfigError(
                f"since={iso_ms(since)} is not before until={iso_ms(until)}.\n"
                "Give an earlier since, or a later until."
            )
        exports = join_older(self._read())
        if not exports and not self._findings:
            ended = f" of windows that end after {iso_ms(since)}" if since else ""
            raise ConfigError(
                f"{self._files.uri} holds no exports{ended}.\n"
                "Give the root of your exports: what stands before the first field of path."
            )
        self._check_series(exports)
        tracks = tracks_of(exports, self._scope.every)
        for track in tracks:
            self._check_track(track)
        if self._scope.deep:
            undated = [Track(each.series, (each,)) for each in exports if each.window is None]
            self._check_rows([*tracks, *undated], len(exports))
        counted = (count_of(export, self._sums.get(export.path)) for export in exports)
        self._findings += check_alike(self._files, [each for each in counted if each])
        return Report(
            lake=printable(self._files.uri),
            exports=len(exports),
            rows=sum(export.rows for export in exports),
            findings=sorted(self._findings, key=_order),
        )

    def _read(self) -> Iterator[Export]:
        """Yield the exports in the scope, once their files were compared with their manifests."""
        for number, directory in enumerate(read_directories(self._files), start=1):
            export = directory.export
            if export is None or self._scope.covers(export):
                self._findings += check_files(self._files, directory, self._scope.now)
                if export is not None:
                    yield export
            self._progress(number, "directories read")

    def _check_series(self, exports: list[Export]) -> None:
        by_series: dict[Series, list[Export]] = defaultdict(list)
        for export in sorted(exports, key=by_window):
            by_series[export.series].append(export)
        for members in by_series.values():
            self._findings += check_drift(self._files, members)

    def _check_track(self, track: Track) -> None:
        self._findings += check_windows(self._files, track, self._scope.until)
        self._findings += check_labels(self._files, track, _doubled(track))
        self._findings += check_silence(self._files, track)

    def _check_rows(self, tracks: list[Track], total: int) -> None:
        """Read all exports, a track after the other, and keep the sums of their rows."""
        known = {each.where for each in self._findings if each.code in ("missing-file", "size")}
        exports = [export for track in tracks for export in track.exports]
        done = 0
        reads = read_ahead(self._files, exports)
        for track in tracks:
            for export, result in self._results(track, reads, known):
                self._findings += result.findings
                if result.sums is not None:
                    self._sums[export.path] = result.sums
                done += 1
                self._progress(done, f"of {total:,} exports read in full")

    def _results(
        self, track: Track, reads: Iterator[ReadExport], known: Collection[str]
    ) -> Iterator[tuple[Export, DeepResult]]:
        """Yield the exports of a track and what reading them shows; ``reads`` has them next."""
        early = starting_early(track)
        with closing(new_keys(track.exports[0])) as keys:
            for export in track.exports:
                compared = track.has_events and export.path not in early
                earlier = keys if compared else None
                yield export, check_rows(self._files, export, next(reads), earlier, known)

    def _progress(self, number: int, what: str) -> None:
        if number % _PROGRESS == 0:
            self._on_progress(f"{number:,} {what}")


def _doubled(track: Track) -> set[str]:
    """Return the paths of exports that cover an instant that another covers, too."""
    return {export.path for cluster in overlapping(track) for export in cluster}


def _order(each: Finding) -> tuple[bool, str, int, str]:
    return each.severity != "error", each.where, CODES.index(each.code), each.what
