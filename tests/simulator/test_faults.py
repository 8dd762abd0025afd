"""Faults: which requests they strike, and what the client gets."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.simulator.client import (
    DAY,
    END,
    MONTH,
    PATHS,
    SAFE_S,
    START,
    VYOM_PATHS,
    Client,
)
from tests.support.processes import wait_for


def fault(client: Client, kind: str, **members: Any) -> None:
    client.simulator.add_faults([{"kind": kind, **members}])


def test_a_scripted_status_comes_with_its_body_and_headers(small: Client) -> None:
    fault(small, "status", status=503, body="busy", headers={"Retry-After": "7"})
    response = small.get("views")
    assert (response.status_code, response.text) == (503, "busy")
    assert response.headers["Retry-After"] == "7"
    assert small.get("views").status_code == 200


def test_a_fault_strikes_the_requests_that_it_matches(small: Client) -> None:
    fault(small, "status", status=500, match={"endpoint": "feedback", "nth": 2}, times=2)
    codes = [small.get("feedback").status_code for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    fault(small, "status", status=502, match={"endpoint": "by-page", "query": {"limit": "3"}})
    assert small.get("feedback_by_page", {"limit": 4}).status_code == 200
    assert small.get("feedback", {"limit": 3}).status_code == 200
    assert small.get("feedback_by_page", {"limit": 3}).status_code == 502
    fault(small, "status", status=504, times=None)
    assert {small.get(endpoint).status_code for endpoint in [*PATHS, *VYOM_PATHS]} == {504}
    small.simulator.clear_faults()
    assert small.get("views").status_code == 200


@pytest.mark.parametrize("kind", ["reset_before_headers", "reset_in_body"])
def test_a_reset_is_a_tcp_reset(small: Client, kind: str) -> None:
    fault(small, kind)
    with pytest.raises(requests.RequestException, match=r"reset by peer"):
        small.get("conversations")
    assert small.get("conversations").status_code == 200


def test_a_short_body_ends_before_its_length(small: Client) -> None:
    fault(small, "short_body")
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        small.get("conversations")


@pytest.mark.parametrize("kind", ["truncated_json", "html"])
def test_a_body_that_is_not_json_comes_with_status_200(small: Client, kind: str) -> None:
    fault(small, kind)
    response = small.get("conversations")
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_a_raw_body_is_sent_as_it_is(small: Client) -> None:
    fault(small, "body", body="[1, 2", content_type="text/csv", status=203)
    response = small.get("views")
    assert (response.status_code, response.text) == (203, "[1, 2")
    assert response.headers["Content-Type"] == "text/csv"


def test_a_redirect_has_the_given_location(small: Client) -> None:
    fault(small, "status", status=302, headers={"Location": "http://127.0.0.1:9/"})
    response = small.get("views", allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.1:9/")


def test_faults_that_are_due_together_strike_one_request_each(small: Client) -> None:
    small.simulator.add_faults([{"kind": "status", "status": status} for status in (500, 502)])
    assert [small.get("views").status_code for _ in range(3)] == [500, 502, 200]


def test_only_wide_windows_are_struck_where_a_fault_says_so(small: Client) -> None:
    wide = {"wider_than_days": 1}
    fault(small, "status", status=504, match=wide, times=None)
    two_days = {"start_date": "2026-01-10", "end_date": "2026-01-12"}
    assert [small.get("views", query).status_code for query in (DAY, MONTH, {})] == [200, 504, 504]
    assert small.get("dashboard", two_days).status_code == 504
    assert small.get("views", DAY | {"dateTo": "soon"}).status_code == 400


def test_cursors_can_expire(small: Client) -> None:
    old = small.ok("conversations", {"limit": 50})["nextCursor"]
    small.simulator.expire_cursors()
    assert small.get("conversations", {"limit": 50, "cursor": old}).status_code == 400
    new = small.ok("conversations", {"limit": 50})["nextCursor"]
    assert small.get("conversations", {"limit": 50, "cursor": new}).status_code == 200


def test_members_can_be_dropped_and_replaced(small: Client) -> None:
    fault(small, "drop_key", key="hasMore")
    fault(small, "drop_key", key="data.services", match={"endpoint": "calls_by_service"})
    fault(small, "set_key", key="totals.ai", value="many")
    assert "hasMore" not in small.ok("conversations")
    assert small.ok("views")["totals"]["ai"] == "many"
    assert small.ok("calls_by_service")["data"] == {}


def test_the_members_of_rows_can_be_dropped_and_replaced(small: Client) -> None:
    fault(small, "drop_in_rows", key="hits")
    fault(small, "set_in_rows", key="sources.score", value=1, every=2)
    fault(small, "set_in_rows", key="new", value=None, match={"endpoint": "dashboard"})
    fault(small, "set_in_rows", key="total_calls", value="0", match={"endpoint": "calls_by_time"})
    assert not any("hits" in row for row in small.ok("searches")["searches"])
    rows = small.ok("conversations")["conversations"]
    scored = [["score" in source for source in row["sources"]] for row in rows]
    assert all(all(seen) for seen in scored[1::2])
    assert not any(any(seen) for seen in scored[::2])
    assert small.ok("dashboard")["data"]["new"] is None
    dates = {"start_date": START, "end_date": END}
    days = small.ok("calls_by_time", dates)["data"]["time_series"]
    assert {day["total_calls"] for day in days} == {"0"}


def test_the_body_of_an_error_is_not_edited(small: Client) -> None:
    fault(small, "set_key", key="totals.ai", value=1)
    assert small.get("views", {"limit": 0}).json()["error"]


def test_responses_can_drip_be_late_or_never_come(small: Client) -> None:
    true = small.ok("caller_stats")
    fault(small, "slow_drip", bytes_per_s=200)
    fault(small, "delay", seconds=0.2)
    for _ in range(2):
        begun = time.monotonic()
        assert small.ok("caller_stats") == true
        assert time.monotonic() - begun > 0.15
    fault(small, "hang", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        small.get("views", timeout=0.1)
    _heard(small.simulator, 4)
    assert [entry["fault"] for entry in small.simulator.requests] == [
        None,
        "slow_drip",
        "delay",
        "hang",
    ]
    assert small.simulator.requests[-1]["status"] is None


def test_closing_ends_what_hangs_and_what_is_kept_alive() -> None:
    threads = threading.active_count()
    with Simulator(Config(rows=5), faults=[{"kind": "hang", "seconds": 60}]) as simulator:
        client = Client(simulator)
        with pytest.raises(requests.ReadTimeout):
            client.get("views", timeout=0.1)
        _heard(simulator, 1)
        assert client.get("views").status_code == 200
    with pytest.raises(requests.ConnectionError):
        client.get("views", timeout=1)
    wait_for("its threads", lambda: threading.active_count() <= threads, SAFE_S, 0.01)


def _heard(simulator: Simulator, requests: int) -> None:
    """Wait for so many requests: a busy server may hear one after its client has given up."""
    wait_for("a request", lambda: len(simulator.requests) >= requests, SAFE_S, 0.01)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "earthquake"},
        {"status": 500},
        {"kind": "status"},
        {"kind": "html", "status": 200},
        {"kind": "hang", "seconds": 1, "match": {"method": "GET"}},
        {"kind": "html", "match": "views"},
        {"kind": "html", "match": {"nth": "2"}},
        {"kind": "html", "times": "for ever"},
        {"kind": "delay", "seconds": "long"},
        "html",
    ],
)
def test_an_invalid_fault_is_refused(small: Client, spec: Any) -> None:
    admin_api = f"{small.simulator.url}/_control/faults"
    refused = requests.post(admin_api, json=[{"kind": "html"}, spec], timeout=SAFE_S)
    assert refused.status_code == 400
    assert refused.json()["error"]
    assert small.get("views").json()


def _cannot_be_read(client: Client, query: dict[str, int]) -> bool:
    try:
        response = client.get("searches", query)
        response.raise_for_status()
        response.json()
    except requests.RequestException:
        return True
    return False


@pytest.mark.parametrize("kind", ["short_body", "truncated_json", "status"])
def test_only_large_pages_are_struck_where_a_fault_says_so(small: Client, kind: str) -> None:
    more = {"status": 502} if kind == "status" else {}
    fault(small, kind, match={"limit_above": 10}, times=None, **more)
    for query in ({"limit": 10}, {"limit": 1}, {}):
        assert len(small.get("searches", query).json()["searches"]) > 0
    assert _cannot_be_read(small, {"limit": 11})


def test_a_largest_page_can_be_lowered_in_the_services_own_words(small: Client) -> None:
    words = '{"error":"Invalid query parameters","details":[{"message":"limit must be <= 50"}]}'
    fault(small, "status", status=400, body=words, match={"limit_above": 50}, times=None)
    assert len(small.get("conversations", {"limit": 50}).json()["conversations"]) == 50
    response = small.get("conversations", {"limit": 51})
    assert response.status_code == 400
    assert response.json() == {
        "error": "Invalid query parameters",
        "details": [{"message": "limit must be <= 50"}],
    }
    with pytest.raises(ValueError, match="missing members"):
        fault(small, "status")
