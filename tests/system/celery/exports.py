"""A mapped export of many projects, and a worker that is killed in the middle of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from tests.support.airflow_api import ENDED
from tests.support.processes import wait_for
from tests.support.simulator_process import Service
from tests.support.stores import BUCKET
from tests.system.celery.cluster import SLOTS, WORKERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.report import Report
    from tests.support.stores import Lake
    from tests.system.celery.cluster import CeleryCluster

PAGES, PAGES_PER_FILE = 20, 2
ENDPOINT, FROM, TO = "feedback", "2026-01-01", "2026-01-31"
KILLED, SURVIVOR = WORKERS
RUN = "celery-run"
_DAG = "e2e_projects"
_ROWS_PER_PAGE = 100
_LATENCY_MS = 1500
"""An export takes half a minute: long enough for a middle on a busy machine."""
_WELL_ON, _PAGES_OF_THOSE = 2, 2 * PAGES_PER_FILE
"""How many of the exports that are killed have to have published how many pages."""
_MIDDLE_WITHIN_S, _END_WITHIN_S, _REDELIVERED_WITHIN_S = 300, 900, 300


@dataclass(frozen=True)
class Export:
    """One project's export, as it has ended.

    Attributes:
        tries: state and worker of each.
        checkpoint: as it stood when the worker was killed; ``None``: there was none.
    """

    project_id: str
    tries: tuple[tuple[str, str], ...]
    checkpoint: Mapping[str, Any] | None

    @property
    def was_killed(self) -> bool:
        """Whether the killed worker had it."""
        return len(self.tries) > 1 and self.tries[0][1] == KILLED


def service_of(projects: int) -> Service:
    """Return a simulator of so many projects."""
    size = ("--projects", str(projects), "--rows", str(PAGES * _ROWS_PER_PAGE - 1))
    return Service(*size, "--start", FROM, "--end", TO, "--latency-ms", str(_LATENCY_MS))


def directory_of(project_id: str) -> str:
    """Return what an export's directory in the bucket is called."""
    return f"{project_id}/{ENDPOINT}/dt={FROM}"


def run(report: Report, airflow: CeleryCluster, lake: Lake, projects: list[str]) -> list[Export]:
    """Export all projects, kill a worker in the middle; return all exports once they have ended."""
    path = f"s3://{lake.conn_id}@{BUCKET}/{directory_of('{project_id}')}"
    what = {"endpoint": ENDPOINT, "path": path, "date_from": FROM, "date_to": TO}
    airflow.start(_DAG, RUN, projects=projects, **what)
    wait_for("the middle", lambda: _is_middle(airflow, lake), _MIDDLE_WITHIN_S)
    airflow.kill_worker(KILLED)
    killed_at = time.monotonic()
    checkpoints = {project_id: _checkpoint(lake, project_id) for project_id in projects}
    report.say(f"killed {KILLED}; exported so far: {_pages(checkpoints)} pages in checkpoints")
    wait_for("the end", lambda: _has_ended(airflow), _END_WITHIN_S)
    report.say(f"all have ended {time.monotonic() - killed_at:.0f} s after the kill")
    wait_for("the broker", lambda: _nothing_owed(airflow), _REDELIVERED_WITHIN_S)
    return [
        Export(each["rendered_map_index"], _tries(airflow, each), checkpoints[_project(each)])
        for each in _exports(airflow)
    ]


def _is_middle(airflow: CeleryCluster, lake: Lake) -> bool:
    """Return whether the worker to be killed is busy, in the middle of some exports."""
    running = [
        each
        for each in _exports(airflow)
        if (each["state"], each["hostname"]) == ("running", KILLED)
    ]
    if len(running) < SLOTS:
        return False
    checkpoints = [_checkpoint(lake, _project(each)) for each in running]
    well_on = [
        each for each in checkpoints if each and each["progress"]["pages"] >= _PAGES_OF_THOSE
    ]
    return len(well_on) >= _WELL_ON


def _has_ended(airflow: CeleryCluster) -> bool:
    """Return whether the run has ended, whichever way."""
    return airflow.run_state(_DAG, RUN) in ENDED


def _nothing_owed(airflow: CeleryCluster) -> bool:
    """Return whether every message has been delivered and answered: the dead worker's, too."""
    with redis.Redis(port=airflow.broker_port) as broker:
        return not broker.exists("unacked", "default")


def _exports(airflow: CeleryCluster) -> list[dict[str, Any]]:
    return [each for each in airflow.instances_of(RUN) if each["map_index"] >= 0]


def _project(export: Mapping[str, Any]) -> str:
    return str(export["rendered_map_index"])


def _tries(airflow: CeleryCluster, export: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((each["state"], each["hostname"]) for each in airflow.tries_of(export))


def _checkpoint(lake: Lake, project_id: str) -> Mapping[str, Any] | None:
    found = lake.read(f"{directory_of(project_id)}/_checkpoint.json")
    return json.loads(next(iter(found.values()))) if found else None


def _pages(checkpoints: Mapping[str, Mapping[str, Any] | None]) -> list[int]:
    return [each["progress"]["pages"] for each in checkpoints.values() if each]
