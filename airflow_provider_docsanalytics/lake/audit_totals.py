"""Totals: what the service counted against what the rows add up to."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.lake.finding import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider_docsanalytics.lake.catalog import Export, Series
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.window import DateWindow

SUMMED: Mapping[str, tuple[str, ...]] = {
    "searches": ("hits",),
    "views": ("total", "human", "ai"),
    "feedback_by_page": ("total",),
    "calls_by_assistant": ("total_calls",),
    "calls_by_phone_number": ("total_calls",),
    "calls_by_service": ("total_calls",),
    "calls_by_time": ("total_calls",),
    "dashboard": ("total_calls",),
    "tokens_summary": ("total_records",),
    "tokens_by_model": ("total_records",),
}
"""Fields of rows that a deep audit adds up. Visitors are distinct, so they do not add up."""
_ALIKE = (
    ("conversations", "caller_stats"),
    ("feedback", "feedback_by_page"),
    (
        *("calls_by_assistant", "calls_by_phone_number", "calls_by_service", "calls_by_time"),
        "dashboard",
    ),
    ("tokens_summary", "tokens_by_model"),
)
"""Endpoints that usually count the same things in a window. No documentation says so: whether they
do in this lake is learned from it."""
_FEWEST = 5
_USUAL_SHARE = 0.8


class Counted(NamedTuple):
    """What one export counts: the first field of :data:`SUMMED`, or its rows."""

    export: Export
    number: int


def count_of(export: Export, sums: Mapping[str, int] | None) -> Counted | None:
    """Return what an export counts; ``None`` if that takes its rows, and they were not read."""
    endpoint = export.series.endpoint
    if endpoint in SUMMED:
        return None if sums is None else Counted(export, sums[SUMMED[endpoint][0]])
    if endpoint == "caller_stats":
        return None if export.total is None else Counted(export, export.total)
    return Counted(export, export.rows)


def check_response(
    files: LakeFiles, export: Export, totals: Mapping[str, Any], sums: Mapping[str, int]
) -> Iterator[Finding]:
    """Compare the totals that the service gave with an export with the sums of its rows."""
    expected: dict[str, Any] = {}
    if export.series.endpoint == "searches":
        expected = {"hits": totals.get("totalSearches")}
    elif export.series.endpoint == "views" and isinstance(totals.get("totals"), dict):
        expected = totals["totals"]
    for name, total in expected.items():
        if name in sums and isinstance(total, int) and sums[name] != total:
            yield finding(
                "totals",
                "error",
                files.uri_of(export.path),
                f"{export.series}: the rows have {sums[name]:,} {name}, and the service counted "
                f"{total:,} in all.",
                "Run the export of this window again: rows are missing, or there are too many.",
            )


def check_alike(files: LakeFiles, counted: Iterable[Counted]) -> Iterator[Finding]:
    """Compare endpoints that count the same things, window by window."""
    for alike in _ALIKE:
        groups: dict[tuple[Series, DateWindow | None], dict[str, Counted]] = defaultdict(dict)
        for each in counted:
            series = each.export.series
            if series.endpoint in alike:
                key = series._replace(endpoint=alike[0]), each.export.window
                groups[key][series.endpoint] = each
        yield from _check_groups(files, [group for group in groups.values() if len(group) > 1])


def _check_groups(files: LakeFiles, groups: list[dict[str, Counted]]) -> Iterator[Finding]:
    compared, agreeing = Counter[str](), Counter[str]()
    for group in groups:
        usual = _usual(group)
        compared.update(group.keys())
        agreeing.update(name for name, each in group.items() if each.number == usual)
    trusted = {
        name
        for name, times in compared.items()
        if times >= _FEWEST and agreeing[name] >= _USUAL_SHARE * times
    }
    for group in groups:
        usual = _usual(group)
        for name, each in group.items():
            if name in trusted and each.number != usual:
                others = ", ".join(other for other in group if group[other].number == usual)
                yield finding(
                    "totals",
                    "warning",
                    files.uri_of(each.export.path),
                    f"{each.export.series}: {each.number:,} are counted, and {usual:,} by {others} "
                    "in the same window. They usually agree.",
                    "Run the exports of this window again.",
                )


def _usual(group: Mapping[str, Counted]) -> int:
    """Return what most of a group count, the most of several: rows are lost more than added."""
    counts = Counter(each.number for each in group.values())
    return max(counts, key=lambda count: (counts[count], count))
