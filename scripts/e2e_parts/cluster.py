"""A real Airflow: scheduler, LocalExecutor, API server, Dag processor and triggerer."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil
import requests
from airflow_home import airflow_environment
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCRIPTS = Path(__file__).resolve().parent.parent
HOME = SCRIPTS.parent / ".cache" / "e2e"
_DAGS = HOME / "dags"
ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
_START_TIMEOUT_S = 180
_CALL_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 15


class Cluster:
    """``airflow standalone`` with every file in ``.cache/e2e``, running inside a ``with`` block."""

    def __init__(self) -> None:
        shutil.rmtree(HOME, ignore_errors=True)
        shutil.copytree(SCRIPTS / "e2e_dags", _DAGS)
        self._api, *self._log_ports = _free_ports(3)
        self._url = f"http://127.0.0.1:{self._api}"
        self._session = requests.Session()
        # On SQLite the API server now and then answers 500 while the scheduler writes; what was
        # to be written then is not.
        patience = Retry(8, status_forcelist=[500, 503], allowed_methods=None, backoff_factor=0.3)
        self._session.mount(self._url, HTTPAdapter(max_retries=patience))
        self._processes = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.enter_context(_process(self._environment(), "standalone"))
            wait_for("Airflow is ready", self._is_ready, _START_TIMEOUT_S)
            token = self._session.get(f"{self._url}/auth/token", timeout=_CALL_TIMEOUT_S).json()
            self._session.headers["Authorization"] = f"Bearer {token['access_token']}"
            wait_for("the Dags are there", self._has_dags, _START_TIMEOUT_S)
            self._processes = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    @contextmanager
    def second_triggerer(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run one more triggerer; give its process once it is alive."""
        alive = len(self._triggerers())
        with self._triggerer() as process:
            wait_for(
                "a second triggerer", lambda: len(self._triggerers()) > alive, _START_TIMEOUT_S
            )
            yield process

    def replace_triggerer(self) -> None:
        """Kill the triggerer with all its processes, as when its machine dies; start another."""
        for process in psutil.process_iter(["cmdline"]):
            if "triggerer" in (process.info["cmdline"] or ()) and _is_ours(process):
                for member in [process, *process.children(recursive=True)]:
                    member.kill()
        self._processes.enter_context(self._triggerer())

    @contextmanager
    def _triggerer(self) -> Iterator[subprocess.Popen[bytes]]:
        port = str(_free_ports(1)[0])
        environment = self._environment() | {"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": port}
        with _process(environment, "triggerer") as process:
            yield process

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call Airflow's REST API; return the JSON that it answers."""
        url = f"{self._url}/api/v2/{path}"
        answer = self._session.request(method, url, timeout=_CALL_TIMEOUT_S, **arguments)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def command(self, line: str) -> bool:
        """Run an Airflow command as an administrator does, ``pools list``; say if it succeeded."""
        command = [Path(sys.executable).with_name("airflow"), *line.split()]
        with (HOME / "commands.log").open("ab") as log:
            done = subprocess.run(
                command,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        return done.returncode == 0

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

    def add_dags(self, file: Path, text: str | None = None) -> None:
        """Put a file among the Dags, or another text under its name; it is found in seconds."""
        (_DAGS / file.name).write_text(file.read_text() if text is None else text)

    def remove_dags(self, file: Path) -> None:
        """Take a file away from the Dags again."""
        (_DAGS / file.name).unlink()

    def start(self, dag_id: str, run_id: str, **conf: Any) -> None:
        """Trigger a run."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.call("POST", f"dags/{dag_id}/dagRuns", json=body)

    def task_instances(self) -> list[dict[str, Any]]:
        """Return all task instances of all runs."""
        return self._all("dags/~/dagRuns/~/taskInstances", "task_instances")

    def instances_of(self, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of one run."""
        return [task for task in self.task_instances() if task["dag_run_id"] == run_id]

    def asset_events(self) -> list[dict[str, Any]]:
        """Return all events of all assets."""
        return self._all("assets/events", "asset_events")

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", path, params={"limit": 100, "offset": len(found)})
            found += page[name]
            if not page[name] or len(found) >= page["total_entries"]:
                return found

    def pool(self) -> dict[str, int]:
        """Return how many slots are taken, and by what."""
        pool: dict[str, int] = self.call("GET", "pools/default_pool")
        return pool

    def _put(self, kind: str, entity: Mapping[str, Any]) -> None:
        action = {"action": "create", "action_on_existence": "overwrite", "entities": [entity]}
        done = self.call("PATCH", kind, json={"actions": [action]})["create"]
        if done["errors"]:
            raise RuntimeError(f"{kind}: {done['errors']}")

    def _triggerers(self) -> list[Any]:
        query = {"job_type": "TriggererJob", "is_alive": True}
        found: list[Any] = self.call("GET", "jobs", params=query)["jobs"]
        return found

    def _is_ready(self) -> bool:
        try:
            health = self._session.get(f"{self._url}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            return False
        parts = ("scheduler", "triggerer", "dag_processor")
        return all(health[part]["status"] == "healthy" for part in parts)

    def _has_dags(self) -> bool:
        errors = self.call("GET", "importErrors")["import_errors"]
        if errors:
            raise RuntimeError(errors[0]["stack_trace"])
        return bool(self.call("GET", "dags")["dags"])

    def _environment(self) -> dict[str, str]:
        worker_log_port, trigger_log_port = self._log_ports
        return airflow_environment(
            HOME,
            AIRFLOW__API__PORT=str(self._api),
            AIRFLOW__API__BASE_URL=self._url,
            AIRFLOW__API__WORKERS="1",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self._url}/execution/",
            AIRFLOW__CORE__DAGS_FOLDER=str(_DAGS),
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
            AIRFLOW__CORE__PARALLELISM="8",
            AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL="5",
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(worker_log_port),
            AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=str(trigger_log_port),
        )


def wait_for(
    what: str, condition: Callable[[], bool], timeout_s: float, every_s: float = 1.0
) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: it took too long; the message says what was waited for.
    """
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout_s:
            raise TimeoutError(f"waited {timeout_s:.0f} s in vain: {what}")
        time.sleep(every_s)


@contextmanager
def _process(environment: Mapping[str, str], command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an Airflow command; its output goes to a log, and its end is that of all it started."""
    with (HOME / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("airflow"), command],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all its descendants, which Airflow leaves behind on SIGTERM."""
    if process.poll() is not None:
        return
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    _, stubborn = psutil.wait_procs(family, timeout=_STOP_TIMEOUT_S)
    for member in stubborn:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def _is_ours(process: psutil.Process) -> bool:
    return process.environ().get("AIRFLOW_HOME") == str(HOME / "airflow")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
