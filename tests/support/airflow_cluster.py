"""A real Airflow: scheduler, LocalExecutor, API server, Dag processor and triggerer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from tests.support.airflow_api import Airflow
from tests.support.airflow_home import airflow_environment
from tests.support.processes import free_ports, kill, process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLONE = Path(__file__).resolve().parents[2]
HOME = CLONE / ".cache" / "e2e"
AIRFLOW = Path(sys.executable).with_name("airflow")
_START_TIMEOUT_S = 600


class Cluster(Airflow):
    """``airflow standalone`` with every file in one directory, running inside a ``with`` block.

    Args:
        home: that directory, which is emptied first.
        dags: the Dags, which are copied there.
    """

    def __init__(
        self, home: Path = HOME, dags: Path = CLONE / "tests" / "system" / "waiting" / "dags"
    ) -> None:
        self._port, *self._log_ports = free_ports(3)
        super().__init__(self._port)
        self.home = home
        self._dags = home / "dags"
        self._processes = ExitStack()
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(dags, self._dags)

    def __enter__(self) -> Self:
        with ExitStack() as started:
            self._start_all(started)
            wait_for("Airflow is ready", self.is_ready, _START_TIMEOUT_S)
            self.log_in()
            wait_for("the Dags are there", self.has_dags, _START_TIMEOUT_S)
            self._processes = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    @contextmanager
    def second_triggerer(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run one more triggerer; give its process once it is alive."""
        alive = len(self.triggerers())
        with self._triggerer() as running:
            wait_for("a second triggerer", lambda: len(self.triggerers()) > alive, _START_TIMEOUT_S)
            yield running

    def replace_triggerer(self) -> None:
        """Kill the triggerer with all its processes, as when its machine dies; start another."""
        triggerers = [
            each.pid
            for each in psutil.process_iter(["cmdline"])
            if "triggerer" in (each.info["cmdline"] or ()) and self._is_ours(each)
        ]
        for pid in triggerers:
            kill(pid)
        self._processes.enter_context(self._triggerer())

    @contextmanager
    def _triggerer(self) -> Iterator[subprocess.Popen[bytes]]:
        port = str(free_ports(1)[0])
        environment = self.environment() | {"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": port}
        with self._run(environment, "triggerer") as running:
            yield running

    def command(self, line: str) -> bool:
        """Run an Airflow command as an administrator does, ``pools list``; say if it succeeded."""
        with (self.home / "commands.log").open("ab") as log:
            done = subprocess.run(
                [AIRFLOW, *line.split()],
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        return done.returncode == 0

    def add_dags(self, file: Path, text: str | None = None) -> None:
        """Put a file among the Dags, or another text under its name; it is found in seconds."""
        (self._dags / file.name).write_text(file.read_text() if text is None else text)

    def remove_dags(self, file: Path) -> None:
        """Take a file away from the Dags again."""
        (self._dags / file.name).unlink()

    def environment(self, directory: Path | None = None, **more: str) -> dict[str, str]:
        """Return the environment of a process that keeps its own files in a directory."""
        worker_log_port, trigger_log_port = self._log_ports
        settings = {
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._dags),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # On a busy machine a task must not fail because the API server is slow to respond.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log_port),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        }
        return airflow_environment(directory or self.home, **(settings | more))

    def _start_all(self, started: ExitStack) -> None:
        started.enter_context(self._run(self.environment(), "standalone"))

    @contextmanager
    def _run(
        self, environment: Mapping[str, str], *command: str, log: str | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run an Airflow command; its output goes to a log, of the command's name by default."""
        output = self.home / f"{log or command[0]}.log"
        with process(output, environment, AIRFLOW, *command) as running:
            yield running

    def _is_ours(self, running: psutil.Process) -> bool:
        return running.environ().get("AIRFLOW_HOME") == str(self.home / "airflow")
