"""One Airflow for all scenarios that need a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.airflow_cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure what needs no Airflow first: later one runs beside it."""
    items.sort(key=lambda item: "airflow" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def airflow() -> Iterator[Cluster]:
    """Scheduler, LocalExecutor, API server, Dag processor and triggerer."""
    with Cluster() as cluster:
        yield cluster
