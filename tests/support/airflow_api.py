"""A running Airflow, as an administrator and its REST API see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
_CALL_TIMEOUT_S = 60


class Airflow:
    """The Airflow whose API server listens on a port of this machine."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        # On SQLite the API server now and then answers 500 while the scheduler writes; what was
        # to be written then is not.
        patience = Retry(8, status_forcelist=[500, 503], allowed_methods=None, backoff_factor=0.3)
        self._session.mount(self.url, HTTPAdapter(max_retries=patience))

    def is_ready(self) -> bool:
        """Return whether all parts that report their health are healthy."""
        try:
            health = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            return False
        parts = ("scheduler", "triggerer", "dag_processor")
        return all(health[part]["status"] == "healthy" for part in parts)

    def log_in(self) -> None:
        """Become an administrator."""
        token = self._session.get(f"{self.url}/auth/token", timeout=_CALL_TIMEOUT_S).json()
        self._session.headers["Authorization"] = f"Bearer {token['access_token']}"

    def has_dags(self) -> bool:
        """Return whether there are Dags.

        Raises:
            RuntimeError: one cannot be imported.
        """
        errors = self.call("GET", "importErrors")["import_errors"]
        if errors:
            raise RuntimeError(errors[0]["stack_trace"])
        return bool(self.call("GET", "dags")["dags"])

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call the REST API; return the JSON that it answers."""
        url = f"{self.url}/api/v2/{path}"
        answer = self._session.request(method, url, timeout=_CALL_TIMEOUT_S, **arguments)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def add_connection(self, conn_id: str, fields: Mapping[str, Any]) -> None:
        """Store a connection, as the form in the UI does, or another in its place."""
        self._put("connections", {"connection_id": conn_id, **fields})

    def set_variable(self, key: str, value: str) -> None:
        """Set one of Airflow's variables."""
        self._put("variables", {"key": key, "value": value})

    def add_pool(self, name: str, slots: int) -> None:
        """Make a pool, or give it another size."""
        self._put("pools", {"name": name, "slots": slots})

    def pause(self, dag_id: str, *, paused: bool = True) -> None:
        """Let none of a Dag's runs start, or let them again."""
        self.call("PATCH", f"dags/{dag_id}", json={"is_paused": paused})

    def start(self, dag_id: str, run_id: str, **conf: Any) -> None:
        """Trigger a run."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.call("POST", f"dags/{dag_id}/dagRuns", json=body)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_instances(self) -> list[dict[str, Any]]:
        """Return all task instances of all runs."""
        return self._all("dags/~/dagRuns/~/taskInstances", "task_instances")

    def instances_of(self, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of one run."""
        return [task for task in self.task_instances() if task["dag_run_id"] == run_id]

    def tries_of(self, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return all tries of a mapped task instance, the first one first."""
        path = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        tries = self.call("GET", f"{path}/{task['map_index']}/tries")["task_instances"]
        return sorted(tries, key=lambda each: int(each["try_number"]))

    def asset_events(self) -> list[dict[str, Any]]:
        """Return all events of all assets."""
        return self._all("assets/events", "asset_events")

    def pool(self) -> dict[str, int]:
        """Return how many slots are taken, and by what."""
        pool: dict[str, int] = self.call("GET", "pools/default_pool")
        return pool

    def triggerers(self) -> list[Any]:
        """Return the triggerers that are alive."""
        query = {"job_type": "TriggererJob", "is_alive": True}
        found: list[Any] = self.call("GET", "jobs", params=query)["jobs"]
        return found

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", path, params={"limit": 100, "offset": len(found)})
            found += page[name]
            if not page[name] or len(found) >= page["total_entries"]:
                return found

    def _put(self, kind: str, entity: Mapping[str, Any]) -> None:
        action = {"action": "create", "action_on_existence": "overwrite", "entities": [entity]}
        done = self.call("PATCH", kind, json={"actions": [action]})["create"]
        if done["errors"]:
            raise RuntimeError(f"{kind}: {done['errors']}")
