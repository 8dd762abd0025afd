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


@pytest.fixture(scope="session")
def _service() -> Iterator[Simulator]:
    config = Config(rows=2500, start="2026-01-01", end="2026-01-31")
    with OddSimulator(config) as simulator:
        yield simulator


@pytest.fixture
def service(_service: Simulator) -> Simulator:
    """Both APIs, with 30 days of data, no quota, no faults and an empty log."""
    _service.set_quota(None)
    _service.clear_faults()
    _service.clear_requests()
    return _service


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
