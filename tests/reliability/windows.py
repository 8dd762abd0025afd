"""Windows too wide for the service: halved where that is exact, refused by name where it is not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import RateLimited, TooWide
from airflow_provider_docsanalytics.simulator import Simulator
from tests.reliability.disturbed import DATA, MONTH, Disturbed, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.summary import Case

HALVED = ("conversations", "feedback", "feedback_by_page")
REFUSED = tuple(
    name
    for platform in (MINTLIFY, VYOM)
    for name, endpoint in platform.endpoints.items()
    if endpoint.windowed and name not in HALVED
)
_WIDEST_DAYS = 7
"""30 days are refused, and 15, and 7.5; 3.75 are answered."""
_REQUESTS_OF_AN_OUTAGE = 17
"""Two for each of 30, 15, 7.5, 3.75 and 1.9 days, five for the last; for the first and the last of
them a small page, too."""
_STATUSES = {504: (3, 2, 2), 414: (1, 1, 1)}
"""Each with the answers of it that each width costs; at the first a small page is asked for."""


def cases() -> Iterator[Case]:
    """Yield a case for each promise about wide windows."""
    with Simulator(DATA) as service:
        for status, costs in _STATUSES.items():
            runs = [_halved(service, endpoint, status, costs) for endpoint in HALVED]
            yield summarize(f"{status} beyond 7 days ({', '.join(HALVED)})", runs)
            runs = [_resumed(service, endpoint, status, costs) for endpoint in HALVED]
            yield summarize(f"{status} beyond 7 days, and the quota spent on the way", runs)
            runs = [_refused(service, endpoint, status) for endpoint in REFUSED]
            yield summarize(f"{status} beyond 7 days (the other {len(REFUSED)})", runs)
        yield summarize("one 504, then none", [_passing(service, name) for name in HALVED])
        yield summarize("504 to everything", [_outage(service, name) for name in HALVED])


def _wide(status: int) -> dict[str, Any]:
    match = {"wider_than_days": _WIDEST_DAYS}
    return {"kind": "status", "status": status, "match": match, "times": None}


def _start(service: Simulator, endpoint: str, directory: str, *faults: Any) -> Disturbed:
    service.clear_faults()
    run = Disturbed(service, endpoint, Path(directory))
    service.add_faults(faults)
    return run


def _halved(service: Simulator, endpoint: str, status: int, costs: tuple[int, ...]) -> Disturbed:
    with tempfile.TemporaryDirectory() as directory:
        run = _start(service, endpoint, directory, _wide(status))
        run.must_complete()
    statuses = [entry["status"] for entry in service.requests]
    if statuses.count(status) != sum(costs) or statuses[-1] != 200:
        run.broken.append(f"{endpoint}: refused {statuses.count(status)} times")
    return run


def _resumed(service: Simulator, endpoint: str, status: int, costs: tuple[int, ...]) -> Disturbed:
    """Stop behind each of the first pages of the narrower windows, by a spent quota."""
    with tempfile.TemporaryDirectory() as directory:
        run = _start(service, endpoint, directory, _wide(status))
        for skipped in (sum(costs), 0, 0):  # the first attempt has to halve before it reads
            match = {"nth": skipped + 2}
            quota = {"kind": "status", "status": 429, "match": match, "times": None}
            service.clear_faults()
            service.add_faults([_wide(status), quota])
            run.must_fail(RateLimited, "HTTP 429", max_attempts=2)
        service.clear_faults()
        service.add_faults([_wide(status)])
        run.must_complete()
    return run


def _refused(service: Simulator, endpoint: str, status: int) -> Disturbed:
    halves = MONTH.halves()
    assert halves is not None
    with tempfile.TemporaryDirectory() as directory:
        run = _start(service, endpoint, directory, _wide(status))
        run.must_fail(TooWide, f"such as {halves[0]} and {halves[1]}")
        if len({_window(entry["query"]) for entry in service.requests}) != 1:
            run.broken.append(f"{endpoint}: another window was asked for")
        service.clear_faults()
        run.must_complete()
    return run


def _window(query: dict[str, str]) -> str:
    return str({name: value for name, value in query.items() if name != "limit"})


def _passing(service: Simulator, endpoint: str) -> Disturbed:
    """Give one 504 to the first request: its window must not be halved for that."""
    with tempfile.TemporaryDirectory() as directory:
        run = _start(service, endpoint, directory, {"kind": "status", "status": 504})
        run.must_complete()
    first, second = service.requests[:2]
    if first["query"] != second["query"]:
        run.broken.append(f"{endpoint}: halved at the first 504")
    return run


def _outage(service: Simulator, endpoint: str) -> Disturbed:
    """Halving must end, long before the quota does, and leave nothing that a later run minds."""
    with tempfile.TemporaryDirectory() as directory:
        fault = {"kind": "status", "status": 504, "times": None}
        run = _start(service, endpoint, directory, fault)
        run.must_fail(TooWide, "A retry resumes")
        if len(service.requests) > _REQUESTS_OF_AN_OUTAGE:
            run.broken.append(f"{endpoint}: {len(service.requests)} requests into an outage")
        service.clear_faults()
        run.must_complete()
    return run
