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
from tests.reliability.disturbed import DATA, KINDS, Disturbed, summarize
from tests.reliability.schedules import SCHEDULES, schedules
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator
    from tests.reliability.summary import Case

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
class FaultCase:
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


def _bad(
    name: str, fault: dict[str, Any], said: str, *endpoints: str, heals: bool = False
) -> FaultCase:
    """Return a fault that makes a response bad, so that it is not requested again."""
    return FaultCase(name, fault, BadResponse, said, heals, endpoints or tuple(KINDS))


def _set(key: str, value: Any) -> dict[str, Any]:
    return {"kind": "set_key", "key": key, "value": value}


_HASTY = {"timeout_s": 0.2, "max_attempts": 2}
_NOW = {"Retry-After": formatdate(usegmt=True)}
_ITEMS = {"kind": "body", "body": '{"items":[]}'}
_LOOP = {"kind": "cursor_loop", "back": 3, "match": {"nth": 4}}
_HTML_TYPE = {"kind": "content_type", "content_type": "text/html"}
_WIDE = ("searches", "views", "caller_stats", "calls_by_assistant")
_AGAIN = "cursor for the second time"
_SAME_PAGE = "same page a second time"
FAULT_CASES = (
    FaultCase("429 without Retry-After", _status(429), RateLimited, "HTTP 429"),
    FaultCase("429, seconds", _status(429, headers={"Retry-After": "7"}), RateLimited, "in 7 s"),
    FaultCase("429, date", _status(429, headers=_NOW), RateLimited, "429"),
    *(FaultCase(str(code), _status(code), ServerError, f"HTTP {code}") for code in (500, 502, 503)),
    FaultCase("504", _status(504), TooWide, "such as [2026-01-", endpoints=_WIDE),
    FaultCase("504, no window", _status(504), ServerError, "HTTP 504", endpoints=("threads",)),
    FaultCase(
        "reset before headers", {"kind": "reset_before_headers"}, Unreachable, "cannot reach"
    ),
    FaultCase("reset in the body", {"kind": "reset_in_body"}, Unreachable, "lost the connection"),
    FaultCase(
        "body shorter than its length", {"kind": "short_body"}, Unreachable, "lost the connection"
    ),
    FaultCase("body cut, length right", {"kind": "truncated_json"}, Unreachable, "was cut off"),
    FaultCase(
        "hang", {"kind": "hang", "seconds": 60}, Unreachable, "timeout after 0.2 s", settings=_HASTY
    ),
    FaultCase(
        "slow drip",
        {"kind": "slow_drip", "bytes_per_s": 20},
        Unreachable,
        "not complete after 0.4 s",
        settings=_HASTY,
    ),
    _bad("HTML with 200", {"kind": "html"}, "got text/html"),
    _bad("JSON of another shape", _ITEMS, "its keys: items", *tuple(ROWS_KEYS)[:4]),
    _bad("JSON, not an object", {"kind": "body", "body": "[]"}, "JSON object"),
    _bad("rows missing", {"kind": "drop_key", "key": "{rows}"}, "has no", *ROWS_KEYS),
    _bad("rows: null", _set("{rows}", None), "is not a list", *ROWS_KEYS),
    _bad(
        "hasMore as text",
        _set("hasMore", "true"),
        "'hasMore' of the response has a wrong value",
        *_HAS_MORE,
    ),
    _bad("hasMore without a cursor", _set("nextCursor", None), "gives no nextCursor", _CURSORS[0]),
    _bad("success: false", _set("success", value=False), "success: false", "calls_by_assistant"),
    _bad("repeated cursor", {"kind": "repeat_cursor"}, _AGAIN, *_CURSORS),
    _bad("cursor loop of length 3", _LOOP, _AGAIN, *_CURSORS),
    _bad("duplicate page", {"kind": "duplicate_page"}, _SAME_PAGE, *_CURSORS),
    _bad("offset ignored", {"kind": "ignored_offset"}, _SAME_PAGE, "views"),
    _bad(
        "empty pages with more",
        {"kind": "empty_page"},
        "empty pages in a row",
        *_CURSORS,
        heals=True,
    ),
    _bad(
        "empty page with more, by offset",
        {"kind": "empty_page"},
        "an empty page although hasMore is true",
        "views",
    ),
    FaultCase("wrong content type", _HTML_TYPE, None),
    _bad("invalid UTF-8", {"kind": "invalid_utf8"}, ""),
    _bad(
        "counts as text",
        {"kind": "numbers_as_text"},
        "a count that is not a number",
        "feedback_by_page",
        heals=True,
    ),
    _bad(
        "gzip bomb, 300 MiB",
        {"kind": "gzip_bomb", "size": _BOMB_BYTES},
        "more than 256 MiB",
        "views",
    ),
    FaultCase(
        "page of 100 MB",
        {"kind": "big_body", "bytes": _BIG_BYTES, "times": 1},
        None,
        endpoints=("conversations",),
    ),
)


def cases(seeds: int = SCHEDULES) -> Iterator[Case]:
    """Yield a case for each fault, and one of random schedules for each way to page."""
    with OddSimulator(DATA) as service:
        for fault_case in FAULT_CASES:
            yield case(service, fault_case)
        yield redirected(service)
        yield unresolved(service)
    yield refused()
    yield from schedules(seeds)


def case(service: Simulator, fault_case: FaultCase) -> Case:
    """Let the fault pass and let it stay, at every endpoint that can have it."""
    runs = [
        _run(service, fault_case, endpoint, times)
        for endpoint in fault_case.endpoints
        for times in (1, None)
    ]
    return summarize(fault_case.name, runs)


def _run(service: Simulator, fault_case: FaultCase, endpoint: str, times: int | None) -> Disturbed:
    service.clear_faults()
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, endpoint, Path(directory))
        service.add_faults([_fault(fault_case, endpoint, times)])
        if fault_case.error is None or (times is not None and fault_case.heals):
            run.must_complete(**fault_case.settings)
        else:
            run.must_fail(fault_case.error, fault_case.said, **fault_case.settings)
            service.clear_faults()
            run.must_complete()
        return run


def _fault(fault_case: FaultCase, endpoint: str, times: int | None) -> dict[str, Any]:
    nth = 2 if endpoint in _MANY else 1
    fault = {"times": times, "match": {"nth": nth}} | fault_case.fault
    if "key" in fault:
        fault["key"] = fault["key"].format(rows=ROWS_KEYS.get(endpoint))
    return fault


def redirected(service: Simulator) -> Case:
    """Send the client to another host: it must not go there, least of all with the key."""
    runs = []
    with OddSimulator(DATA) as elsewhere:
        location = f"http://localhost:{elsewhere.url.rsplit(':', 1)[1]}/v1/analytics/p/views"
        fault_case = FaultCase(
            "redirect to another host",
            _status(302, headers={"Location": location}),
            BadResponse,
            "redirected to localhost",
            heals=False,
        )
        for endpoint in fault_case.endpoints:
            runs.append(_run(service, fault_case, endpoint, None))
            if elsewhere.requests:
                runs[-1].broken.append(f"{endpoint}: the redirect was followed")
    return summarize(fault_case.name, runs)


def unresolved(service: Simulator) -> Case:
    """Ask a host that has no address; then the service."""
    service.clear_faults()
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, "conversations", Path(directory))
        nowhere = {"base_url": "https://no-such-host.invalid"}
        run.must_fail(Unreachable, "cannot reach", **nowhere)
        run.must_complete()
    return summarize("DNS failure", [run])


def refused() -> Case:
    """Stop the service in the middle of an export, and start it again at the same address."""
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
    return summarize("connection refused", runs)
