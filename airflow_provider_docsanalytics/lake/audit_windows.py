"""Windows: instants that no export of a series covers, or that two of them cover."""

from __future__ import annotations

import posixpath
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.finding import Finding, finding
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.tracks import Track

_STOPPED_AFTER = 2
"""Windows of the usual length for which there is no export: one may still be on its way."""


def check_windows(files: LakeFiles, track: Track, until: datetime) -> Iterator[Finding]:
    """Yield the gaps and the overlaps of one track."""
    yield from _gaps(files, track)
    yield from _stopped(files, track, until)
    for cluster in overlapping(track):
        yield _overlap(files, track, cluster)


def overlapping(track: Track) -> Iterator[list[Export]]:
    """Yield the exports of one track that cover instants twice, those that touch together.

    Where windows overlap by design, only equal windows count.
    """
    cluster: list[Export] = []
    covered: DateWindow | None = None
    for export, window in zip(track.exports, track.windows, strict=False):  # it may have none
        doubles = covered is not None and (
            window == covered if track.overlaps_by_design else window.start < covered.end
        )
        if not doubles:
            if len(cluster) > 1:
                yield cluster
            cluster = []
        cluster.append(export)
        if covered is None or not doubles or window.end > covered.end:
            covered = window
    if len(cluster) > 1:
        yield cluster


def _gaps(files: LakeFiles, track: Track) -> Iterator[Finding]:
    previous, covered = track.exports[0], track.windows[0]
    for export, window in zip(track.exports[1:], track.windows[1:], strict=True):
        is_late = track.step is not None and window.start - covered.start > track.step * 1.1
        if window.start > covered.end and (is_late or not track.samples):
            missing = DateWindow(covered.end, window.start)
            where = posixpath.commonpath([previous.path or ".", export.path or "."])
            yield finding(
                "gap",
                "error",
                files.uri_of("" if where == "." else where),
                f"{track.series}: no export covers {missing}{_number(track, missing)}.",
                "Run the export of that time: clear its runs, or start a backfill.",
            )
        if window.end > covered.end:
            previous, covered = export, window


def _stopped(files: LakeFiles, track: Track, until: datetime) -> Iterator[Finding]:
    last = max(window.end for window in track.windows)
    if track.step is None or until < last + track.step * _STOPPED_AFTER:
        return
    missing = DateWindow(last, until)
    yield finding(
        "gap",
        "error",
        files.uri_of(posixpath.dirname(track.exports[-1].path)),
        f"{track.series} has stopped: no export covers {missing}{_number(track, missing)}.",
        "Find out why its Dag does not run. If you ended it on purpose, audit with a later since, "
        "or move its directory out of the lake.",
    )


def _number(track: Track, missing: DateWindow) -> str:
    """Return how many windows are missing, where that is a whole number."""
    if track.step is None or not (number := round((missing.end - missing.start) / track.step)):
        return ""
    return f": {number:,} {'window' if number == 1 else 'windows'} of {spelled(track.step)}"


def spelled(time: timedelta) -> str:
    """Return a time as people say it: ``1 day``, ``6 hours``."""
    for unit in ("days", "hours", "minutes", "seconds"):
        number, rest = divmod(time, timedelta(**{unit: 1}))
        if number and not rest:
            return f"{number} {unit.removesuffix('s') if number == 1 else unit}"
    return str(time)


def _overlap(files: LakeFiles, track: Track, cluster: list[Export]) -> Finding:
    """Return the finding of exports that cover instants twice: the widest is where it is."""
    widest = max(cluster, key=_width)
    other = next(export for export in reversed(cluster) if export is not widest)
    if widest.window == other.window:
        widest, other = other, widest  # name the later directory
    if len(cluster) > 2:  # noqa: PLR2004 - more than a pair
        others = f"{len(cluster) - 1} other exports, such as {files.uri_of(other.path)}"
    else:
        others = f"{files.uri_of(other.path)}, which is of {other.window}"
    return finding(
        "overlap",
        "error",
        files.uri_of(widest.path),
        f"{track.series}: this export is of {widest.window}. It shares time with {others}. Whoever "
        "adds them up counts rows twice.",
        "Delete the directory that should not be there, or move it out of the lake.",
    )


def _width(export: Export) -> timedelta:
    assert export.window is not None
    return export.window.end - export.window.start
