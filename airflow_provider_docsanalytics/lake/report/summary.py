"""What changed since the period before, in a few sentences with figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.lake.report.noise import (
    Comparison,
    Share,
    compare_counts,
    compare_shares,
)
from airflow_provider_docsanalytics.lake.report.wording import (
    Compared,
    change_of_count,
    change_of_share,
    counted,
    part_of,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.lake.report.facts import Daily, Facts

_MOST = 5
_NOTHING_BEFORE = "nothing to compare with, because the period before has no exports"


class Periods(NamedTuple):
    """The period of a report, and the one before."""

    now: Facts
    before: Facts


def summary(periods: Periods) -> tuple[str, ...]:
    """Return at most five sentences, on what the lake has exports of in the period."""
    sayings: tuple[tuple[Callable[[Periods], str], tuple[str, ...]], ...] = (
        (questions, ("conversations", "caller_stats")),
        (answered, ("conversations",)),
        (clicks, ("searches",)),
        (views, ("views",)),
        (votes, ("feedback_by_page", "feedback")),
        (calls, ("dashboard",)),
    )
    said = [say(periods) for say, endpoints in sayings if periods.now.has(*endpoints)]
    return tuple(said[:_MOST])


def questions(periods: Periods) -> str:
    """Return how many questions were asked."""
    changed = _count_change(periods, lambda facts: facts.asked, "conversations", "caller_stats")
    return f"Readers asked the assistant {counted(periods.now.asked.total, 'question')}; {changed}."


def answered(periods: Periods) -> str:
    """Return the answered rate, and what is new among the rest."""
    rate = periods.now.answered.total
    if not rate.whole:
        return "No question of this period says whether it was answered."
    changed = _share_change(periods, lambda facts: facts.answered, "conversations")
    topics = [each for each in periods.now.questions if each.unanswered]
    asked = counted(len(topics), "topic")
    known = [each.is_new for each in topics if each.is_new is not None]
    if not known:
        has = "has" if len(topics) == 1 else "have"
        found = f"{asked} {has} unanswered questions."
    else:
        was = "was" if sum(known) == 1 else "were"
        found = (
            f"Of {asked} with unanswered questions, {sum(known):,} {was} never asked about before."
        )
    return f"The assistant answered {part_of(rate)}; {changed}. {found}"


def clicks(periods: Periods) -> str:
    """Return how many searches led to a click."""
    rate = periods.now.clicked.total
    if not rate.whole:
        return "Nobody searched."
    changed = _share_change(periods, lambda facts: facts.clicked, "searches")
    searches = counted(rate.whole, "search", "searches")
    return f"{rate.part:,} of {searches} led to a click ({percent(rate.value)}); {changed}."


def views(periods: Periods) -> str:
    """Return how many views people have made, and AI."""
    now, before = periods
    if len({*now.definitions.values(), *before.definitions.values()}) > 1:
        changed = "not compared, because the service changed what counts as AI"
    else:
        changed = _count_change(periods, lambda facts: facts.human, "views")
    human, ai = counted(now.human.total, "time"), counted(now.ai.total, "time")
    return f"People viewed pages {human}; {changed}. AI viewed them {ai}."


def votes(periods: Periods) -> str:
    """Return how many votes say that a page did not help."""
    rate = periods.now.unhelpful.total
    if not rate.whole:
        return "Nobody voted on a page."
    changed = _share_change(periods, lambda facts: facts.unhelpful, "votes")
    return (
        f"{rate.part:,} of {counted(rate.whole, 'vote')} say that a page did not help "
        f"({percent(rate.value)}); {changed}."
    )


def calls(periods: Periods) -> str:
    """Return how many calls the voice assistants took."""
    changed = _count_change(periods, lambda facts: facts.called, "dashboard")
    return f"Voice assistants took {counted(periods.now.called.total, 'call')}; {changed}."


def _count_change(periods: Periods, number: Callable[[Facts], Daily[int]], *endpoints: str) -> str:
    before, now = number(periods.before), number(periods.now)
    compared = _compared(periods, compare_counts(before.days, now.days), endpoints)
    return change_of_count(before.total, now.total, compared) if compared else _NOTHING_BEFORE


def _share_change(periods: Periods, rate: Callable[[Facts], Daily[Share]], endpoint: str) -> str:
    before, now = rate(periods.before), rate(periods.now)
    compared = _compared(periods, compare_shares(before.days, now.days), (endpoint,))
    return change_of_share(before.total, now.total, compared) if compared else _NOTHING_BEFORE


def _compared(periods: Periods, found: Comparison, endpoints: tuple[str, ...]) -> Compared | None:
    """Return what was found, ``None`` if there is nothing before.

    If one of the periods has projects that the other has not, that is nothing.
    """
    if not periods.before.has(*endpoints):
        return None
    if not periods.now.is_like(periods.before, *endpoints):
        return Compared("unknown", None)
    day = None if found.day is None else periods.now.period.days[found.day]
    return Compared(found.verdict, day)
