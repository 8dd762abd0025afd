"""Two triggerers, one of which dies: every sensor still ends, and ends once."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support.airflow_api import ENDED
from tests.support.airflow_cluster import HOME
from tests.support.processes import kill, wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

SENSORS = 20
_RUN = "sensors"
_ENDED = HOME / "ended.txt"
_DEFERRED_WITHIN_S = 240
_ENDED_WITHIN_S = 300


def test_every_sensor_ends_once_when_a_triggerer_dies(report: Report, airflow: Cluster) -> None:
    """Defer all, kill a triggerer that holds some, add turns, and count who ends."""
    with Service("--rows", "0") as service, airflow.second_triggerer() as second:
        airflow.add_connection("e2e_sensors", service.connection())
        since = datetime.now(UTC).isoformat()
        airflow.start("e2e_sensors", _RUN, since=since, conn_id="e2e_sensors", ended=str(_ENDED))
        wait_for("all deferred", lambda: _held(airflow).total() == SENSORS, _DEFERRED_WITHIN_S)
        before = _held(airflow)
        kill(second.pid)
        killed = time.monotonic()
        report.say(f"{SENSORS} sensors deferred; killed the triggerer of {before[max(before)]}")
        service.add_turns(1)
        wait_for("all ended", lambda: _all_ended(airflow), _ENDED_WITHIN_S)
        report.say(f"all ended {time.monotonic() - killed:.0f} s after the kill")
        states = Counter(task["state"] for task in airflow.instances_of(_RUN))
    _verify(report, before, states, _ENDED)


def _held(airflow: Cluster) -> Counter[int]:
    """Return how many of the sensors each triggerer holds, by the number of its job."""
    return Counter(
        task["triggerer_job"]["id"] for task in airflow.instances_of(_RUN) if _is_held(task)
    )


def _is_held(task: dict[str, Any]) -> bool:
    return task["state"] == "deferred" and task["triggerer_job"] is not None


def _all_ended(airflow: Cluster) -> bool:
    return all(task["state"] in ENDED for task in airflow.instances_of(_RUN))


def _verify(report: Report, before: Counter[int], states: Counter[str], ended: Path) -> None:
    times = Counter(ended.read_text().split())
    report.check(f"both triggerers held sensors: {sorted(before.values())}", holds=len(before) == 2)
    report.check(
        f"all {SENSORS} sensors ended well: {dict(states)}", holds=states == {"success": SENSORS}
    )
    report.check(
        f"each ended once: {len(times)} sensors, {times.total()} ends",
        holds=len(times) == times.total() == SENSORS,
    )
