"""A fresh Airflow for the whole run, before anything imports it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import HealthCheck, configuration, settings
from moto.server import ThreadedMotoServer

from airflow_provider_docsanalytics.simulator import Config
from airflow_provider_docsanalytics.simulator.data import Dataset
from tests.support.airflow_home import airflow_environment
from tests.support.moto_s3 import write_in_one_step
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator


def pytest_configure(config: pytest.Config) -> None:
    """Give this run an Airflow of its own, beside its temporary files."""
    home = Path(f"{config.option.basetemp}-home").resolve()
    shutil.rmtree(home, ignore_errors=True)
    os.environ.update(airflow_environment(home))
    configuration.set_hypothesis_home_dir(home / "hypothesis")


# The same examples everywhere, however slow the machine, and nothing left outside.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


_MONTH = Config(rows=2500, start="2026-01-01", end="2026-01-31")


@pytest.fixture(scope="session")
def _data() -> dict[str, Dataset]:
    """What every :func:`service` serves: it takes a while to make, and no test changes it."""
    return {OddSimulator.project_id: Dataset(_MONTH)}


@pytest.fixture
def service(_data: dict[str, Dataset]) -> Iterator[Simulator]:
    """Both APIs, with 30 days of data, no quota, no faults and an empty log.

    Each test has its own: a request of a client that gave up may arrive after the client's test.
    """
    with OddSimulator(_MONTH) as simulator:
        simulator._projects = _data
        yield simulator


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Where a real S3 API listens, with no bucket: its objects outlive a server of this process."""
    write_in_one_step()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    requests.post(f"{url}/moto-api/reset", timeout=10).raise_for_status()
    yield url
    server.stop()
