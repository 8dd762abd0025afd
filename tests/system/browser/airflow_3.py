"""Airflow 3 as a newcomer meets it: Dags paused, and the Test button switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.airflow_cluster import Cluster

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = {
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
}


class Standalone(Cluster):
    """``airflow standalone`` with more environment variables."""

    def __init__(self, home: Path, dags: Path, **settings: str) -> None:
        super().__init__(home, dags)
        self._settings = _SETTINGS | settings

    def environment(self, directory: Path | None = None, **more: str) -> dict[str, str]:
        """Return the environment of a process that keeps its own files in a directory."""
        return super().environment(directory, **(self._settings | more))
