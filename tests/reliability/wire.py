"""Faults on the wire: each by itself, passing and staying; then random schedules of them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import (
    BadResponse,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)
from tests.reliability.disturbed import DATA, KINDS, Disturbed, summary
from tests.reliability.schedules import SCHEDULES, schedules
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator
    from tests.reliability.cases import Case

ROWS_KEYS = {
    "conversations": "conversations",
    "searches": "searches",
    "views": "views",
    "feedback_by_page": "feedback",
    "calls_by_assistant": "data.assistants",
}
_CURSORS = ("conversations", "searches")
_HAS_MORE = ("conversations", "views", "feedback_by_page")
_MANY = ("conversations", "searches", "views", "feedback_by_page", "threads")
_BOMB_BYTES = 300 << 20
_BIG_BYTES = 100_000_000


@dataclass(frozen=True)
class Trouble:
    """One fault.

    Attributes:
        fault: as the simulator takes it, ``{rows}`` in it for the name of the rows' member.
        error: what an attempt ends with if the fault stays; ``None``: it does no harm.
        said: part of the error's text: its cause.
        heals: whether the client itself asks again, so that a fault that passes is not seen.
    """

    name: str
    fault: dict[str, Any]
    error: type[Exception] | None
    said: str = ""
    heals: bool = True
    endpoints: tuple[str, ...] = tuple(KINDS)
    settings: dict[str, Any] = field(default_factory=dict)


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, **more}


_HASTY = {"timeout_s": 0.2, "max_attempts": 2}
TROUBLES = (
    Trouble("429 without Retry-After", _status(429), RateLimited, "HTTP 429"),
    Trouble("429, seconds", _status(429, headers={"Retry-After": "7"}), RateLimited, "in 7 s"),
    Trouble(
        "429, date",
        _status(429, headers={"Retry-After": formatdate(usegmt=True)}),
        RateLimited,
        "429",
    ),
    *(Trouble(str(code), _status(code), ServerError, f"HTTP {code}") for code in (500, 502, 503)),
    Trouble(
        "504",
        _status(504),
        TooWide,
        "such as [2026-01-",
        endpoints=("searches", "views", "caller_stats", "calls_by_assistant"),
    ),
    Trouble("504, no window", _status(504), ServerError, "HTTP 504", endpoints=("threads",)),
    Trouble("reset before headers", {"kind": "reset_before_headers"}, Unreachable, "cannot reach"),
    Trouble("reset in the body", {"kind": "reset_in_body"}, Unreachable, "lost the connection"),
    Trouble(
        "body shorter than its length", {"kind": "short_body"}, Unreachable, "lost the connection"
    ),
    Trouble("body cut, length right", {"kind": "truncated_json"}, Unreachable, "was cut off"),
    Trouble(
        "hang", {"kind": "hang", "seconds": 60}, Unreachable, "timeout after 0.2 s", settings=_HASTY
    ),
    Trouble(
        "slow drip",
        {"kind": "slow_drip", "bytes_per_s": 20},
        Unreachable,
        "not complete after 0.4 s",
        settings=_HASTY,
    ),
    Trouble("HTML with 200", {"kind": "html"}, BadResponse, "got text/html", heals=False),
    Trouble(
        "JSON of another shape",
        {"kind": "body", "body": '{"items":[]}'},
        BadResponse,
        "its keys: items",
        heals=False,
        endpoints=tuple(ROWS_KEYS)[:4],
    ),
    Trouble(
        "JSON, not an object", {"kind": "body", "body": "[]"}, BadResponse, "JSON object", False
    ),
    Trouble(
        "rows missing",
        {"kind": "drop_key", "key": "{rows}"},
        BadResponse,
        "has no",
        heals=False,
        endpoints=tuple(ROWS_KEYS),
    ),
    Trouble(
        "rows: null",
        {"kind": "set_key", "key": "{rows}", "value": None},
        BadResponse,
        "is not a list",
        heals=False,
        endpoints=tuple(ROWS_KEYS),
    ),
    Trouble(
        "hasMore as text",
        {"kind": "set_key", "key": "hasMore", "value": "true"},
        BadResponse,
        "'hasMore' of the response has a wrong value",
        heals=False,
        endpoints=_HAS_MORE,
    ),
    Trouble(
        "hasMore without a cursor",
        {"kind": "set_key", "key": "nextCursor", "value": None},
        BadResponse,
        "gives no nextCursor",
        heals=False,
        endpoints=("conversations",),
    ),
    Trouble(
        "success: false",
        {"kind": "set_key", "key": "success", "value": False},
        BadResponse,
        "success: false",
        heals=False,
        endpoints=("calls_by_assistant",),
    ),
    Trouble(
        "repeated cursor",
        {"kind": "repeat_cursor"},
        BadResponse,
        "cursor for the second time",
        heals=False,
        endpoints=_CURSORS,
    ),
    Trouble(
        "cursor loop of length 3",
        {"kind": "cursor_loop", "back": 3, "match": {"nth": 4}},
        BadResponse,
        "cursor for the second time",
        heals=False,
        endpoints=_CURSORS,
    ),
    Trouble(
        "duplicate page",
        {"kind": "duplicate_page"},
        BadResponse,
        "same page a second time",
        heals=False,
        endpoints=_CURSORS,
    ),
    Trouble(
        "offset ignored",
        {"kind": "ignored_offset"},
        BadResponse,
        "same page a second time",
        heals=False,
        endpoints=("views",),
    ),
    Trouble(
        "empty pages with more",
        {"kind": "empty_page"},
        BadResponse,
        "empty pages in a row",
        endpoints=_CURSORS,
    ),
    Trouble(
        "empty page with more, by offset",
        {"kind": "empty_page"},
        BadResponse,
        "an empty page although hasMore is true",
        heals=False,
        endpoints=("views",),
    ),
    Trouble(
        "wrong content type",
        {"kind": "content_type", "content_type": "text/html"},
        None,
    ),
    Trouble("invalid UTF-8", {"kind": "invalid_utf8"}, BadResponse, "", heals=False),
    Trouble(
        "counts as text",
        {"kind": "numbers_as_text"},
        BadResponse,
        "a count that is not a number",
        endpoints=("feedback_by_page",),
    ),
    Trouble(
        "gzip bomb, 300 MiB",
        {"kind": "gzip_bomb", "size": _BOMB_BYTES},
        BadResponse,
        "more than 256 MiB",
        heals=False,
        endpoints=("views",),
    ),
    Trouble(
        "page of 100 MB",
        {"kind": "big_body", "bytes": _BIG_BYTES, "times": 1},
        None,
        endpoints=("conversations",),
    ),
)


def cases(seeds: int = SCHEDULES) -> Iterator[Case]:
    """Yield a case for each fault, and one of random schedules for each way to page."""
    with OddSimulator(DATA) as service:
        for trouble in TROUBLES:
            yield case(service, trouble)
        yield redirected(service)
        yield unresolved(service)
    yield refused()
    yield from schedules(seeds)


def case(service: Simulator, trouble: Trouble) -> Case:
    """Let the fault pass and let it stay, at every endpoint that can have it."""
    runs = [
        _run(service, trouble, endpoint, times)
        for endpoint in trouble.endpoints
        for times in (1, None)
    ]
    return summary(trouble.name, runs)


def _run(service: Simulator, trouble: Trouble, endpoint: str, times: int | None) -> Disturbed:
    service.clear_faults()
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, endpoint, Path(directory))
        service.add_faults([_fault(trouble, endpoint, times)])
        if trouble.error is None or (times is not None and trouble.heals):
            run.must_complete(**trouble.settings)
        else:
            run.must_fail(trouble.error, trouble.said, **trouble.settings)
            service.clear_faults()
            run.must_complete()
        return run


def _fault(trouble: Trouble, endpoint: str, times: int | None) -> dict[str, Any]:
    nth = 2 if endpoint in _MANY else 1
    fault = {"times": times, "match": {"nth": nth}} | trouble.fault
    if "key" in fault:
        fault["key"] = fault["key"].format(rows=ROWS_KEYS.get(endpoint))
    return fault


def redirected(service: Simulator) -> Case:
    """Send the client to another host: it must not go there, least of all with the key."""
    runs = []
    with OddSimulator(DATA) as elsewhere:
        location = f"http://localhost:{elsewhere.url.rsplit(':', 1)[1]}/v1/analytics/p/views"
        trouble = Trouble(
            "redirect to another host",
            _status(302, headers={"Location": location}),
            BadResponse,
            "redirected to localhost",
            heals=False,
        )
        for endpoint in trouble.endpoints:
            runs.append(_run(service, trouble, endpoint, None))
            if elsewhere.requests:
                runs[-1].broken.append(f"{endpoint}: the redirect was followed")
    return summary(trouble.name, runs)


def unresolved(service: Simulator) -> Case:
    """Ask a host that has no address; then the service."""
    service.clear_faults()
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, "conversations", Path(directory))
        nowhere = {"base_url": "https://no-such-host.invalid"}
        run.must_fail(Unreachable, "cannot reach", **nowhere)
        run.must_complete()
    return summary("DNS failure", [run])


def refused() -> Case:
    """Stop the service in the middle of an export, and start it again at the same place."""
    runs = []
    for endpoint in _MANY:
        with tempfile.TemporaryDirectory() as directory:
            with OddSimulator(DATA, faults=[_status(500, match={"nth": 2}, times=None)]) as service:
                run = Disturbed(service, endpoint, Path(directory))
                run.must_fail(ServerError, "HTTP 500")
            run.must_fail(Unreachable, "Connection refused")
            run.requests_elsewhere = 5
            with OddSimulator(DATA, port=int(service.url.rsplit(":", 1)[1])) as again:
                run.move_to(again)
                run.must_complete()
            runs.append(run)
    return summary("connection refused", runs)
