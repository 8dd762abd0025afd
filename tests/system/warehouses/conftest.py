"""PostgreSQL on a free port; its files lie in ``.cache/e2e_warehouses`` of this clone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import free_ports
from tests.support.servers import DATABASE, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOME = Path(__file__).resolve().parents[3] / ".cache" / "e2e_warehouses"


@pytest.fixture(scope="session")
def _server() -> Iterator[int]:
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    (port,) = free_ports(1)
    with postgres(_HOME, port):
        yield port


@pytest.fixture(scope="session")
def postgres_default(_server: int) -> Iterator[None]:
    """The server behind Airflow's connection of that name."""
    connection = {"conn_type": "postgres", "host": "127.0.0.1", "port": _server}
    connection |= {"login": DATABASE, "schema": DATABASE}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_CONN_POSTGRES_DEFAULT", json.dumps(connection))
        yield
