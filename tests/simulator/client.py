"""A client as a user of the APIs would write it, and the facts about the endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator

START, END = "2026-01-01", "2026-01-31"
MONTH = {"dateFrom": START, "dateTo": END}
DAY = {"dateFrom": "2026-01-10", "dateTo": "2026-01-11"}
ODD_HOURS = {"dateFrom": "2026-01-03T07:13:00Z", "dateTo": "2026-01-17T21:40:30.500Z"}
WINDOWS = [MONTH, DAY, ODD_HOURS]
PATHS = {
    "conversations": "assistant",
    "caller_stats": "assistant/caller-stats",
    "feedback": "feedback",
    "feedback_by_page": "feedback/by-page",
    "searches": "searches",
    "views": "views",
    "visitors": "visitors",
}
VYOM_PATHS = {
    "calls_by_assistant": "calls/by-assistant",
    "calls_by_phone_number": "calls/by-phone-number",
    "calls_by_service": "calls/by-service",
    "calls_by_time": "calls/by-time",
    "dashboard": "dashboard",
    "tokens_summary": "tokens/summary",
    "tokens_by_model": "tokens/by-model",
}
ROWS_KEYS = {"conversations": "conversations", "feedback_by_page": "feedback"}
LIMITS = {
    "conversations": (100, 1000),
    "feedback": (50, 100),
    "feedback_by_page": (10, 100),
    "searches": (50, 100),
    "views": (50, 250),
    "visitors": (50, 250),
}
PAGED = [endpoint for endpoint in LIMITS if endpoint != "feedback_by_page"]
SAFE_S = 60
"""Far longer than a response takes, also on a busy machine."""
A_ULID = "01HQZX9K2MNBVCXZ7GQRST8WVY"


class Client:
    """A client as a user of the APIs would write it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()

    def get(self, endpoint: str, query: Any = None, **options: Any) -> requests.Response:
        simulator = self.simulator
        if endpoint in VYOM_PATHS:
            url, key = f"{simulator.url}/analytics/{VYOM_PATHS[endpoint]}", simulator.vyom_key
        else:
            path = PATHS.get(endpoint, endpoint)
            url = f"{simulator.url}/v1/analytics/{simulator.project_id}/{path}"
            key = simulator.mintlify_key
        defaults: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {key}"},
            "timeout": SAFE_S,
        }
        return self.session.get(url, params=query, **(defaults | options))

    def ok(self, endpoint: str, query: Any = None) -> Any:
        response = self.get(endpoint, query)
        assert response.status_code == 200, response.text
        return response.json()

    def calls(self, endpoint: str, **query: str) -> Any:
        envelope = self.ok(endpoint, query)
        assert envelope["success"] is True
        return envelope["data"]

    def pages(self, endpoint: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Follow the cursor or the offset to the end."""
        offset = 0
        while True:
            page = self.ok(endpoint, query)
            yield page
            rows = page[ROWS_KEYS.get(endpoint, endpoint)]
            offset += len(rows)
            if page.get("nextCursor"):
                query = {**query, "cursor": page["nextCursor"]}
            elif page.get("hasMore"):
                query = {**query, "offset": offset}
            else:
                return

    def rows(self, endpoint: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        key = ROWS_KEYS.get(endpoint, endpoint)
        return [row for page in self.pages(endpoint, query) for row in page[key]]


def truth(client: Client, endpoint: str, window: dict[str, str], **filters: str) -> Any:
    return client.simulator.truth(endpoint, window["dateFrom"], window["dateTo"], **filters)
