"""The hourly quota."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
import requests

from airflow_provider_docsanalytics.simulator import Config, Quota, Simulator
from tests.simulator.client import SAFE_S, Client


@pytest.mark.parametrize("style", ["seconds", "date", "none"])
def test_a_spent_quota_is_a_429_that_says_when_to_retry(small: Client, style: str) -> None:
    small.simulator.set_quota(2, 60, style)
    codes = [small.get(endpoint).status_code for endpoint in ("views", "feedback", "searches")]
    assert codes == [200, 200, 429]
    refused = small.get("views")
    assert "error" in refused.json()
    header = refused.headers.get("Retry-After")
    if style == "seconds":
        assert 55 <= int(header or 0) <= 60
    elif style == "date":
        wait = parsedate_to_datetime(header or "") - datetime.now(UTC)
        assert 55 <= wait.total_seconds() <= 61
    else:
        assert header is None
    assert small.get("dashboard").status_code == 200


class Clock:
    """A quota's clock, in seconds, which tests set."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_quota_comes_back_and_refused_requests_do_not_count() -> None:
    clock = Clock()
    with Simulator(Config(rows=5), quota=Quota(1, 60, now=clock)) as simulator:
        client = Client(simulator)
        statuses = []
        for clock.now_s in (0, 1, 30, 59, 60, 61, 119, 120):
            statuses.append(client.get("views").status_code)
    assert statuses == [200, 429, 429, 429, 200, 429, 429, 200]


def test_the_admin_api_sets_and_removes_the_quota(small: Client) -> None:
    admin_api = f"{small.simulator.url}/_control/quota"
    order = {"limit": 0, "period_s": 10, "retry_after": "none"}
    assert requests.put(admin_api, json=order, timeout=SAFE_S).status_code == 200
    assert small.get("views").status_code == 429
    assert requests.put(admin_api, json={"limit": None}, timeout=SAFE_S).status_code == 200
    assert small.get("views").status_code == 200


@pytest.mark.parametrize(("now_s", "mine"), [(0, 3), (19, 3), (20, 2), (40, 1), (59, 1)])
def test_others_spend_their_part_of_each_period(now_s: float, mine: int) -> None:
    """Three of four places are taken within the first period, one after the other."""
    clock = Clock()
    with Simulator(Config(rows=5), quota=Quota(4, 60, others=3, now=clock)) as simulator:
        client = Client(simulator)
        clock.now_s = now_s
        statuses = [client.get("views").status_code for _ in range(5)]
    assert statuses == [200] * mine + [429] * (5 - mine)


def test_every_key_of_an_organisation_spends_the_same_quota() -> None:
    with Simulator(Config(rows=5), keys=2, quota=Quota(2, 60)) as simulator:
        path = f"/v1/analytics/{simulator.project_id}/views"
        statuses = [
            requests.get(
                simulator.url + path, headers={"Authorization": f"Bearer {key}"}, timeout=SAFE_S
            ).status_code
            for key in (
                simulator.mintlify_key,
                f"{simulator.mintlify_key}_2",
                f"{simulator.mintlify_key}_3",
                simulator.mintlify_key,
            )
        ]
    assert statuses == [200, 200, 401, 429]
