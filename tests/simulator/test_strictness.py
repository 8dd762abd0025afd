"""Requests that the services refuse."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.simulator.client import A_ULID, DAY, END, MONTH, SAFE_S, START, Client


@pytest.mark.parametrize(
    ("endpoint", "query", "named"),
    [
        ("conversations", {"from": START}, "from"),
        ("conversations", [("limit", "5"), ("limit", "6")], "limit"),
        ("conversations", {"limit": "many"}, "limit"),
        ("conversations", {"limit": "1.5"}, "limit"),
        ("conversations", {"limit": ""}, "limit"),
        ("conversations", {"limit": "0"}, "limit"),
        ("conversations", {"limit": "9" * 5000}, "limit"),
        ("conversations", {"limit": "-1"}, "limit"),
        ("conversations", {"dateFrom": "yesterday"}, "dateFrom"),
        ("conversations", {"dateFrom": "2026-02-30"}, "dateFrom"),
        ("conversations", {"dateFrom": "20260101"}, "dateFrom"),
        ("conversations", {"dateTo": "2026-01-01 10:00"}, "dateTo"),
        ("conversations", {"dateFrom": START, "dateTo": START}, "dateFrom"),
        ("conversations", {"dateFrom": END, "dateTo": START}, "dateFrom"),
        ("conversations", {"cursor": "no-ulid"}, "cursor"),
        ("conversations", {"cursor": A_ULID}, "cursor"),
        ("conversations", {"offset": "0"}, "offset"),
        ("conversations", {"source": "agent"}, "source"),
        ("caller_stats", {"limit": "10"}, "limit"),
        ("feedback", {"source": "agent,contextual"}, "source"),
        ("feedback", {"status": "pending,lost"}, "status"),
        ("feedback", {"status": ""}, "status"),
        ("feedback", {"cursor": ""}, "cursor"),
        ("feedback_by_page", {"offset": "10"}, "offset"),
        ("feedback_by_page", {"cursor": A_ULID}, "cursor"),
        ("searches", {"cursor": A_ULID}, "cursor"),
        ("searches", {"source": "agent"}, "source"),
        ("views", {"offset": "-1"}, "offset"),
        ("views", {"cursor": A_ULID}, "cursor"),
        ("visitors", {"limit": "251"}, "limit"),
        (f"assistant/threads/{A_ULID}", {"dateFrom": START}, "dateFrom"),
        ("assistant/threads/conv_123", {}, "conv_123"),
        ("assistant/threads/" + A_ULID.lower(), {}, "ULID"),
    ],
)
def test_an_invalid_parameter_of_mintlify_is_a_400_that_names_it(
    month: Client, endpoint: str, query: Any, named: str
) -> None:
    response = month.get(endpoint, query)
    assert response.status_code == 400
    assert response.json()["error"]
    assert named in response.json()["details"][0]["message"]


@pytest.mark.parametrize(
    ("endpoint", "query", "named"),
    [
        ("dashboard", {"dateFrom": START}, "dateFrom"),
        ("dashboard", {"granularity": "day"}, "granularity"),
        ("calls_by_service", {"assistant_id": "x"}, "assistant_id"),
        ("calls_by_time", {"granularity": "year"}, "granularity"),
        ("calls_by_time", {"start_date": "soon"}, "start_date"),
        ("tokens_summary", {"assistant_id": "x"}, "assistant_id"),
    ],
)
def test_an_invalid_parameter_of_vyom_is_a_422_whose_errors_name_it(
    month: Client, endpoint: str, query: Any, named: str
) -> None:
    response = month.get(endpoint, query)
    assert response.status_code == 422
    body = response.json()
    assert body["success"] is False
    assert named not in body["message"]
    assert [error["loc"] for error in body["data"]["errors"]] == [["query", named]]
    assert body["data"]["errors"][0]["msg"]


def test_vyom_accepts_a_start_after_the_end(month: Client) -> None:
    backwards = {"start_date": END, "end_date": START}
    assert month.calls("dashboard", **backwards)["total_calls"] == 0
    assert month.calls("calls_by_assistant", **backwards) == {"assistants": []}
    assert month.calls("tokens_summary", **backwards) == {}


def test_a_cursor_is_valid_for_its_own_listing_only(month: Client) -> None:
    cursors = {
        endpoint: month.ok(endpoint, {**MONTH, "limit": 5})["nextCursor"]
        for endpoint in ("conversations", "feedback", "searches")
    }
    for issuer, cursor in cursors.items():
        assert len(cursor) == 26
        for endpoint in cursors:
            same = month.get(endpoint, {**MONTH, "cursor": cursor}).status_code
            assert same == (200 if endpoint == issuer else 400)
            assert month.get(endpoint, {**DAY, "cursor": cursor}).status_code == 400
    filtered = {**MONTH, "source": "agent", "cursor": cursors["feedback"]}
    assert month.get("feedback", filtered).status_code == 400


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer wrong", "Bearer mint_dsc_1", "Bearer mint_us_1", "Basic bWludA==", "Bearer "],
)
@pytest.mark.parametrize("endpoint", ["conversations", "dashboard"])
def test_only_the_right_key_opens(month: Client, endpoint: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = month.get(endpoint, headers=headers)
    assert response.status_code == 401
    assert response.json().get("success") is (False if endpoint == "dashboard" else None)


def test_an_unknown_project_is_a_403(month: Client) -> None:
    url = month.get("views").url.replace(month.simulator.project_id, "proj_other")
    headers = {"Authorization": f"Bearer {month.simulator.mintlify_key}"}
    assert month.session.get(url, headers=headers).status_code == 403


def test_projects_of_one_key_have_rows_of_their_own() -> None:
    ids = ["proj_sim_docs", "proj_sim_docs_2", "proj_sim_docs_3"]
    with Simulator(Config(rows=30, start=START, end=END), projects=3) as simulator:
        client = Client(simulator)
        paths = [f"/v1/analytics/{project_id}/feedback" for project_id in ids]
        headers = {"Authorization": f"Bearer {simulator.mintlify_key}"}
        responses = [
            requests.get(simulator.url + path, headers=headers, timeout=SAFE_S) for path in paths
        ]
        admin_api = f"{simulator.url}/_control/truth?endpoint=feedback&projectId="
        truths = [requests.get(admin_api + each, timeout=SAFE_S).json()["rows"] for each in ids]
        assert requests.get(admin_api + "proj_sim_docs_4", timeout=SAFE_S).status_code == 400
        assert client.ok("feedback")["feedback"] == truths[0][:50]
    assert [response.json()["feedback"] for response in responses] == [rows[:50] for rows in truths]
    assert len({row["id"] for rows in truths for row in rows}) == sum(map(len, truths)) == 3 * 30


def test_unknown_threads_and_paths_are_404s_and_other_methods_405s(month: Client) -> None:
    assert month.get(f"assistant/threads/{A_ULID}").status_code == 404
    assert month.get("assistant/").status_code == 404
    url = month.simulator.url
    assert month.session.get(f"{url}/analytics/calls").json()["success"] is False
    assert month.session.get(f"{url}/v2").status_code == 404
    for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD"):
        refused = month.session.request(method, f"{url}/analytics/dashboard", data="{}")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")


def test_the_base_may_carry_the_older_path(month: Client) -> None:
    response = month.get("views", MONTH)
    older = response.url.replace("/v1/", "/api/external/v1/")
    assert month.session.get(older, headers=response.request.headers).json() == response.json()
