"""Random schedules of faults: several kinds, several attempts, in every order; then calm."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tests.reliability.disturbed import DATA, KINDS, Disturbed, summarize
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator
    from tests.reliability.summary import Case

SCHEDULES = 150
"""Of each way to page."""
_THREADS = 2
_FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": "status", "status": status} for status in (400, 401, 403, 414, 429)),
    *({"kind": "status", "status": status} for status in (500, 502, 503, 504)),
    {"kind": "status", "status": 429, "headers": {"Retry-After": "3"}},
    {"kind": "status", "status": 503, "headers": {"Retry-After": "Mon, 99 Foo"}},
    {"kind": "status", "status": 302, "headers": {"Location": "https://elsewhere.invalid/"}},
    {"kind": "html"},
    {"kind": "body", "body": "[]"},
    {"kind": "body", "body": ""},
    {"kind": "truncated_json"},
    {"kind": "invalid_utf8"},
    {"kind": "short_body"},
    {"kind": "reset_before_headers"},
    {"kind": "reset_in_body"},
    {"kind": "hang", "seconds": 60},
    {"kind": "delay", "seconds": 0.01},
    {"kind": "content_type", "content_type": "text/plain"},
)
_BY_CURSOR: tuple[dict[str, Any], ...] = (
    {"kind": "repeat_cursor"},
    {"kind": "cursor_loop", "back": 2},
    {"kind": "cursor_loop", "back": 3},
    {"kind": "duplicate_page"},
    {"kind": "empty_page"},
)
_OF = {
    "conversations": _BY_CURSOR,
    "searches": _BY_CURSOR,
    "views": ({"kind": "ignored_offset"}, {"kind": "empty_page"}),
    "feedback_by_page": ({"kind": "numbers_as_text"},),
}


def schedules(count: int) -> Iterator[Case]:
    """Yield a case for each way to page, each of so many schedules."""
    with ThreadPoolExecutor(_THREADS) as threads:
        for endpoint, how in KINDS.items():
            shares = [range(first, count, _THREADS) for first in range(_THREADS)]
            done = threads.map(_share, [endpoint] * _THREADS, shares)
            yield summarize(
                f"random faults, {how} ({endpoint})", [run for runs in done for run in runs]
            )


def _share(endpoint: str, seeds: range) -> list[Disturbed]:
    with OddSimulator(DATA) as service:
        return [_schedule(service, endpoint, seed) for seed in seeds]


def _schedule(service: Simulator, endpoint: str, seed: int) -> Disturbed:
    """Make some attempts, each under some faults, and one without."""
    random = Random(f"{endpoint} {seed}")  # noqa: S311 - repeatable, not secret
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, endpoint, Path(directory), pages_per_file=random.choice((1, 2, 9)))
        for _ in range(random.randint(1, 4)):
            service.clear_faults()
            service.add_faults(_some_faults(random, endpoint))
            attempts = random.choice((1, 2, 5))
            if run.attempt(timeout_s=0.25, max_attempts=attempts) is None:
                run.check()
                break
        else:
            service.clear_faults()
            run.must_complete()
        run.broken = [f"schedule {seed}: {broken}" for broken in run.broken]
        return run


def _some_faults(random: Random, endpoint: str) -> list[dict[str, Any]]:
    known = _FAULTS + _OF.get(endpoint, ())
    return [
        {
            **random.choice(known),
            "match": {"nth": random.randint(1, 9)},
            "times": random.choice((1, 1, 2, 3, None)),
        }
        for _ in range(random.randint(1, 4))
    ]
