"""Two simulators: one that tests only read, and one that they may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.simulator.client import END, START, Client
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def month() -> Iterator[Client]:
    """Serve a month of the default size; read only."""
    with Simulator(Config(start=START, end=END)) as simulator:
        yield Client(simulator)


@pytest.fixture
def small() -> Iterator[Client]:
    with OddSimulator(Config(rows=120, start=START, end=END)) as simulator:
        yield Client(simulator)
