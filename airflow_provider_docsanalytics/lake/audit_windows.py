"""Windows: instants that no export of a series covers, or that two of them cover."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.finding import Finding, finding
from airflow_provider_docsanalytics.lake.tracks import pattern_of
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.tracks import Track

_DELETE = "Delete the directory that should not be there, or move it out of the lake."
_NARROW = (
    "Export one of them again, with date_from and date_to that end where the other begins, into a "
    "directory of its own. Then delete the one that it replaces."
)
_STOPPED_AFTER = 2
"""Windows of the usual length for which there is no export: one may still be on its way."""


def check_windows(files: LakeFiles, track: Track, until: datetime) -> Iterator[Finding]:
    """Yield the gaps and the overlaps of one track."""
    yield from _gaps(files, track)
    yield from _stopped(files, track, until)
    alike: dict[object, list[list[Export]]] = defaultdict(list)
    for number, cluster in enumerate(overlapping(track)):
        patterns = frozenset(pattern_of(export.path) for export in cluster)
        # A series that lies in two places is one mistake, not one a window.
        alike[patterns if len(patterns) > 1 else number].append(cluster)
    for clusters in alike.values():
        yield _overlap(files, track, clusters)


def overlapping(track: Track) -> Iterator[list[Export]]:
    """Yield the exports of one track that cover instants twice, those that touch together.

    Where windows overlap by design, only equal windows count.
    """
    cluster: list[Export] = []
    covered: DateWindow | None = None
    exports = zip(track.exports, track.windows, strict=False)  # it may have none
    for number, (export, window) in enumerate(exports):
        doubles = covered is not None and window.start < covered.end
        if doubles and window != covered:
            doubles = not track.overlaps_by_design(number)
        if not doubles:
            if len(cluster) > 1:
                yield cluster
            cluster = []
        cluster.append(export)
        if covered is None or not doubles or window.end > covered.end:
            covered = window
    if len(cluster) > 1:
        yield cluster


def starting_early(track: Track) -> set[str]:
    """Return the paths of exports that start before an earlier one ends, by design or not."""
    early, covered = set(), track.windows[0].start if track.windows else None
    for export, window in zip(track.exports, track.windows, strict=False):  # it may have none
        assert covered is not None
        if window.start < covered:
            early.add(export.path)
        covered = max(covered, window.end)
    return early


def _gaps(files: LakeFiles, track: Track) -> Iterator[Finding]:
    previous, covered = track.exports[0], track.windows[0]
    exports = zip(track.exports, track.windows, strict=True)
    for number, (export, window) in enumerate(exports):
        if window.start > covered.end:
            steps = track.steps(number)
            is_late = window.start - covered.start > max(steps, default=timedelta(0)) * 1.1
            if is_late or not track.samples(number):
                missing = DateWindow(covered.end, window.start)
                where = posixpath.commonpath([previous.path or ".", export.path or "."])
                yield finding(
                    "gap",
                    "error",
                    files.uri_of("" if where == "." else where),
                    f"{track.series}: no export covers {missing}"
                    f"{_number(missing, min(steps, default=None))}.",
                    "Run the export of that time: clear its runs, or start a backfill.",
                )
        if window.end > covered.end:
            previous, covered = export, window


def _stopped(files: LakeFiles, track: Track, until: datetime) -> Iterator[Finding]:
    last = max(window.end for window in track.windows)
    step = _last_step(track)
    if step is None or until < last + step * _STOPPED_AFTER:
        return
    missing = DateWindow(last, until)
    yield finding(
        "gap",
        "error",
        files.uri_of(posixpath.dirname(track.exports[-1].path)),
        f"{track.series} has stopped: no export covers {missing}{_number(missing, step)}.",
        "Find out why its Dag does not run. If you ended it on purpose, audit with a later since, "
        "or move its directory out of the lake.",
    )


def _last_step(track: Track) -> timedelta | None:
    """Return how long the next window of a track may take; ``None`` if nobody can tell.

    A series that was exported every day, and once or twice every week, is now weekly.
    """
    (step,) = track.steps(len(track.windows)) or (None,)
    if step is None or track.every or len(track.windows) == 1:
        return step
    before, window = track.windows[-2:]
    return max(step, min(window.start - before.start, window.end - window.start))


def _number(missing: DateWindow, step: timedelta | None) -> str:
    """Return how many windows are missing, where that is a whole number."""
    if step is None or not (number := round((missing.end - missing.start) / step)):
        return ""
    return f": {number:,} {'window' if number == 1 else 'windows'} of {spelled(step)}"


def spelled(time: timedelta) -> str:
    """Return a time as people say it: ``1 day``, ``6 hours``."""
    for unit in ("days", "hours", "minutes", "seconds"):
        number, rest = divmod(time, timedelta(**{unit: 1}))
        if number and not rest:
            return f"{number} {unit.removesuffix('s') if number == 1 else unit}"
    return str(time)


def _overlap(files: LakeFiles, track: Track, clusters: list[list[Export]]) -> Finding:
    """Return the finding of exports that cover instants twice: the widest is where it is."""
    cluster = clusters[0]
    widest = max(cluster, key=_width)
    other = next(export for export in reversed(cluster) if export is not widest)
    if widest.window == other.window:
        widest, other = other, widest  # name the later directory
    if len(cluster) > 2:  # noqa: PLR2004 - more than a pair
        others = f"{len(cluster) - 1} other exports, such as {files.uri_of(other.path)}"
    else:
        others = f"{files.uri_of(other.path)}, which is of {other.window}"
    more = ""
    if len(clusters) > 1:
        last = max(clusters[-1], key=_width)
        more = f" So it is with {len(clusters) - 1} more, up to {files.uri_of(last.path)}."
    return finding(
        "overlap",
        "error",
        files.uri_of(widest.path),
        f"{track.series}: this export is of {widest.window}. It shares time with {others}. Whoever "
        f"adds them up counts rows twice.{more}",
        _DELETE if all(_within(each, widest) for each in cluster) else _NARROW,
    )


def _within(inner: Export, outer: Export) -> bool:
    assert inner.window is not None
    assert outer.window is not None
    return outer.window.start <= inner.window.start and inner.window.end <= outer.window.end


def _width(export: Export) -> timedelta:
    assert export.window is not None
    return export.window.end - export.window.start
