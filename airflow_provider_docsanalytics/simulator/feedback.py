"""Feedback: each entry is about a view, and fits its page."""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import site, values, words
from airflow_provider_docsanalytics.simulator.questions import awkward
from airflow_provider_docsanalytics.simulator.values import DAY_MS, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from airflow_provider_docsanalytics.simulator.views import View

SOURCES = ("code_snippet", "contextual", "agent", "thumbs_only")
STATUSES = ("pending", "in_progress", "resolved", "dismissed")

_HELPFUL = 0.78
_HELPFUL_ON = {site.BAD_PAGE: 0.12, site.RELEASE_TOPIC.page: 0.4}


class Feedback(NamedTuple):
    """One entry. ``createdAt`` of its row is its time or null, and ``path`` can be a URL."""

    instant_ms: int
    path: str
    row: dict[str, Any]


def make_feedback(views: Sequence[View], count: int, salt: int, rng: Random) -> Iterator[Feedback]:
    """Yield entries, at most one for each view, and on the day of the view."""
    for number in range(count):
        first, end = (len(views) * each // count for each in (number, number + 1))
        view = rng.choices(views[first:end], [_chance(view) for view in views[first:end]])[0]
        day_end_ms = view.instant_ms - view.instant_ms % DAY_MS + DAY_MS
        instant_ms = min(view.instant_ms + rng.randrange(5_000, 240_000), day_end_ms - 1)
        row = {
            "id": values.make_ulid(instant_ms, salt, number),
            **_row(rng, number, view),
            "createdAt": None if number % 50 == 7 else iso(instant_ms),
        }
        yield Feedback(instant_ms, site.page_path(view.page), row)


def _chance(view: View) -> float:
    """Return how likely the reader is to say something, compared with others."""
    return (0.3 if view.is_ai else 1) * (4 if site.page_path(view.page) in _HELPFUL_ON else 1)


def _row(rng: Random, number: int, view: View) -> dict[str, Any]:
    path, title = site.page_path(view.page), site.page_title(view.page)
    source = "agent" if view.is_ai else rng.choices(SOURCES, (18, 60, 0, 22))[0]
    is_helpful = rng.random() < _HELPFUL_ON.get(path, _HELPFUL)
    comment = _comment(rng, source, path, is_helpful=is_helpful)
    if comment is not None:
        comment = site.fill(rng, comment, title) + awkward(number)
    row: dict[str, Any] = {
        "path": site.page_url(view.page) if view.is_ai else path,
        "comment": comment,
        "createdAt": None,
        "source": source,
        "status": rng.choices(STATUSES, (50, 15, 25, 10))[0],
    }
    if source == "contextual":
        contact = f"{rng.choice(words.READERS)}@example.com"
        row |= {"helpful": is_helpful, "contact": contact if rng.random() < 0.3 else None}
    elif source == "code_snippet":
        filename, lang, code = rng.choice(words.CODE)
        code = f"{code.format(number=number)}\n{values.AWKWARD[number % len(values.AWKWARD)]}"
        row |= {"code": code, "filename": filename, "lang": lang}
    return row


def _comment(rng: Random, source: str, path: str, *, is_helpful: bool) -> str | None:
    if source == "agent":
        return rng.choice(words.AGENT_COMPLAINTS)
    if source == "thumbs_only" or rng.random() < (0.6 if is_helpful else 0.2):
        return None
    if source == "code_snippet":
        return rng.choice(words.CODE_COMPLAINTS)
    if is_helpful:
        return rng.choice(words.PRAISE)
    return rng.choice(words.PAGE_COMPLAINTS.get(path, words.COMPLAINTS))
