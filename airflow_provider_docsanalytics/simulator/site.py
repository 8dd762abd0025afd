"""The site that the simulator plays, what happens on it, and when.

It is the documentation of an invented service. :data:`BAD_PAGE` is read much and rated badly. In
the second half of the range, a release makes people ask about :data:`RELEASE_TOPIC`, and later the
assistant answers nothing for some hours: :func:`make_story` says when.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.simulator import topics, words
from airflow_provider_docsanalytics.simulator.values import DAY_MS, Window, as_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from airflow_provider_docsanalytics.simulator.topics import Topic

SITE = "https://docs.example.com"
BAD_PAGE = topics.SIGNATURES.page
RELEASE_TOPIC = topics.MIGRATION
WRITTEN_PAGES = len(words.PAGES)
DECK = [topic for topic in topics.TOPICS for _ in range(topic.weight)]
"""Each topic as often as its weight says."""

NUMBERS = {path: number for number, (path, _) in enumerate(words.PAGES)}
_REFERENCE_PAGES = len(words.RESOURCES) * len(words.OPERATIONS)
_FIRST_EDITION = 2025 * 4 + 3  # a quarter
_HOUR_MS = 3_600_000
_SATURDAY = 5
_OUTAGE_FROM_H, _OUTAGE_TO_H = 9, 15
_TRAFFIC_BY_WEEKDAY = (1.0, 1.1, 1.1, 1.05, 0.9, 0.42, 0.38)
_TRAFFIC_BY_HOUR = (
    *(0.3, 0.25, 0.2, 0.2, 0.25, 0.4, 0.7, 1.1, 1.5, 1.7, 1.7, 1.5),
    *(1.4, 1.6, 1.8, 1.8, 1.6, 1.3, 1.0, 0.8, 0.7, 0.6, 0.5, 0.4),
)
_JITTER = 0.9  # of the gap between two events, so that no two share a millisecond


class Story(NamedTuple):
    """What happens in the range of a data set: a release, at midnight UTC, and an outage."""

    release_ms: int
    outage: Window


def make_story(window: Window) -> Story:
    """Return the days of the release and of the outage.

    Any range of 14 days has both. A range of a few days can end before either.
    """
    start_ms, end_ms = window
    release_ms = _working_day(start_ms + (end_ms - start_ms) // 2)
    outage_ms = _working_day(start_ms + (end_ms - start_ms) * 5 // 7)
    hours = Window(outage_ms + _OUTAGE_FROM_H * _HOUR_MS, outage_ms + _OUTAGE_TO_H * _HOUR_MS)
    return Story(release_ms, hours)


def _working_day(instant_ms: int) -> int:
    """Return the first midnight from the instant on that starts a Monday to Friday."""
    day_ms = -(-instant_ms // DAY_MS) * DAY_MS
    while as_datetime(day_ms).weekday() >= _SATURDAY:
        day_ms += DAY_MS
    return day_ms


def make_times(
    window: Window, count: int, rng: Random, *, more_from_ms: int | None = None
) -> Iterator[int]:
    """Yield ascending instants, most of them in the office hours of working days.

    They are spread evenly over a range of less than a day. From ``more_from_ms`` on there are a
    quarter more.
    """
    hours = [
        (hour, weight * (1.25 if more_from_ms is not None and hour.start_ms >= more_from_ms else 1))
        for hour, weight in _hours(window, rng)
    ]
    total = sum(weight for _, weight in hours)
    made, sum_so_far = 0, 0.0
    for (start_ms, end_ms), weight in hours:
        sum_so_far += weight
        here = round(count * sum_so_far / total) - made
        step = (end_ms - start_ms) / max(1, here)
        for number in range(here):
            yield start_ms + int((number + _JITTER * rng.random()) * step)
        made += here


def _hours(window: Window, rng: Random) -> Iterator[tuple[Window, float]]:
    """Yield the hours of the range, and how much of the traffic each has."""
    start_ms, end_ms = window
    if end_ms - start_ms < DAY_MS:
        yield window, 1
        return
    weights: list[float] = []
    while start_ms < end_ms:
        hour = start_ms % DAY_MS // _HOUR_MS
        if not weights or hour == 0:
            of_day = _TRAFFIC_BY_WEEKDAY[as_datetime(start_ms).weekday()] * rng.uniform(0.9, 1.1)
            weights = [of_day * of_hour for of_hour in _TRAFFIC_BY_HOUR]
        next_ms = min(end_ms, start_ms - start_ms % _HOUR_MS + _HOUR_MS)
        yield Window(start_ms, next_ms), weights[hour] * (next_ms - start_ms) / _HOUR_MS
        start_ms = next_ms


def page_of(topic: Topic, pages: int) -> int:
    """Return the page about a topic, on a site that has this many pages."""
    return NUMBERS[topic.page] % pages


def choose_page(rng: Random, pages: int, *, is_ai: bool = False) -> int:
    """Return one of the pages. Machines read the reference most, also its old editions."""
    written = min(WRITTEN_PAGES, pages)
    reference, spread = (0.7, 1.2) if is_ai else (0.22, 3)
    if pages > written and rng.random() < reference:
        return written + int((pages - written) * rng.random() ** spread)
    return int(written * rng.random() ** 1.6)


@lru_cache(maxsize=4096)
def page_path(page: int) -> str:
    """Return the path of a page; page 0 is the home page, and no two have the same."""
    if page < WRITTEN_PAGES:
        return words.PAGES[page][0]
    operation, resource, edition = _reference(page)
    return f"{f'/{edition}' if edition else ''}/api-reference/{resource}/{operation}"


def page_url(page: int) -> str:
    """Return the URL of a page."""
    return SITE + page_path(page)


@lru_cache(maxsize=4096)
def page_title(page: int) -> str:
    """Return the title of a page."""
    if page < WRITTEN_PAGES:
        return words.PAGES[page][1]
    operation, resource, edition = _reference(page)
    return f"{operation.capitalize()} {resource.replace('-', ' ')} {edition}".rstrip()


def _reference(page: int) -> tuple[str, str, str]:
    """Return operation, resource and edition; older ones have the name of their quarter."""
    age, number = divmod(page - WRITTEN_PAGES, _REFERENCE_PAGES)
    resource, operation = divmod(number, len(words.OPERATIONS))
    year, quarter = divmod(_FIRST_EDITION - (age - 1), 4)
    edition = f"{year}-{3 * quarter + 1:02d}" if age else ""
    return words.OPERATIONS[operation], words.RESOURCES[resource], edition


def fill(rng: Random, text: str, title: str = "") -> str:
    """Return the text with its placeholders filled in."""
    if "{" not in text:
        return text
    number = rng.randrange(60)
    names = {name: choices[number % len(choices)] for name, choices in words.FILLERS.items()}
    return text.format(**names, title=title)
