"""PostgreSQL and Redis as Debian packs them, with their data in a directory of this clone."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE = "airflow"
_BINARIES = Path("/usr/lib/postgresql")
_USER = "postgres"
_CAPABILITY = "+dac_override"
_START_TIMEOUT_S = 60


def postgres_command(name: str, *options: str) -> list[str]:
    """Return how PostgreSQL's newest program of a name is called by a user that it works for.

    It refuses to be root. The user that root becomes may still read and write as root does: a
    clone below root's home is nobody else's to enter.
    """
    found = max(_BINARIES.glob(f"*/bin/{name}"), key=lambda path: float(path.parent.parent.name))
    command = [str(found), *options]
    if os.geteuid() != 0:
        return command
    user = (f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups")
    able = (f"--inh-caps={_CAPABILITY}", f"--ambient-caps={_CAPABILITY}")
    return ["setpriv", *user, *able, *command]


@contextmanager
def postgres(home: Path, port: int) -> Iterator[None]:
    """Serve an empty database on loopback."""
    data = home / "postgres"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, _USER, _USER)
    made = ("--pgdata", str(data), "--username", DATABASE, "--auth=trust", "--no-sync")
    _run(home, "initdb", *made, "--encoding=UTF8", "--locale=C.UTF-8")
    settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
    options = [word for setting in settings for word in ("-c", setting)]
    command = postgres_command("postgres", "-D", str(data), "-p", str(port), *options)
    there = ("--host", "127.0.0.1", "--port", str(port), "--username", DATABASE)
    with process(home / "postgres.log", os.environ, *command):
        wait_for("PostgreSQL", lambda: _succeeds("pg_isready", *there), _START_TIMEOUT_S, 0.2)
        _run(home, "createdb", *there, DATABASE)
        yield


@contextmanager
def redis(home: Path, port: int) -> Iterator[None]:
    """Serve Redis on loopback; its append-only file keeps every command that changes something."""
    data = home / "redis"
    data.mkdir()
    keep = ("--save", "", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
    command = ("redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data))
    with process(home / "redis.log", os.environ, *command, *keep):
        ping = ("redis-cli", "-p", str(port), "ping")
        wait_for("Redis", lambda: _ends_well(ping), _START_TIMEOUT_S, 0.2)
        yield


def _run(home: Path, name: str, *options: str) -> None:
    with (home / "commands.log").open("ab") as log:
        command = postgres_command(name, *options)
        subprocess.run(command, check=True, stdout=log, stderr=log, cwd=home)


def _succeeds(name: str, *options: str) -> bool:
    return _ends_well(postgres_command(name, *options))


def _ends_well(command: list[str] | tuple[str, ...]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
