"""Broken on demand."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.simulator.client import DAY, END, MONTH, PATHS, START, VYOM_PATHS, Client


def fault(client: Client, kind: str, **members: Any) -> None:
    client.simulator.add_faults([{"kind": kind, **members}])


def test_a_scripted_status_comes_with_its_body_and_headers(small: Client) -> None:
    fault(small, "status", status=503, body="busy", headers={"Retry-After": "7"})
    response = small.get("views")
    assert (response.status_code, response.text) == (503, "busy")
    assert response.headers["Retry-After"] == "7"
    assert small.get("views").status_code == 200


@pytest.mark.parametrize(
    ("how", "got"), [("cut", b'{"err'), ("utf8", b'{"err\xffor":1}'), ("gzip", b'{"error":1}')]
)
def test_a_scripted_body_may_be_damaged(small: Client, how: str, got: bytes) -> None:
    fault(small, "status", status=429, body='{"error":1}', damage=how, content_type="text/plain")
    with small.get("views", stream=True) as response:
        assert (response.status_code, response.headers["Content-Type"]) == (429, "text/plain")
        assert response.raw.read(decode_content=False) == got
    with pytest.raises(ValueError, match="damage is one of"):
        fault(small, "status", status=429, damage="else")


def test_a_cursor_may_come_as_a_url(small: Client) -> None:
    fault(small, "cursor_as_url")
    given = small.get("feedback", {"limit": 1}).json()["nextCursor"]
    assert given.startswith("https://api.example.com/next?limit=1&cursor=")


def test_a_fault_strikes_the_requests_it_is_meant_for(small: Client) -> None:
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
def test_a_reset_is_a_real_one(small: Client, kind: str) -> None:
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


def test_invalid_utf8_is_no_text(small: Client) -> None:
    fault(small, "invalid_utf8")
    with pytest.raises(UnicodeDecodeError):
        small.get("conversations").content.decode()


def test_a_raw_body_is_sent_as_it_is(small: Client) -> None:
    fault(small, "body", body="[1, 2", content_type="text/csv", status=203)
    response = small.get("views")
    assert (response.status_code, response.text) == (203, "[1, 2")
    assert response.headers["Content-Type"] == "text/csv"


def test_a_redirect_points_where_it_is_told(small: Client) -> None:
    fault(small, "redirect", location="http://127.0.0.1:9/")
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


@pytest.mark.parametrize(("kind", "rows"), [("duplicate_page", 50), ("empty_page", 0)])
def test_a_new_cursor_can_lead_to_the_same_page(small: Client, kind: str, rows: int) -> None:
    whole = small.rows("conversations", {"limit": 50})
    fault(small, kind, match={"nth": 2})
    pages = [page["conversations"] for page in small.pages("conversations", {"limit": 50})]
    assert [len(page) for page in pages] == [50, rows, 50, 20]
    assert [row for page in (pages[0], *pages[2:]) for row in page] == whole
    assert pages[1] in ([], pages[2])


def test_an_offset_can_be_ignored(small: Client) -> None:
    fault(small, "ignored_offset", match={"nth": 2})
    first, second, third = (small.ok("views", {"limit": 50, "offset": n}) for n in (0, 50, 50))
    assert second == first != third


def test_cursors_can_be_made_to_go_round(small: Client) -> None:
    fault(small, "cursor_loop", back=2, match={"nth": 3})
    query, cursors = {"limit": "10"}, []
    for _ in range(3):
        cursors.append(small.ok("searches", query)["nextCursor"])
        query["cursor"] = cursors[-1]
    assert cursors[2] == cursors[0] != cursors[1]


def test_the_content_type_can_be_another_and_numbers_text(small: Client) -> None:
    fault(small, "content_type", content_type="text/html")
    assert small.get("caller_stats").headers["Content-Type"] == "text/html"
    fault(small, "numbers_as_text")
    assert all(isinstance(count, str) for count in small.ok("caller_stats").values())


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


def test_a_cursor_can_be_made_to_repeat(small: Client) -> None:
    fault(small, "repeat_cursor", match={"nth": 2})
    first = small.ok("conversations", {"limit": 50})
    query = {"limit": "50", "cursor": first["nextCursor"]}
    assert small.ok("conversations", query)["nextCursor"] == first["nextCursor"]
    assert small.ok("conversations", query)["nextCursor"] != first["nextCursor"]


def test_bodies_can_be_huge_and_still_true(small: Client) -> None:
    true = small.ok("views")
    fault(small, "big_body", bytes=3_000_000)
    big = small.get("views")
    assert (len(big.content), big.json()) == (3_000_000, true)
    fault(small, "gzip_bomb", size=5_000_000)
    bomb = small.get("views")
    assert int(bomb.headers["Content-Length"]) < 20_000
    assert (len(bomb.content), bomb.json()) == (5_000_000, true)


def test_answers_can_drip_be_late_or_never_come(small: Client) -> None:
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
    while len(small.simulator.requests) < 4:  # a busy server logs it after the time-out
        assert time.monotonic() - begun < 30
        time.sleep(0.01)
    assert [entry["fault"] for entry in small.simulator.requests] == [
        None,
        "slow_drip",
        "delay",
        "hang",
    ]
    assert small.simulator.requests[-1]["status"] is None


def test_closing_ends_what_hangs_and_what_is_kept_alive() -> None:
    begun, threads = time.monotonic(), threading.active_count()
    with Simulator(Config(rows=5), faults=[{"kind": "hang", "seconds": 60}]) as simulator:
        client = Client(simulator)
        with pytest.raises(requests.ReadTimeout):
            client.get("views", timeout=0.1)
        assert client.get("views").status_code == 200
    with pytest.raises(requests.ConnectionError):
        client.get("views", timeout=1)
    while threading.active_count() > threads:
        assert time.monotonic() - begun < 5
        time.sleep(0.01)


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
def test_a_fault_that_nobody_knows_is_refused(small: Client, spec: Any) -> None:
    control = f"{small.simulator.url}/_control/faults"
    refused = requests.post(control, json=[{"kind": "html"}, spec], timeout=5)
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
    fault(small, "lowered_limit", largest=50, times=None)
    assert len(small.get("conversations", {"limit": 50}).json()["conversations"]) == 50
    response = small.get("conversations", {"limit": 51})
    assert response.status_code == 400
    assert response.json() == {
        "error": "Invalid query parameters",
        "details": [{"message": "limit must be <= 50"}],
    }
    with pytest.raises(ValueError, match="missing members"):
        fault(small, "lowered_limit")
