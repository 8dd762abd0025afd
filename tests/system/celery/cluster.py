"""Airflow as in production: PostgreSQL, Redis, and workers that share nothing with each other."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING

import psutil

from tests.support.airflow_cluster import CLONE, Cluster
from tests.support.airflow_home import AIRFLOW_COMMANDS
from tests.support.processes import free_ports, kill, wait_for
from tests.support.servers import DATABASE, postgres, postgres_command, redis
from tests.system.celery import machine

if TYPE_CHECKING:
    from contextlib import ExitStack

HOME = CLONE / ".cache" / "e2e-celery"
WORKERS = ("worker-1", "worker-2")
SLOTS = 4
"""How many tasks a worker runs at once."""
HEARTBEAT_TIMEOUT_S = 30
VISIBILITY_TIMEOUT_S = 10
"""After which Redis gives what a worker has taken, and not yet ended, to any worker: here before
an export's end, so that each is given away while it runs."""
_START_TIMEOUT_S = 600
_BROKER = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__"
_MIGRATION = (
    sys.executable,
    str(AIRFLOW_COMMANDS),
    "db migrate",
)


@dataclass(frozen=True)
class Worker:
    """A Celery worker; home, temporary files and logs of its machine are a directory of its own."""

    name: str
    disk: Path
    log: Path
    process: subprocess.Popen[bytes]


class CeleryCluster(Cluster):
    """API server, scheduler, Dag processor, triggerer and two workers, each a process."""

    def __init__(self) -> None:
        super().__init__(HOME, Path(__file__).parent / "dags")
        self._database_port, self.broker_port = free_ports(2)
        # What all machines of one deployment have in common.
        self._secrets = {
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(token_bytes(32)).decode(),
            "AIRFLOW__API__SECRET_KEY": token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": token_hex(32),
        }
        self.workers: dict[str, Worker] = {}

    def environment(self, directory: Path | None = None, **more: str) -> dict[str, str]:
        """Return the environment of a process that keeps its own files in a directory."""
        database = f"postgresql+psycopg2://{DATABASE}@127.0.0.1:{self._database_port}/{DATABASE}"
        settings = {
            "PYTHONPATH": str(CLONE),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": f"{machine.__name__}.name",
            "AIRFLOW__CORE__PARALLELISM": "32",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(SLOTS),
            f"{_BROKER}VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT_S),
            f"{_BROKER}UNACKED_RESTORE_THROTTLE": "1",  # look for those every 10 s
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT_S),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        }
        return super().environment(directory, **(settings | self._secrets | more))

    def kill_worker(self, name: str) -> None:
        """Kill a worker with all its processes as when its machine dies; its disk is gone, too."""
        worker = self.workers[name]
        kill(worker.process.pid)
        worker.disk.rename(lost(worker.disk))

    def dump(self) -> bytes:
        """Return the whole database as text."""
        there = ("--host", "127.0.0.1", "--port", str(self._database_port), "--username", DATABASE)
        done = subprocess.run(
            postgres_command("pg_dump", *there, DATABASE), check=True, capture_output=True
        )
        return done.stdout

    def left_running(self) -> list[str]:
        """Return what still runs of all that was started here."""
        return [
            " ".join(each.info["cmdline"] or ())
            for each in psutil.process_iter(["cmdline", "environ"])
            if each.pid != os.getpid()
            and (each.info["environ"] or {}).get("HOME", "").startswith(str(self.home))
        ]

    def _start_all(self, started: ExitStack) -> None:
        started.enter_context(postgres(self.home, self._database_port))
        started.enter_context(redis(self.home, self.broker_port))
        environment = self.environment()
        with (self.home / "commands.log").open("ab") as log:
            subprocess.run(_MIGRATION, env=environment, check=True, stdout=log, stderr=log)
        for command in ("api-server", "scheduler", "dag-processor", "triggerer"):
            started.enter_context(self._run(environment, command))
        for name in WORKERS:
            self.workers[name] = self._start_worker(started, name)
        wait_for("the workers", self._are_workers_ready, _START_TIMEOUT_S)

    def _start_worker(self, started: ExitStack, name: str) -> Worker:
        disk = self.home / name
        environment = self.environment(disk, **{machine.VARIABLE: name})
        options = ("celery", "worker", "--skip-serve-logs", "--celery-hostname", name)
        running = started.enter_context(self._run(environment, *options, log=name))
        return Worker(name, disk, self.home / f"{name}.log", running)

    def _are_workers_ready(self) -> bool:
        for worker in self.workers.values():
            if worker.process.poll() is not None:
                raise RuntimeError(f"{worker.name} has ended: {worker.log}")
        return all(
            f"{worker.name} ready" in worker.log.read_text(errors="replace")
            for worker in self.workers.values()
        )


def lost(disk: Path) -> Path:
    """Return where the disk of a killed worker is kept for the checks, out of anybody's reach."""
    return disk.with_name(f"{disk.name}.lost")
