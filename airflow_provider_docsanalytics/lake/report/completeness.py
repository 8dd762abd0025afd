"""The line of completeness: which exports of the period are there, and which days are missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.lake.report.page import NOTHING, Cell, Section, Table
from airflow_provider_docsanalytics.lake.report.wording import counted, days

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

    from airflow_provider_docsanalytics.lake.report.facts import Facts, Period, Windows
    from airflow_provider_docsanalytics.lake.report.reader_text import ReaderText

_PLATFORMS = {platform.name: platform for platform in (MINTLIFY, VYOM)}
_MOST_GAPS = 5


class _Span(NamedTuple):
    start: datetime
    end: datetime


def completeness(connection: DuckDBPyConnection, facts: Facts, text: ReaderText) -> Section:
    """Return the section, with every gap by name."""
    rows = [each for each in facts.completeness if each.expected_windows is not None]
    sentences = [*_incomplete(rows), *_never(connection, facts)]
    if not rows:
        return Section(_HEADING, ("The lake has no exports in this period.", *sentences))
    table = Table(
        "Exports of the period",
        ("Endpoint", "Project or account", "Exports#", "Expected#", "Missing", "Last export (UTC)"),
        tuple(_row(connection, facts.period, each, text) for each in rows),
    )
    return Section(_HEADING, tuple(sentences), tables=(table,))


_HEADING = "Is the data complete?"


def is_incomplete(facts: Facts) -> bool:
    """Whether exports of the period are missing, or cannot be read."""
    return any(each.missing or each.unreadable for each in facts.completeness)


def _incomplete(rows: list[Windows]) -> Iterator[str]:
    short = [each for each in rows if each.missing or each.unreadable]
    if not short:
        yield f"Complete: {counted(len(rows), 'endpoint')} with every export of the period."
    else:
        names = ", ".join(sorted({each.endpoint for each in short}))
        yield (
            f"Incomplete: {names}. Figures that come from them are too low. Run their exports "
            "again for the missing time, then make this page again."
        )
    unreadable = sum(each.unreadable for each in rows)
    if unreadable:
        yield (
            f"{counted(unreadable, 'export')} cannot be read, because files are missing or "
            "damaged: docsanalytics audit says which."
        )


def _never(connection: DuckDBPyConnection, facts: Facts) -> Iterator[str]:
    """Yield which endpoints of a platform that is in the lake have no export of the period."""
    found = connection.execute("SELECT DISTINCT platform FROM exports").fetchall()
    there = {each.endpoint for each in facts.completeness if each.windows}
    for (name,) in sorted(found):
        platform = _PLATFORMS.get(name)
        absent = [
            endpoint.name
            for endpoint in (platform.endpoints.values() if platform else ())
            if endpoint.windowed and endpoint.name not in there
        ]
        if platform and absent:
            yield f"No exports in this period, of {platform.title}: {', '.join(absent)}."


def _row(
    connection: DuckDBPyConnection, period: Period, each: Windows, text: ReaderText
) -> tuple[Cell, ...]:
    gaps = list(_gaps(connection, period, each)) if each.missing else []
    more = f", and {len(gaps) - _MOST_GAPS:,} more" if len(gaps) > _MOST_GAPS else ""
    named = ", ".join(map(_name, gaps[:_MOST_GAPS])) + more
    return (
        Cell(each.endpoint),
        Cell(text.line(each.owner + (f" ({each.filters})" if each.filters else ""))),
        Cell(f"{each.windows:,}"),
        Cell(f"{each.expected_windows:,}"),
        Cell(named or (NOTHING if not each.missing else counted(each.missing, "export"))),
        Cell(f"{each.last_export.astimezone(UTC):%Y-%m-%d %H:%M}"),
    )


def _gaps(connection: DuckDBPyConnection, period: Period, each: Windows) -> Iterator[_Span]:
    """Yield the time that no export of a series covers, by the clocks of its windows' zones."""
    spans = connection.execute(
        "SELECT date_from + to_seconds(coalesce(offset_s, 0)),"
        " date_to + to_seconds(coalesce(offset_s, 0)) FROM exports"
        " WHERE platform = ? AND endpoint = ? AND owner = ? AND filters = ?"
        " AND NOT superseded AND problem = '' AND date_from IS NOT NULL ORDER BY 1, 2",
        [each.platform, each.endpoint, each.owner, each.filters],
    ).fetchall()
    covered = period.start
    for start, end in [*(_Span(*span) for span in spans), _Span(period.end, period.end)]:
        if start > covered and covered < period.end:
            yield _Span(covered, min(start, period.end))
        covered = max(covered, end)


def _name(gap: _Span) -> str:
    midnight = all(instant.astimezone(UTC).hour == 0 for instant in gap)
    if midnight and gap.end - gap.start >= timedelta(days=1):
        return days(gap.start.date(), (gap.end - timedelta(days=1)).date())
    return f"{gap.start.astimezone(UTC):%Y-%m-%d %H:%M} to {gap.end.astimezone(UTC):%Y-%m-%d %H:%M}"
