"""Two simulators: one to look at, one to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.simulator.client import END, START, Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def month() -> Iterator[Client]:
    """Serve a month of the default size; nothing may be changed in it."""
    with Simulator(Config(start=START, end=END)) as simulator:
        yield Client(simulator)


@pytest.fixture
def small() -> Iterator[Client]:
    with Simulator(Config(rows=120, start=START, end=END)) as simulator:
        yield Client(simulator)
