"""Every error status with every kind of body, with and without a wait: who is taken to have spoken.

The table below is the promise. It is written from what each status means and from who can have
sent such a body, not from the code.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.errors import (
    ApiError,
    AuthError,
    BadResponse,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)
from tests.reliability.disturbed import DATA, Disturbed, summarize
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator
    from tests.reliability.summary import Case

_ATTEMPTS = 3
_WAIT_S = 7
ENDPOINTS = ("conversations", "views", "threads", "calls_by_assistant")
_OWN = '{"error":"Scripted refusal"}'
_OWN_VYOM = '{"success":false,"message":"Scripted refusal","data":null}'
_PAGE = "<!doctype html><title>Blocked</title><p>Reference 17"
BODIES: dict[str, dict[str, str]] = {
    "own": {"content_type": "application/json"},
    "none": {"body": "", "content_type": ""},
    "html": {"body": _PAGE, "content_type": "text/html; charset=utf-8"},
    "plain": {"body": "Something is wrong here", "content_type": "text/plain"},
    "cut": {"content_type": "application/json", "damage": "cut"},
    "gzip": {"content_type": "application/json", "damage": "gzip"},
    "utf8": {"content_type": "application/json", "damage": "utf8"},
    "shape": {"body": '{"items":[]}', "content_type": "application/json"},
}


class Outcome(NamedTuple):
    """How an attempt ends, and whether the request was sent as often as is allowed, or once."""

    error: type[Exception]
    again: bool


OUTCOMES = {
    "A": Outcome(AuthError, again=False),
    "B": Outcome(BadResponse, again=False),
    "E": Outcome(ApiError, again=False),
    "I": Outcome(InvalidRequest, again=False),
    "L": Outcome(RateLimited, again=True),
    "N": Outcome(NotFound, again=False),
    "S": Outcome(ServerError, again=True),
    "U": Outcome(Unreachable, again=True),
    "w": Outcome(TooWide, again=False),
    "W": Outcome(TooWide, again=True),
}
_PAGED = ("conversations", "views")
_TOO_LARGE = (413, 500, 502, 503, 504, 522, 524)
_NO_WINDOW = {"w": "E", "W": "S"}
"""Where there is no window, none can be too wide."""
_WITH_CURSOR = {"I": "E"}
"""Where a cursor was sent, the refusal may be about it."""

_TABLE = """
      own none html plain cut gzip utf8 shape
200   B   B    B    B     U   U    B    B
301   B   B    B    B     B   B    B    B
400   I   E    E    E     E   E    E    E
401   A   A    U    U     A   A    A    A
403   A   U    U    U     A   A    A    A
403w  L   L    L    L     L   L    L    L
404   N   N    N    N     N   N    N    N
407   U   U    U    U     U   U    U    U
408   S   S    S    S     S   S    S    S
413   w   w    w    w     w   w    w    w
421   S   S    S    S     S   S    S    S
422   I   E    E    E     E   E    E    E
425   S   S    S    S     S   S    S    S
429   L   L    L    L     L   L    L    L
431   w   w    w    w     w   w    w    w
500   S   S    S    S     S   S    S    S
502   S   S    S    S     S   S    S    S
503   S   S    S    S     S   S    S    S
504   W   W    W    W     W   W    W    W
522   W   W    W    W     W   W    W    W
524   W   W    W    W     W   W    W    W
"""
"""By status and body; ``w`` behind a status: with ``Retry-After``, where that matters."""


def table() -> dict[str, dict[str, str]]:
    """Return the table's letters, by status and body."""
    head, *lines = [line.split() for line in _TABLE.strip().splitlines()]
    return {row: dict(zip(head, letters, strict=True)) for row, *letters in lines}


def cases() -> Iterator[Case]:
    """Yield a case for each status."""
    with OddSimulator(DATA) as service:
        for status in sorted({int(row.rstrip("w")) for row in table()}):
            yield case(service, status)


def case(service: Simulator, status: int, endpoints: tuple[str, ...] = ENDPOINTS) -> Case:
    """Let one status come with every body, with and without a wait, at every endpoint."""
    runs = [
        _run(service, endpoint, status, body, wait_s)
        for endpoint in endpoints
        for body in BODIES
        for wait_s in (None, _WAIT_S)
    ]
    name = f"{status} x {len(BODIES)} bodies, Retry-After or none"
    return summarize(name, runs)


def _expected(endpoint: str, status: int, body: str, wait_s: int | None) -> Outcome:
    rows = table()
    row = rows.get(f"{status}w", rows[str(status)]) if wait_s else rows[str(status)]
    letter = row[body]
    other = {"threads": _NO_WINDOW, **dict.fromkeys(_PAGED, _WITH_CURSOR)}.get(endpoint, {})
    return OUTCOMES[other.get(letter, letter)]


def _asks_small(endpoint: str, status: int, expected: Outcome) -> bool:
    """Whether the page may be too large, so that a small one is asked for, once."""
    cut_off = status == 200 and expected.error is Unreachable
    return endpoint in _PAGED and (status in _TOO_LARGE or cut_off)


def _run(
    service: Simulator, endpoint: str, status: int, body: str, wait_s: int | None
) -> Disturbed:
    service.clear_faults()
    expected = _expected(endpoint, status, body, wait_s)
    nth = 1 if endpoint == "calls_by_assistant" else 2
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, endpoint, Path(directory))
        service.add_faults([_fault(endpoint, status, body, wait_s) | {"match": {"nth": nth}}])
        run.must_fail(expected.error, "", max_attempts=_ATTEMPTS)
        sent = sum(entry["fault"] is not None for entry in service.requests)
        what = f"{endpoint}: {status} {body}{' Retry-After' if wait_s else ''}"
        if sent != (_ATTEMPTS if expected.again else 1) + _asks_small(endpoint, status, expected):
            run.broken.append(f"{what}: {sent} requests")
        if wait_s and expected.error in (RateLimited, ServerError, TooWide):
            run.broken += [f"{what}: {slept} s" for slept in run.slept if slept < wait_s]
        service.clear_faults()
        run.must_complete()
    return run


def _fault(endpoint: str, status: int, body: str, wait_s: int | None) -> dict[str, Any]:
    own = _OWN_VYOM if endpoint == "calls_by_assistant" else _OWN
    fault: dict[str, Any] = {"kind": "status", "status": status, "body": own, "times": None}
    headers = {"Retry-After": str(wait_s)} if wait_s else {}
    return fault | BODIES[body] | {"headers": headers}
