"""Which exports count: where windows of one series overlap, the fresher export wins."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.lake.audit_labels import label_of
from airflow_provider_docsanalytics.lake.catalog import join_older
from airflow_provider_docsanalytics.lake.tracks import Track, tracks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_docsanalytics.export.documents import File
    from airflow_provider_docsanalytics.lake.catalog import Directory, Export, Series
    from airflow_provider_docsanalytics.window import DateWindow

_SHORT = timedelta(hours=23)
"""Shorter windows are part of a day."""
_LONGEST_DAY = timedelta(hours=25)
_ROWS_OF_ALL = frozenset({"granularity"})
"""Filters that select no rows: they only say how rows are grouped."""


@dataclass(frozen=True, slots=True)
class LakeExport:
    """One export of a lake, and whether its rows count.

    Attributes:
        number: of the export in this lake.
        owner: whose the rows are: the project, or Vyom's account.
        series: the number of its series.
        version: of the provider that wrote it; one version writes the same columns.
        escaped: whether text in its CSV has the ``'`` of ``escape_formulas``.
        problem: why it cannot be read; ``""`` if it can.
        superseded: whether fresher exports cover its window, or a part that cannot be split off.
    """

    number: int
    export: Export
    finished_at: datetime
    files: tuple[File, ...]
    version: str
    escaped: bool
    problem: str
    owner: str = ""
    series: int = -1
    superseded: bool = False

    @property
    def path(self) -> str:
        """The directory, below the lake's root."""
        return self.export.path

    @property
    def filters(self) -> dict[str, str]:
        """The filters that leave rows out."""
        return {k: v for k, v in self.export.series.filters if k not in _ROWS_OF_ALL}

    @property
    def counts(self) -> bool:
        """Whether views have its rows; filtered rows are part of those of another export."""
        return not (self.problem or self.superseded or self.filters)

    @property
    def freshness(self) -> tuple[datetime, str]:
        """What decides between two exports: the later wins."""
        return self.finished_at, self.path


class Segment(NamedTuple):
    """A time that one export speaks for; those of one series share no instant."""

    export: int
    window: tuple[datetime, datetime]


def exports_of(directories: Iterable[Directory]) -> list[LakeExport]:
    """Return the exports of a lake in order of their paths, also those that cannot be read."""
    found = [
        (directory, directory.export)
        for directory in sorted(directories, key=lambda each: each.listing.path)
    ]
    known = [(directory, export) for directory, export in found if export is not None]
    joined = join_older(export for _, export in known)
    return [
        _lake_export(number, directory, export)
        for number, ((directory, _), export) in enumerate(zip(known, joined, strict=True))
    ]


def _lake_export(number: int, directory: Directory, export: Export) -> LakeExport:
    manifest = directory.manifest
    assert manifest is not None
    return LakeExport(
        number,
        export,
        manifest.finished_at,
        manifest.files,
        manifest.provider_version,
        manifest.escape_formulas is True,
        _problem(directory, export),
    )


def _problem(directory: Directory, export: Export) -> str:
    if directory.damage:
        return f"The manifest is damaged: {directory.damage}."
    row = export.series.table_row
    if row is not None and row.windowed and export.window is None:
        return "The manifest has no window."
    manifest = directory.manifest
    assert manifest is not None
    for file in manifest.files:
        size = directory.listing.sizes.get(file.name)
        if size is None:
            return f"{file.name} is missing."
        if size != file.bytes:
            found = "1 byte" if size == 1 else f"{size:,} bytes"
            return f"{file.name} has {found}, and the manifest says {file.bytes:,}."
    return ""


def settle(exports: Sequence[LakeExport]) -> tuple[list[LakeExport], list[Segment]]:
    """Return the exports with owner, series and whether they are superseded, and the segments.

    Of rows that are events, each instant belongs to the freshest export that covers it. Counts over
    a window cannot be split: an export is superseded as a whole as soon as a fresher one that
    counts shares time with it. Where a lake has counts by day and, in directories of another
    pattern, by month, the shorter windows win. ``visitors`` cannot be added up, so that its days
    and its months are settled apart.
    """
    settled = {each.number: each for each in _with_owners(exports)}
    groups: dict[Series, list[LakeExport]] = defaultdict(list)
    for each in settled.values():
        groups[_group_of(each)].append(each)
    segments = []
    for number, group in enumerate(groups.values()):
        usable = [each for each in group if not each.problem]
        windowed = [each for each in usable if each.export.window is not None]
        spoken = _segments(windowed)
        segments += spoken
        speaking = {segment.export for segment in spoken}
        for each in group:
            silent = each in windowed and each.number not in speaking
            settled[each.number] = replace(each, series=number, superseded=silent)
    return list(settled.values()), segments


def _group_of(each: LakeExport) -> Series:
    return each.export.series._replace(filters=tuple(sorted(each.filters.items())))


def _with_owners(exports: Sequence[LakeExport]) -> Iterator[LakeExport]:
    """Yield the exports with their owners, which include the service where a name has several."""
    services: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for each in exports:
        series = each.export.series
        services[series.platform, _name_of(series)].add(series.service)
    for each in exports:
        series = each.export.series
        name = _name_of(series)
        several = len(services[series.platform, name]) > 1
        yield replace(each, owner=f"{name} at {series.service}" if several else name)


def _name_of(series: Series) -> str:
    return series.project_id or series.account or ""


def _segments(exports: Sequence[LakeExport]) -> list[Segment]:
    """Return the segments of one series."""
    by_path = {each.path: each for each in exports}
    tracks = [
        (track, [by_path[export.path] for export in track.exports])
        for track in tracks_of((each.export for each in exports), None)
    ]
    if any(track.has_events for track, _ in tracks):
        return _split(exports)
    return list(_pick(tracks))


def _split(exports: Sequence[LakeExport]) -> list[Segment]:
    """Return who speaks for each instant: the freshest export whose window has it."""
    order = sorted(exports, key=lambda each: each.freshness, reverse=True)
    windows = [_window(each) for each in order]
    starting: dict[datetime, list[int]] = defaultdict(list)
    for rank, window in enumerate(windows):
        starting[window.start].append(rank)
    instants = sorted({instant for each in windows for instant in (each.start, each.end)})
    segments: list[Segment] = []
    active: list[int] = []
    for start, end in pairwise(instants):
        for rank in starting.get(start, ()):
            heapq.heappush(active, rank)
        while active and windows[active[0]].end <= start:
            heapq.heappop(active)
        if not active:
            continue
        number = order[active[0]].number
        if segments and segments[-1].export == number and segments[-1].window[1] == start:
            start = segments.pop().window[0]  # noqa: PLW2901 - one longer segment
        segments.append(Segment(number, (start, end)))
    return segments


def _pick(tracks: Sequence[tuple[Track, list[LakeExport]]]) -> Iterator[Segment]:
    """Yield the windows that count: of shorter windows first, then the fresher ones."""
    taken: list[tuple[datetime, datetime]] = []
    for track, members in sorted(tracks, key=lambda each: each[0].length):
        if track.series.endpoint == "visitors":
            taken = []
        for each in sorted(members, key=lambda each: each.freshness, reverse=True):
            window = _window(each)
            span = window.start, window.end
            at = bisect_left(taken, span)
            free_before = at == 0 or taken[at - 1][1] <= window.start
            free_after = at == len(taken) or taken[at][0] >= window.end
            if free_before and free_after:
                insort(taken, span)
                yield Segment(each.number, span)


def _window(each: LakeExport) -> DateWindow:
    assert each.export.window is not None
    return each.export.window


class Day(NamedTuple):
    """The day on which a window starts, where it was given.

    Attributes:
        offset: from UTC to the clock by which the window starts at midnight; ``None`` if the window
            is a day or a part of one.
    """

    date: date
    offset: timedelta | None


def day_of(export: Export) -> Day | None:
    """Return the day of an export's window, ``None`` if it has no window.

    Manifests have instants in UTC. The day is the date in the directory's name, if that can be the
    start of the window in some zone; else it is concluded from the start.
    """
    window = export.window
    if window is None:
        return None
    length = window.end - window.start
    if length < _SHORT:
        label = _label(export, timedelta(hours=-36))
        return Day(label.date() if label else window.start.date(), None)
    midnight = _label(export, timedelta(hours=-12))
    if midnight is None:
        day = (window.start + timedelta(hours=12)).date()  # most of the window's first day
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Day(midnight.date(), None if length <= _LONGEST_DAY else midnight - window.start)


def _label(export: Export, earliest: timedelta) -> datetime | None:
    """Return the date in the path as midnight UTC, if it is near enough to the window's start."""
    label = label_of(export.path)
    if label is None or export.window is None:
        return None
    fits = earliest <= label - export.window.start < timedelta(hours=14)
    return label if fits else None
