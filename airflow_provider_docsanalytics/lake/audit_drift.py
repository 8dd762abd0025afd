"""Drift over time: since when, and until when, rows differ from the endpoint table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.finding import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.export.drift import DriftFinding
    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles

_WORDS = {
    "new": "a field that the endpoint table does not know",
    "missing": "a field that rows lack",
    "types": "values of another type",
    "values": "a value that is not documented",
    "renamed": "a name that was changed, because it came twice or is reserved",
}
_MOST = 100
"""Differences of one series that are reported: rows decide how many there are."""


def check_drift(files: LakeFiles, exports: list[Export]) -> Iterator[Finding]:
    """Yield a finding for each difference of one series, with the time in which it was there.

    Args:
        files: the lake.
        exports: of one series, in the order of their windows.
    """
    seen: Counter[DriftFinding] = Counter()
    first: dict[DriftFinding, Export] = {}
    last: dict[DriftFinding, int] = {}
    for number, export in enumerate(exports):
        for each in export.drift.findings() if export.drift else ():
            seen[each] += 1
            first.setdefault(each, export)
            last[each] = number
    for each, start in list(first.items())[:_MOST]:
        gone = exports[last[each] + 1] if last[each] + 1 < len(exports) else None
        since = f" since {start.window.date_from}" if start.window else ""
        until = f" until {gone.window.date_from}" if gone and gone.window else ""
        yield finding(
            "drift",
            "warning",
            files.uri_of(start.path),
            f"{start.series}: {_WORDS[each.sort]}: {each.text}{since}{until}, in {seen[each]:,} of "
            f"{len(exports):,} exports.",
            "Check what reads these rows. A newer version of this provider may know the field.",
        )
