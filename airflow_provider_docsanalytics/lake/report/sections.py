"""The sections of the page, each from the rows of one or two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.lake.report import charts
from airflow_provider_docsanalytics.lake.report.noise import SMALL, Share
from airflow_provider_docsanalytics.lake.report.page import NOTHING, Cell, Section, Table
from airflow_provider_docsanalytics.lake.report.reader_text import ReaderText, link
from airflow_provider_docsanalytics.lake.report.summary import Periods, calls
from airflow_provider_docsanalytics.lake.report.wording import counted, percent, weekday

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from airflow_provider_docsanalytics.lake.report.facts import PageQuality

_MOST_ROWS = 15
_MOST_BARS = 8
_FEW_VOTES = 10
_LONGEST_BAR = 34
_DEFINITIONS = {1: "12 Jun 2026", 2: "31 Jul 2026"}
"""Since when the service counts AI by a definition; see ``human_and_ai_views``."""
_CALLERS = ("web", "api", "other")


class Sections:
    """Builds the sections of one page.

    Args:
        periods: the facts.
        base_url: where the site is, ``""`` if that is not known: then nothing is linked.
        text: prepares what readers wrote.
    """

    def __init__(self, periods: Periods, base_url: str, text: ReaderText) -> None:
        self._periods = periods
        self._now, self._before = periods
        self._base_url = base_url
        self._text = text

    def all(self) -> Iterator[Section]:
        """Yield the sections, from top to bottom."""
        yield self._answered_rate()
        yield self._unanswered()
        yield self._searches()
        yield self._worst_pages()
        yield self._views()
        yield self._callers()
        if self._now.has("dashboard", "calls_by_assistant", "calls_by_service"):
            yield self._calls()

    def _answered_rate(self) -> Section:
        heading = "Answered questions"
        if not self._now.has("conversations"):
            return _absent(heading, "conversations")
        repeated = sum(each.repeated for each in self._now.questions)
        again = (
            f"{counted(repeated, 'question')} that {'counts' if repeated == 1 else 'count'} as "
            "answered had to be asked again on the same page within 10 minutes: the rate flatters."
        )
        rates = [*self._before.answered.days, *self._now.answered.days]
        asked = [*self._before.asked.days, *self._now.asked.days]
        unanswered = [each.whole - each.part if each else None for each in rates]
        rows = [
            (
                Cell(weekday(when)),
                _number(number),
                _number(share.part if share else None),
                Cell(percent(share.value) if share and share.whole else NOTHING),
            )
            for when, number, share in zip(self._days, asked, rates, strict=True)
        ]
        return Section(
            heading,
            (again,) if repeated else (),
            self._by_day(
                "Questions and unanswered questions by day",
                charts.Line("questions", charts.BLUE, asked),
                charts.Line("unanswered", charts.ORANGE, unanswered),
            ),
            (
                Table(
                    "Questions by day",
                    ("Day", "Questions#", "Answered#", "Rate#"),
                    tuple(rows),
                    folded=True,
                ),
            ),
        )

    def _unanswered(self) -> Section:
        heading = "Unanswered questions"
        if not self._now.has("conversations"):
            return _absent(heading, "conversations")
        groups = self._now.questions
        if not groups:
            return Section(heading, ("No question stayed unanswered.",))
        rows = [
            (
                self._page(each.page),
                Cell(self._text.line(each.category or NOTHING)),
                Cell(self._text.line(each.question or NOTHING), note="new" if each.is_new else ""),
                _number(each.asked),
                _number(each.unanswered),
                _number(each.repeated),
            )
            for each in groups[:_MOST_ROWS]
        ]
        table = Table(
            "By page and category, the latest question of each",
            ("Page", "Category", "Question", "Asked#", "Unanswered#", "Asked again#"),
            tuple(rows),
            _more(len(groups), "unanswered_questions"),
        )
        return Section(heading, (_SMALL_COUNTS,), self._bars(), (table,))

    def _bars(self) -> str:
        """Return the pages with the most unanswered questions."""
        by_page: dict[str, int] = {}
        for each in self._now.questions:
            if not each.page:
                continue
            name = self._text.page(each.page)
            name = name if len(name) <= _LONGEST_BAR else f"{name[: _LONGEST_BAR - 1]}…"
            by_page[name] = by_page.get(name, 0) + each.unanswered
        most = sorted(by_page.items(), key=lambda each: (-each[1], each[0]))[:_MOST_BARS]
        most = [each for each in most if each[1]]
        if len(most) < 2:  # noqa: PLR2004 - one bar says nothing
            return ""
        return charts.bars("Unanswered questions by page", most, charts.ORANGE)

    def _searches(self) -> Section:
        heading = "Searches without a click"
        if not self._now.has("searches"):
            return _absent(heading, "searches")
        terms = self._now.searches
        if not terms:
            return Section(heading, ("Every search led to a click.",))
        rows = [
            (
                Cell(self._text.line(each.query), note="" if each.previous_hits != 0 else "new"),
                _number(each.hits),
                _number(each.previous_hits),
            )
            for each in terms[:_MOST_ROWS]
        ]
        table = Table(
            "Terms after which nobody clicked a result",
            ("Term", "Searches#", "Period before#"),
            tuple(rows),
            _more(len(terms), "searches_without_click"),
        )
        folded = sum(each.prefixes for each in terms)
        typed = (
            "What people typed on the way to a longer term is left out: "
            f"{counted(folded, 'beginning of a term', 'beginnings of terms')}."
        )
        return Section(heading, (typed,) if folded else (), tables=(table,))

    def _worst_pages(self) -> Section:
        heading = "Pages rated badly"
        if not self._now.has("feedback_by_page", "feedback"):
            return _absent(heading, "feedback")
        rated = [each for each in self._now.pages if each.unhelpful]
        rated.sort(key=lambda each: (-_unhelpful(each).least, -each.human_views, each.page))
        if not rated:
            return Section(heading, ("No vote says that a page did not help.",))
        rows = [
            (
                self._page(each.page),
                _number(each.human_views if self._now.has("views") else None),
                _number(each.helpful),
                _number(each.unhelpful),
                Cell(
                    percent(_unhelpful(each).value),
                    note="few votes" if _unhelpful(each).whole < _FEW_VOTES else "",
                ),
            )
            for each in rated[:_MOST_ROWS]
        ]
        table = Table(
            "Pages with votes that they did not help",
            ("Page", "Views of people#", "Helpful#", "Unhelpful#", "Share#"),
            tuple(rows),
            _more(len(rated), "page_quality"),
        )
        order = (
            "In the order of the share that is nearly certain (the lower end of Wilson's interval "
            "of 95 %), so that 1 of 1 vote does not win."
        )
        return Section(heading, (order,), tables=(table,))

    def _views(self) -> Section:
        heading = "Views of people and AI"
        if not self._now.has("views"):
            return _absent(heading, "views")
        human = [*self._before.human.days, *self._now.human.days]
        ai = [*self._before.ai.days, *self._now.ai.days]
        definitions = self._before.definitions | self._now.definitions
        known = [definitions.get(when) for when in self._days]
        breaks = _breaks(known)
        changes = [
            when
            for definition, when in _DEFINITIONS.items()
            if breaks and min(definitions.values()) < definition <= max(definitions.values())
        ]
        notes = tuple(
            f"On {when} the service changed what it counts as AI: no line is drawn across, and "
            "nothing is compared."
            for when in changes
        )
        rows = [
            (Cell(weekday(when)), _number(people), _number(machines))
            for when, people, machines in zip(self._days, human, ai, strict=True)
        ]
        chart = self._by_day(
            "Views of people and of AI by day",
            charts.Line("people", charts.BLUE, human),
            charts.Line("AI", charts.GREEN, ai),
            breaks=breaks,
        )
        table = Table("Views by day", ("Day", "People#", "AI#"), tuple(rows), folded=True)
        return Section(heading, notes, chart, (table,))

    def _callers(self) -> Section:
        heading = "Who asks the assistant"
        if not self._now.has("caller_stats"):
            return _absent(heading, "caller_stats")
        asked = {
            caller: [
                sum(row.questions for row in facts.usage if row.caller == caller)
                for facts in self._periods
            ]
            for caller in _CALLERS
        }
        now_all = sum(now for now, _ in asked.values())
        has_before = self._before.has("caller_stats")
        rows = tuple(
            (
                Cell(caller),
                _number(now),
                Cell(percent(now / now_all) if now_all else NOTHING),
                _number(before if has_before else None),
            )
            for caller, (now, before) in asked.items()
        )
        table = Table(
            "Questions by caller", ("Caller", "Questions#", "Share#", "Period before#"), rows
        )
        small = (f"Fewer than {SMALL} questions: a small number.",) if now_all < SMALL else ()
        return Section(heading, small, tables=(table,))

    def _calls(self) -> Section:
        tables = [
            Table(
                f"Calls by {name}",
                (name.capitalize(), "Calls#", "Minutes#", "Calls in the period before#"),
                tuple(self._call_rows(name)),
            )
            for name in ("assistant", "service")
            if self._now.has(f"calls_by_{name}")
        ]
        cost = sum(each.cost or 0 for each in self._now.calls)
        costs = f"Models cost an estimated {cost:,.2f} USD."
        return Section(
            "Voice calls",
            (
                *((calls(self._periods),) if self._now.has("dashboard") else ()),
                *((costs,) if cost else ()),
            ),
            self._by_day("Calls by day", charts.Line("calls", charts.BLUE, self._called)),
            tuple(tables),
        )

    @property
    def _called(self) -> list[int | None]:
        return [*self._before.called.days, *self._now.called.days]

    def _call_rows(self, name: str) -> Iterator[tuple[Cell, ...]]:
        """Yield a row for each assistant or service."""
        now: dict[str, tuple[int, float]] = {}
        before: dict[str, int] = {}
        for each in self._now.calls:
            if (who := getattr(each, name)) is not None:
                number, minutes = now.get(who, (0, 0.0))
                now[who] = number + (each.calls or 0), minutes + (each.minutes or 0)
        for each in self._before.calls:
            if (who := getattr(each, name)) is not None:
                before[who] = before.get(who, 0) + (each.calls or 0)
        has_before = self._before.has(f"calls_by_{name}")
        for who in sorted(now, key=lambda who: (-now[who][0], who))[:_MOST_ROWS]:
            yield (
                Cell(self._text.line(who)),
                _number(now[who][0]),
                Cell(f"{now[who][1]:,.0f}"),
                _number(before.get(who, 0) if has_before else None),
            )

    @property
    def _days(self) -> list[date]:
        return [*self._before.period.days, *self._now.period.days]

    def _by_day(self, title: str, *lines: charts.Line, breaks: Sequence[int] = ()) -> str:
        """Return a chart of both periods, ``""`` if it would show one value or none."""
        if sum(value is not None for value in lines[0].values) < 2:  # noqa: PLR2004 - no line
            return ""
        return charts.by_day(title, self._days, lines, breaks)

    def _page(self, key: str | None) -> Cell:
        if not key:
            return Cell("no page")
        text = self._text.page(key)
        return Cell(text, link(self._base_url, key) if text == key else "")


_SMALL_COUNTS = (
    "A row is a topic: what was asked on one page in one category. Most have few questions: read "
    "them one by one, they are no statistics."
)


def _absent(heading: str, endpoint: str) -> Section:
    return Section(heading, (f"The lake has no exports of {endpoint} in this period.",))


def _unhelpful(each: PageQuality) -> Share:
    return Share(each.unhelpful, each.helpful + each.unhelpful)


def _number(number: int | None) -> Cell:
    return Cell(NOTHING if number is None else f"{number:,}")


def _more(number: int, model: str) -> str:
    left = number - _MOST_ROWS
    return f"{left:,} more: docsanalytics sql {model}" if left > 0 else ""


def _breaks(definitions: Iterable[int | None]) -> list[int]:
    """Return the places before which the definition changes; days without one are passed over."""
    breaks, last = [], None
    for place, definition in enumerate(definitions):
        if definition is not None:
            if last is not None and definition != last:
                breaks.append(place)
            last = definition
    return breaks
