"""Cursors that a resumed run finds refused: the window is read afresh, once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import InvalidRequest, RateLimited
from airflow_provider_docsanalytics.simulator import Simulator
from tests.reliability.disturbed import DATA, Disturbed, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.summary import Case

ENDPOINTS = ("conversations", "feedback", "searches")
BY_POSITION = ("feedback_by_page", "threads")
REFUSALS = (400, 404, 410, 422)
_WIDE = {"kind": "status", "status": 504, "match": {"wider_than_days": 20}, "times": None}


def cases() -> Iterator[Case]:
    """Yield a case for each way to lose a cursor, and for what only looks like it."""
    with Simulator(DATA) as service:
        yield summarize("cursor expired", [_expired(service, name) for name in ENDPOINTS])
        halved = [_expired(service, name, _WIDE) for name in ENDPOINTS[:2]]
        yield summarize("cursor expired in a halved window", halved)
        yield summarize(
            f"place refused with {', '.join(map(str, REFUSALS))}",
            [_unknown(service, name, code) for name in (*ENDPOINTS, "views") for code in REFUSALS],
        )
        stays = [_refused(service, name) for name in (*ENDPOINTS, "views")]
        yield summarize("400 that stays", stays)
        yield summarize("400 without a cursor", [_refused(service, name) for name in BY_POSITION])


def _status(status: int, nth: int = 1) -> dict[str, Any]:
    return {"kind": "status", "status": status, "match": {"nth": nth}, "times": None}


def _stopped(service: Simulator, endpoint: str, directory: str, *faults: Any) -> Disturbed:
    """Return an export that was stopped behind its first published pages."""
    service.clear_faults()
    run = Disturbed(service, endpoint, Path(directory))
    nth = 2 if endpoint == "views" else 5 if faults else 3
    service.add_faults([*faults, _status(429, nth)])
    run.must_fail(RateLimited, "HTTP 429", max_attempts=2)
    service.clear_faults()
    return run


def _expired(service: Simulator, endpoint: str, *faults: Any) -> Disturbed:
    with tempfile.TemporaryDirectory() as directory:
        run = _stopped(service, endpoint, directory, *faults)
        service.expire_cursors()
        service.add_faults(faults)
        run.must_complete()
    refused = [entry for entry in service.requests if entry["status"] == 400]
    if len(refused) != 1:
        run.broken.append(f"{endpoint}: {len(refused)} requests with a lost cursor")
    return run


def _unknown(service: Simulator, endpoint: str, status: int) -> Disturbed:
    """Refuse, in whatever words, the place where the export stopped."""
    with tempfile.TemporaryDirectory() as directory:
        run = _stopped(service, endpoint, directory)
        refused = service.requests[-1]["query"]
        before = len(service.requests)
        fault = _status(status) | {"match": {"query": refused}, "times": 1}
        service.add_faults([fault])
        run.must_complete()
    if sum(entry["status"] == status for entry in service.requests[before:]) != 1:
        run.broken.append(f"{endpoint}: {status}: not refused once")
    return run


def _refused(service: Simulator, endpoint: str) -> Disturbed:
    """Refuse everything after the stop: an error within two requests, not a loop."""
    with tempfile.TemporaryDirectory() as directory:
        run = _stopped(service, endpoint, directory)
        before = len(service.requests)
        service.add_faults([_status(400)])
        run.must_fail(InvalidRequest, "HTTP 400")
        spent = len(service.requests) - before
        if spent != (1 if endpoint in BY_POSITION else 2):
            run.broken.append(f"{endpoint}: {spent} requests that were refused")
        service.clear_faults()
        run.must_complete()
    return run
