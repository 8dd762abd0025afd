"""Views of pages: of people and of machines."""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.simulator import site

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from airflow_provider_docsanalytics.simulator.site import Story


class View(NamedTuple):
    """A view of a page by a visitor, human or AI."""

    instant_ms: int
    page: int
    visitor: int
    is_ai: bool


def make_views(times: Sequence[int], story: Story, pages: int, rng: Random) -> Iterator[View]:
    """Yield one view for each time. Every fourth visitor is an AI, and a few count as both."""
    news = site.page_of(site.RELEASE_TOPIC, pages)
    for instant_ms in times:
        visitor = rng.randrange(len(times) // 5 + 1)
        is_ai = (visitor % 4 == 0) != (rng.random() < 0.03)
        if instant_ms >= story.release_ms and rng.random() < 0.06:
            page = news
        else:
            page = site.choose_page(rng, pages, is_ai=is_ai)
        yield View(instant_ms, page, visitor, is_ai)
