"""The audit: whether a lake holds what its manifests say, without gaps, doubles or silence."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.audit_deep import check_rows, new_keys
from airflow_provider_docsanalytics.lake.audit_drift import check_drift
from airflow_provider_docsanalytics.lake.audit_files import check_files
from airflow_provider_docsanalytics.lake.audit_labels import check_labels
from airflow_provider_docsanalytics.lake.audit_silence import check_silence
from airflow_provider_docsanalytics.lake.audit_totals import check_alike, count_of
from airflow_provider_docsanalytics.lake.audit_windows import check_windows, overlapping
from airflow_provider_docsanalytics.lake.catalog import Export, join_older, read_directories
from airflow_provider_docsanalytics.lake.finding import CODES, Finding, Report, printable
from airflow_provider_docsanalytics.lake.tracks import Track, by_window, tracks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from airflow_provider_docsanalytics.lake.catalog import Series
    from airflow_provider_docsanalytics.lake.files import LakeFiles

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
    """

    until: datetime
    since: datetime | None = None
    every: timedelta | None = None
    deep: bool = False

    def covers(self, export: Export) -> bool:
        """Return whether an export is in the scope; one without a window always is."""
        window = export.window
        return window is None or (
            (self.since is None or window.end > self.since) and window.start < self.until
        )


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
    findings: list[Finding] = []
    exports: list[Export] = []
    for number, directory in enumerate(read_directories(files), start=1):
        export = directory.export
        if export is None or scope.covers(export):
            findings += check_files(files, directory, scope.until)
            exports += [export] if export else []
        if number % _PROGRESS == 0:
            on_progress(f"{number:,} directories read")
    if not exports and not findings:
        raise ConfigError(
            f"{files.uri} holds no exports.\n"
            "Give the root of your exports: what stands before the first field of path."
        )
    exports = join_older(exports)
    findings += _check_series(files, exports)
    tracks = tracks_of(exports, scope.every)
    for track in tracks:
        findings += _check_track(files, track, scope.until)
    sums: dict[str, dict[str, int]] = {}
    if scope.deep:
        findings += _check_rows(files, exports, tracks, sums, on_progress)
    counted = (count_of(export, sums.get(export.path)) for export in exports)
    findings += check_alike(files, [each for each in counted if each])
    return Report(
        lake=printable(files.uri),
        exports=len(exports),
        rows=sum(export.rows for export in exports),
        findings=sorted(findings, key=_order),
    )


def _check_series(files: LakeFiles, exports: list[Export]) -> Iterator[Finding]:
    by_series: dict[Series, list[Export]] = defaultdict(list)
    for export in sorted(exports, key=by_window):
        by_series[export.series].append(export)
    for members in by_series.values():
        yield from check_drift(files, members)


def _check_track(files: LakeFiles, track: Track, until: datetime) -> Iterator[Finding]:
    yield from check_windows(files, track, until)
    overlapping_paths = {export.path for cluster in overlapping(track) for export in cluster}
    yield from check_labels(files, track, overlapping_paths)
    yield from check_silence(files, track)


def _check_rows(
    files: LakeFiles,
    exports: list[Export],
    tracks: list[Track],
    sums: dict[str, dict[str, int]],
    on_progress: Callable[[str], None],
) -> Iterator[Finding]:
    """Read all exports, a track after the other; put the sums of their rows into ``sums``."""
    undated = [Track(export.series, (export,)) for export in exports if export.window is None]
    done = 0
    for track in (*tracks, *undated):
        doubled = {export.path for cluster in overlapping(track) for export in cluster}
        with closing(new_keys(track.exports[0])) as keys:
            for export in track.exports:
                compared = track.has_events and export.path not in doubled
                findings, found = check_rows(files, export, keys if compared else None)
                yield from findings
                if found is not None:
                    sums[export.path] = found
                done += 1
                if done % _PROGRESS == 0:
                    on_progress(f"{done:,} of {len(exports):,} exports read in full")


def _order(each: Finding) -> tuple[bool, str, int, str]:
    return each.severity != "error", each.where, CODES.index(each.code), each.what
