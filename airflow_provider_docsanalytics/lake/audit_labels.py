"""Labels: a directory that is named for a day, and holds the window of another."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.finding import Finding, finding
from airflow_provider_docsanalytics.lake.tracks import pattern_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.tracks import Track
    from airflow_provider_docsanalytics.window import DateWindow

_DATE = re.compile(r"(?<![0-9])([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})(?![0-9])")
_FEWEST = 5
_USUAL_SHARE = 0.8
_DST = timedelta(hours=2)
"""How far labels may be from their usual distance: the zone's offset changes twice a year."""


def check_labels(files: LakeFiles, track: Track, known: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each path template of a track under which labels do not fit.

    A label is the only date in a path. What it means, such as the day on which the window starts
    in Berlin, or the day after its end, is learned from the others.

    Args:
        files: the lake.
        track: the exports.
        known: paths of exports that another finding explains.
    """
    templates: dict[str, list[tuple[Export, DateWindow, datetime]]] = defaultdict(list)
    for export, window in zip(track.exports, track.windows, strict=True):
        if (label := label_of(export.path)) is not None:
            templates[pattern_of(export.path)].append((export, window, label))
    for members in templates.values():
        if len(members) < _FEWEST:
            continue
        wrong = [
            (export, window)
            for export, window in _misfits(track, members)
            if export.path not in known
        ]
        if wrong:
            yield _finding(files, track, wrong)


def _misfits(
    track: Track, members: list[tuple[Export, DateWindow, datetime]]
) -> Iterator[tuple[Export, DateWindow]]:
    by_start = [window.start - label for _, window, label in members]
    by_end = [window.end - label for _, window, label in members]
    distances = max(by_start, by_end, key=lambda each: max(Counter(each).values()))
    usual = Counter(distances).most_common(1)[0][0]
    fits = [abs(distance - usual) <= _DST for distance in distances]
    if sum(fits) < _USUAL_SHARE * len(fits):
        return
    for (export, window, _), fitting in zip(members, fits, strict=True):
        if not fitting or window.end - window.start > track.length * 1.5:
            yield export, window


def label_of(path: str) -> datetime | None:
    """Return the only date in a path, as midnight UTC."""
    found = {(int(year), int(month), int(day)) for year, _, month, day in _DATE.findall(path)}
    if len(found) != 1:
        return None
    try:
        return datetime(*found.pop(), tzinfo=UTC)
    except ValueError:
        return None


def _finding(files: LakeFiles, track: Track, wrong: list[tuple[Export, DateWindow]]) -> Finding:
    export, window = wrong[0]
    more = f" So do {len(wrong) - 1} more directories, up to {files.uri_of(wrong[-1][0].path)}."
    return finding(
        "label",
        "error",
        files.uri_of(export.path),
        f"{track.series}: the directory holds {window}, which is not what its name says, as the "
        f"others mean it.{more if len(wrong) > 1 else ''}",
        "Export the window into the directory of its own date, and delete this one.",
    )
