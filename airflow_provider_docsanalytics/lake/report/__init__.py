"""The report: one HTML page about one period of a lake, for the people who write the pages."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.connection import connect
from airflow_provider_docsanalytics.lake.finding import printable
from airflow_provider_docsanalytics.lake.report.completeness import completeness, is_incomplete
from airflow_provider_docsanalytics.lake.report.facts import Facts, period_of
from airflow_provider_docsanalytics.lake.report.noise import FEWEST_DAYS, LEVEL, SMALL
from airflow_provider_docsanalytics.lake.report.page import Page, render
from airflow_provider_docsanalytics.lake.report.reader_text import ReaderText
from airflow_provider_docsanalytics.lake.report.sections import Sections
from airflow_provider_docsanalytics.lake.report.summary import Periods, summary
from airflow_provider_docsanalytics.lake.report.wording import counted, days, percent
from airflow_provider_docsanalytics.window import iso_ms

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.report.facts import Period
    from airflow_provider_docsanalytics.window import DateWindow


class Report(NamedTuple):
    """A page, and what is in it.

    Attributes:
        html: the page, in UTF-8.
        date_from: the first instant of its period, ISO 8601; ``None`` if the lake has no exports.
        date_to: the first instant after it.
        questions: asked in the period.
        unanswered: of them.
        redacted: how many e-mail addresses, keys and numbers were taken out of readers' texts.
        complete: whether every export of the period is there.
    """

    html: bytes
    date_from: str | None
    date_to: str | None
    questions: int
    unanswered: int
    redacted: int
    complete: bool


def make_report(files: LakeFiles, window: DateWindow | None = None, base_url: str = "") -> Report:
    """Return the page about a lake: the same bytes for the same lake and period.

    Args:
        files: the lake.
        window: the period; it is compared with the one before it, of the same length. Default: the
            last week, Monday to Sunday, that the lake covers.
        base_url: as :func:`.parameters.site_url` returns it; without it, pages are not linked.

    Raises:
        ConfigError: there is no lake, or a package of the extra ``[lake]`` is missing.
        StorageError: the storage failed.
    """
    if find_spec("leather") is None:
        raise ConfigError(
            "The charts of a report need the package leather.\n"
            "Run pip install 'airflow-provider-docsanalytics[lake]'."
        )
    with connect(files, base_url, in_memory=True) as connection:
        period = period_of(window, connection)
        if period is None:
            return Report(render(_empty(files)), None, None, 0, 0, 0, complete=False)
        before = Facts(connection, period.before)
        now = Facts(connection, period)
        text = ReaderText()
        periods = Periods(now, before)
        sections = [
            *Sections(periods, base_url, text).all(),
            completeness(connection, now, text),
        ]
        page = Page(
            title=_title(period),
            period=_compared(period),
            notices=(_INCOMPLETE,) if is_incomplete(now) else (),
            summary=summary(periods),
            sections=tuple(sections),
            rule=_RULE,
            end=(_private(text), _from(files, now)),
        )
    answered = now.answered.total
    return Report(
        render(page),
        iso_ms(period.start),
        iso_ms(period.end),
        now.asked.total,
        answered.whole - answered.part,
        text.redacted,
        complete=not is_incomplete(now),
    )


def _title(period: Period) -> str:
    return f"Documentation report, {days(period.days[0], period.days[-1])}"


def _compared(period: Period) -> str:
    before = period.before.days
    return (
        f"{counted(len(period.days), 'day')}, compared with the period before: "
        f"{days(before[0], before[-1])}."
    )


def _private(text: ReaderText) -> str:
    if not text.redacted:
        return "No e-mail address, key or phone number was found in what readers wrote."
    found = counted(text.redacted, "e-mail address, key or number", "addresses, keys and numbers")
    return f"Redacted in what readers wrote: {found}."


def _from(files: LakeFiles, facts: Facts) -> str:
    last = max((each.last_export for each in facts.completeness), default=None)
    finished = f", whose last export finished at {iso_ms(last)}" if last else ""
    return f"Made from {_place(files)}{finished}."


def _place(files: LakeFiles) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "", printable(files.uri))


def _empty(files: LakeFiles) -> Page:
    return Page(
        title="Documentation report",
        period="",
        notices=(
            f"{_place(files)} holds no exports that can be read, so there is nothing to report.",
        ),
        summary=(),
        sections=(),
        rule=(),
        end=(),
    )


_INCOMPLETE = "Exports of this period are missing. The end of the page says which."
_RULE = (
    (
        f"A difference is a change (“up”, “down”) only if two tests at {percent(LEVEL)} agree: by "
        "number (two Poisson rates by their conditional test, shares by Fisher's exact test) and "
        "by day (a paired t-test of each day against the same day of the period before). So chance "
        f"alone makes at most {percent(LEVEL)} of the comparisons a change. If numbers differ and "
        "most days do not, a day that stands out from the others is named, by a test at the same "
        "level. All else is noise."
    ),
    (
        f"Fewer than {SMALL} events, or shares of fewer than {FEWEST_DAYS} days, are called small "
        "and are not compared, nor are periods in which a day has no export of its own."
    ),
)
