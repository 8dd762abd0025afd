"""Searches: terms, what is typed before a term is complete, typing errors, and clicks."""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.simulator import site, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from airflow_provider_docsanalytics.simulator.site import Story
    from airflow_provider_docsanalytics.simulator.topics import Topic

_TYPING_MS = 700


class Search(NamedTuple):
    """A search for a term, and the page that was opened, if any."""

    instant_ms: int
    term: str
    page: int | None


def make_searches(times: Sequence[int], story: Story, pages: int, rng: Random) -> Iterator[Search]:
    """Yield one search for each of the ascending times, at that time or earlier.

    Who types "webhooks" can search for "web" and "webho", too, a moment before.
    """
    number = 0
    while number < len(times):
        start_ms = times[number]
        is_about_release = start_ms >= story.release_ms and rng.random() < 0.12
        topic = site.RELEASE_TOPIC if is_about_release else rng.choice(site.DECK)
        term, clicks = _term(rng, topic)
        page = _clicked(rng, topic, pages) if rng.random() < clicks else None
        terms = [*_prefixes(rng, term), term][number - len(times) :]
        for typed, text in enumerate(terms):
            instant_ms = min(times[number], start_ms + typed * _TYPING_MS)
            yield Search(instant_ms, text, page if text is term else None)
            number += 1


def _term(rng: Random, topic: Topic) -> tuple[str, float]:
    """Return a term, and the part of its searches that leads to a page."""
    terms = topic.searches
    term = terms[int(len(terms) * rng.random() ** 1.6)]
    kind = rng.random()
    if topic.category is None:
        return term, 0
    if kind < 0.05 and len(term) > 4:
        at = rng.randrange(1, len(term) - 2)
        return f"{term[:at]}{term[at + 1]}{term[at]}{term[at + 2 :]}", 0.15
    if kind > 0.985:
        return term + rng.choice(values.AWKWARD), 0.5
    return term, 0.7


def _prefixes(rng: Random, term: str) -> list[str]:
    """Return what the person has typed each time that they paused within a word."""
    pauses = max(0, int(7 * rng.random()) - 3) if len(term) > 4 else 0
    lengths = {3 + 2 * int((len(term) - 3) / 2 * rng.random()) for _ in range(pauses)}
    return [term[:length] for length in sorted(lengths) if " " not in term[length - 1 : length + 1]]


def _clicked(rng: Random, topic: Topic, pages: int) -> int:
    if rng.random() < 0.8:
        return site.page_of(topic, pages)
    return site.choose_page(rng, pages)
