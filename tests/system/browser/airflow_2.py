"""The web server of Airflow 2.11, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import requests

from tests.support.airflow_home import AIRFLOW_COMMANDS, airflow_environment
from tests.support.processes import free_ports, process, wait_for
from tests.system.browser.form_2 import USER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_TIMEOUT_S = 180
_ACCOUNT = f"users create --role Admin --username {USER} --password {USER} --firstname A "
_NAME = "--lastname B --email admin@example.com"


class WebServer:
    """``airflow webserver`` with a database and an administrator.

    Args:
        home: where every file of it is; what was there is removed.
        environment: the directory that Airflow 2.11 is installed in.
    """

    def __init__(self, home: Path, environment: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._home, self._bin = home, environment / "bin"
        self._environment = airflow_environment(
            home,
            PATH=f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            AIRFLOW__CORE__TEST_CONNECTION="Enabled",
            AIRFLOW__CORE__DAGS_FOLDER=str(home / "dags"),
            AIRFLOW__WEBSERVER__WEB_SERVER_HOST="127.0.0.1",
            AIRFLOW__WEBSERVER__WEB_SERVER_PORT=str(port),
            AIRFLOW__WEBSERVER__WORKERS="1",
        )

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve inside the block."""
        self._command("db migrate", f"{_ACCOUNT}{_NAME}")
        log = self._home / "webserver.log"
        with process(log, self._environment, self._bin / "airflow", "webserver"):
            wait_for("Airflow 2.11 serves", self._is_ready, _START_TIMEOUT_S)
            yield self

    def stored(self) -> dict[str, dict[str, Any]]:
        """Return the connections as they are in the database, nothing masked."""
        file = self._home / "connections.json"
        self._command(f"connections export {file} --file-format json")
        connections: dict[str, dict[str, Any]] = json.loads(file.read_text())
        return connections

    def _command(self, *lines: str) -> None:
        command = [
            self._bin / "python",
            AIRFLOW_COMMANDS,
            *lines,
        ]
        with (self._home / "commands.log").open("ab") as log:
            subprocess.run(command, env=self._environment, stdout=log, stderr=log, check=True)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.RequestException:
            return False
