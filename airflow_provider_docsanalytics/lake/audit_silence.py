"""Silence: exports without rows where there should be some.

The rule, for each series that is exported regularly:

1. A window is compared with windows of the same weekday before it (of the same hour of the week, if
   windows are shorter than half a day; with all, if they are longer than a day and a half).
2. What is expected is the median of the last 8 of these. It is nothing if there are fewer than 4,
   or if more than a quarter of them had no rows: such days are quiet by habit.
3. Windows without rows that follow each other are one silence. It is reported if the rows expected
   in it add up to :data:`LEAST_EXPECTED`; a single window, which may be a holiday, only if these
   are :data:`LEAST_IN_ONE`.

So a day is enough for a source of 60 rows a day, and three weeks for one of 2 rows on working days.
"""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.finding import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.tracks import Track

LEAST_EXPECTED, LEAST_IN_ONE = 25, 60
_BASELINE = 8
_FEWEST = 4
_QUIET_SHARE = 0.25
_HOUR, _HALF_A_DAY, _A_DAY_AND_A_HALF = (
    timedelta(hours=1),
    timedelta(hours=12),
    timedelta(hours=36),
)


def check_silence(files: LakeFiles, track: Track) -> Iterator[Finding]:
    """Yield a finding for each silence of one track."""
    exports = [
        (export, slot)
        for number, export in enumerate(track.exports)
        if (slot := _slot(track, number)) is not None
    ]
    counts = [
        (slot, export.rows if export.total is None else export.total) for export, slot in exports
    ]
    for first, last, expected in silences(counts):
        yield _finding(files, track, exports[first][0], exports[last][0], expected)


def silences(counts: Iterable[tuple[object, int]]) -> Iterator[tuple[int, int, float]]:
    """Yield the first and the last window of each silence, and the rows expected in it.

    Args:
        counts: of each window in turn: what it is compared by, and its rows.
    """
    history: dict[object, deque[int]] = defaultdict(lambda: deque(maxlen=_BASELINE))
    run: list[int] = []
    empty: list[object] = []
    expected = 0.0
    for number, (slot, count) in enumerate(counts):
        if count == 0 and (usual := _expected(history[slot])):
            run.append(number)
            empty.append(slot)
            expected += usual
            continue
        if count:
            if _is_silence(run, expected):
                yield run[0], run[-1], expected
            else:  # an empty day or two are a habit, not a silence
                for each in empty:
                    history[each].append(0)
            run, empty, expected = [], [], 0.0
        history[slot].append(count)
    if _is_silence(run, expected):
        yield run[0], run[-1], expected


def _is_silence(run: list[int], expected: float) -> bool:
    return expected >= (LEAST_EXPECTED if len(run) > 1 else LEAST_IN_ONE)


def _expected(earlier: deque[int]) -> float:
    if len(earlier) < _FEWEST or sum(not each for each in earlier) > _QUIET_SHARE * len(earlier):
        return 0.0
    return float(median(earlier))


def _slot(track: Track, number: int) -> tuple[int, ...] | None:
    """Return what a window is compared by; ``None`` for one of no regular series."""
    steps = track.steps(number)
    if not steps:
        return None
    window = track.windows[number]
    time = min(steps)
    if time > _A_DAY_AND_A_HALF:
        return ()
    if time > _HALF_A_DAY:
        return (window.start.weekday(),)
    return (round(time / _HOUR), window.start.weekday(), window.start.hour)


def _finding(
    files: LakeFiles, track: Track, first: Export, last: Export, expected: float
) -> Finding:
    assert first.window is not None
    assert last.window is not None
    return finding(
        "silent-zero",
        "error",
        files.uri_of(first.path),
        f"{track.series}: no rows from {first.window.date_from} to {last.window.date_to}. By the "
        f"same weekdays before, {expected:,.0f} were to be expected.",
        "Look whether the service recorded anything in that time: its dashboard shows it. Then "
        "run the exports of these windows again.",
    )
