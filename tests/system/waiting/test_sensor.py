"""A deferred sensor: what it holds while it waits, what it asks, and how soon it wakes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.support.airflow_api import ENDED
from tests.support.processes import wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

INTERVAL_S = 15
_DEFERRED_S = 40
_OVERHEAD_S = 20.0
"""What Airflow itself may need: to send the task to a worker again, and to start it there."""
_RUN = "sensor"


def test_a_deferred_sensor_holds_no_slot_and_wakes_soon(report: Report, airflow: Cluster) -> None:
    """Defer, watch, add turns, and wait for the end."""
    with Service("--rows", "0") as service:
        airflow.add_connection("e2e_sensor", service.connection())
        since = datetime.now(UTC).isoformat()
        airflow.start("e2e_sensor", _RUN, since=since, conn_id="e2e_sensor")
        wait_for("deferred", lambda: _state(airflow) == "deferred", 60, every_s=0.5)
        _watch(report, airflow)
        added = time.time()
        service.add_turns(1)
        wait_for("ended", lambda: _state(airflow) in ENDED, 120, every_s=0.25)
        woken_s = time.time() - added
        asked = [entry["at"] for entry in service.requests()]
        _verify(report, asked, added, woken_s)
        report.check(f"the task ended as {_state(airflow)}", holds=_state(airflow) == "success")


def _state(airflow: Cluster) -> str | None:
    instances = airflow.instances_of(_RUN)
    return instances[0]["state"] if instances else None


def _watch(report: Report, airflow: Cluster) -> None:
    """Sample the task and the pool while the task is deferred."""
    states, occupied, deferred = [], [], []
    end = time.monotonic() + _DEFERRED_S
    while time.monotonic() < end:
        pool = airflow.pool()
        states.append(_state(airflow))
        occupied.append(pool["occupied_slots"])
        deferred.append(pool["deferred_slots"])
        time.sleep(1)
    report.say(
        f"{len(states)} samples in {_DEFERRED_S} s: states {sorted(set(map(str, states)))}, "
        f"at most {max(occupied)} slots occupied, {min(deferred)} to {max(deferred)} deferred"
    )
    report.check(
        "a deferred sensor holds no slot", holds=set(states) == {"deferred"} and max(occupied) == 0
    )


def _verify(report: Report, asked: list[float], added: float, woken_s: float) -> None:
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    report.say(f"turns seen {asked[-1] - added:.1f} s after they came in, task ended {woken_s:.1f}")
    report.say(f"{len(asked)} requests, {', '.join(f'{gap:.1f}' for gap in gaps)} s apart")
    report.check(
        f"woke within {INTERVAL_S} + {_OVERHEAD_S:.0f} s", holds=woken_s < INTERVAL_S + _OVERHEAD_S
    )
    pokes = 1 + int((asked[-1] - asked[0]) // INTERVAL_S)
    # Fewer requests where the triggerer took the sensor over late, as on a busy machine.
    report.check(f"time for {pokes} pokes, {len(asked)} requests", holds=1 < len(asked) <= pokes)
