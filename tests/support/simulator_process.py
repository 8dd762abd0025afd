"""The simulator as a process of its own, and what it logged."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Self

import requests

_CONTROL_TIMEOUT_S = 30


class Service:
    """One simulator of both APIs, serving inside a ``with`` block.

    Args:
        options: of ``python -m airflow_provider_docsanalytics.simulator``.
    """

    def __init__(self, *options: str) -> None:
        module = "airflow_provider_docsanalytics.simulator"
        self._command = [sys.executable, "-m", module, "--port", "0", *options]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ready: dict[str, str] = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def url(self) -> str:
        """Where it serves."""
        return str(self.ready["url"])

    @property
    def conversations_path(self) -> str:
        """The path of its conversations."""
        return f"/v1/analytics/{self.ready['project_id']}/assistant"

    def connection(self, platform: str = "mintlify", **extra: Any) -> dict[str, Any]:
        """Return the fields of an Airflow connection to it."""
        login = {"login": self.ready["project_id"]} if platform == "mintlify" else {}
        return {
            "conn_type": platform,
            "host": self.url,
            "password": self.ready[f"{platform}_key"],
            "extra": json.dumps(extra),
            **login,
        }

    def requests(self) -> list[dict[str, Any]]:
        """Return its log."""
        entries: list[dict[str, Any]] = self._control("GET", "requests")
        return entries

    def key(self, platform: str) -> str:
        """Return the key that a platform takes."""
        return str(self.ready[f"{platform}_key"])

    @property
    def project_id(self) -> str:
        """Its Mintlify project."""
        return str(self.ready["project_id"])

    def forget_requests(self) -> None:
        """Empty its log."""
        self._control("DELETE", "requests")

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Script these faults, as the simulator describes them, and no others."""
        self._control("DELETE", "faults")
        self._control("POST", "faults", faults)

    def set_quota(self, limit: int) -> None:
        """Start a new quota of so many requests an hour."""
        self._control("PUT", "quota", {"limit": limit, "period_s": 3600})

    def add_turns(self, count: int) -> None:
        """Let conversation turns of this moment come in."""
        self._control("POST", "turns", {"count": count})

    def truth(
        self, endpoint: str, date_from: str, date_to: str, project_id: str = ""
    ) -> list[dict[str, Any]]:
        """Return the rows that an export of the window has to bring; default: the first project."""
        asked = f"truth?endpoint={endpoint}&dateFrom={date_from}&dateTo={date_to}"
        if project_id:
            asked += f"&projectId={project_id}"
        rows: list[dict[str, Any]] = self._control("GET", asked)["rows"]
        return rows

    def _control(self, method: str, what: str, body: Any = None) -> Any:
        url = f"{self.url}/_control/{what}"
        answer = requests.request(method, url, json=body, timeout=_CONTROL_TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()
