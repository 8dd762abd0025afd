"""Pages that are too large: every refusal, at every way of paging, at every moment of an export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.api.page_size import SMALLEST_PAGE
from airflow_provider_docsanalytics.errors import RateLimited, ServerError, TooWide, Unreachable
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.reliability.disturbed import Disturbed, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.summary import Case

DATA = Config(rows=500, pages=330, start="2026-01-01", end="2026-01-31")
ENDPOINTS = ("conversations", "searches", "views", "feedback_by_page")
MOMENTS = ("first page", "middle page", "after a resume", "lowered, then resumed")
WANTED = 100
SIZES = {99: 50, 60: 50, 30: 25}
"""The most rows that are answered, and what half of the wanted, and half of that, comes to."""
_HTML = {"body": "<html>Bad gateway</html>", "content_type": "text/html"}
_RETRY_AFTER = {"headers": {"Retry-After": "7"}}
_QUOTA = {"kind": "status", "status": 429, "times": None}
_REFUSED = '{"error":"Invalid query parameters","details":[{"message":"%s"}]}'
_LOWERED = "400, a number"


class Refusal(NamedTuple):
    """What a page that is too large gets.

    Attributes:
        outage: the error, where every page is refused.
        again: whether the page is asked for as often as is allowed, or once.
    """

    fault: dict[str, Any]
    outage: type[Exception]
    again: bool = True


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, **more}


REFUSALS = {
    "413": Refusal(_status(413), TooWide, again=False),
    "500": Refusal(_status(500), ServerError),
    "502, a page in HTML": Refusal(_status(502, **_HTML), ServerError),
    "503, Retry-After": Refusal(_status(503, **_RETRY_AFTER), ServerError),
    "504": Refusal(_status(504), TooWide),
    "body shorter than its length": Refusal({"kind": "short_body"}, Unreachable),
    "body cut, length right": Refusal({"kind": "truncated_json"}, Unreachable),
    "reset in the body": Refusal({"kind": "reset_in_body"}, Unreachable),
    _LOWERED: Refusal(_status(400), ServerError, again=False),
    "400, no number": Refusal(_status(400, body=_REFUSED % "Bad limit"), ServerError, again=False),
}
_ATTEMPTS = 3
_MOST_OF_AN_OUTAGE = {"413": 8, "504": 15}
"""Windows of 30, 15, 7.5, 3.75, 1.9 and 0.9 days: one request each, or two and three for the last;
and a small page for the first and the last."""


def cases() -> Iterator[Case]:
    """Yield a case for each refusal, and one for outages."""
    with Simulator(DATA) as service:
        for name in REFUSALS:
            yield case(service, name)
        yield outages(service)


def case(service: Simulator, name: str, endpoints: tuple[str, ...] = ENDPOINTS) -> Case:
    """Refuse large pages in one way, at every size, endpoint and moment."""
    runs = [
        _run(service, name, endpoint, most, moment)
        for endpoint in endpoints
        for most in SIZES
        for moment in MOMENTS
    ]
    return summarize(f"{name} to pages of more than 99, 60 and 30 rows", runs)


def outages(service: Simulator) -> Case:
    """Refuse every page: a small one is asked for, once, and nothing is lowered."""
    failing = [name for name in REFUSALS if not name.startswith("400")]
    runs = [_outage(service, name, endpoint) for name in failing for endpoint in ENDPOINTS]
    return summarize("each of these to pages of any size", runs)


def _run(service: Simulator, name: str, endpoint: str, most: int, moment: str) -> Disturbed:
    service.clear_faults()
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, endpoint, Path(directory), pages_per_file=1, page_size=WANTED)
        if moment == "after a resume":
            service.add_faults([_QUOTA | {"match": {"nth": 2}}])
            run.must_fail(RateLimited, "HTTP 429", max_attempts=2)
            service.clear_faults()
        service.add_faults([_fault(name, most, nth=2 if moment == "middle page" else 1)])
        if moment == "lowered, then resumed":
            _lower_and_stop(run, name, most)
        run.must_complete(max_attempts=_ATTEMPTS)
        _check(run, name, most, moment)
    return run


def _lower_and_stop(run: Disturbed, name: str, most: int) -> None:
    """Spend the quota behind the first page of the lowered size; from there on nothing is large."""
    lowest = _lowest(name, most)
    small_pages = 0 if name == _LOWERED else 1
    nth = 2 + (small_pages if lowest == SMALLEST_PAGE else 0)
    run.service.add_faults([_QUOTA | {"match": {"query": {"limit": str(lowest)}, "nth": nth}}])
    run.must_fail(RateLimited, "HTTP 429", max_attempts=_ATTEMPTS)
    run.service.clear_faults()
    run.service.add_faults([{"kind": "status", "status": 418, "match": {"limit_above": lowest}}])


def _check(run: Disturbed, name: str, most: int, moment: str) -> None:
    """Check what the manifest says, and what the refusals have cost."""
    what = f"{run.endpoint}: {name} above {most}, {moment}"
    page_size = run.manifest and run.manifest.page_size
    if page_size != _lowest(name, most):
        run.broken.append(f"{what}: page_size {page_size!r}")
    statuses = [entry["status"] for entry in run.service.requests if entry["fault"]]
    refused = len(statuses) - statuses.count(429)
    # The wanted size as often as is allowed, then half of it once.
    if not 1 <= refused <= (_ATTEMPTS if REFUSALS[name].again else 1) + 1:
        run.broken.append(f"{what}: {refused} requests refused")


def _outage(service: Simulator, name: str, endpoint: str) -> Disturbed:
    service.clear_faults()
    with tempfile.TemporaryDirectory() as directory:
        run = Disturbed(service, endpoint, Path(directory), page_size=WANTED)
        service.add_faults([{**REFUSALS[name].fault, "times": None}])
        run.must_fail(REFUSALS[name].outage, "", max_attempts=_ATTEMPTS)
        sent = len(service.requests)
        if sent > _MOST_OF_AN_OUTAGE.get(name, _ATTEMPTS + 1):
            run.broken.append(f"{endpoint}: {name}: {sent} requests into an outage")
        service.clear_faults()
        run.must_complete()
        if {entry["query"]["limit"] for entry in service.requests[sent:]} != {str(WANTED)}:
            run.broken.append(f"{endpoint}: {name}: smaller pages after an outage")
    return run


def _lowest(name: str, most: int) -> int:
    return most if name == _LOWERED else SIZES[most]


def _fault(name: str, most: int, nth: int) -> dict[str, Any]:
    fault = REFUSALS[name].fault
    own = {"body": _REFUSED % f"limit must be <= {most}"} if name == _LOWERED else {}
    return {**fault, **own, "match": {"limit_above": most, "nth": nth}, "times": None}
