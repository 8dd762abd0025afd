"""The event-driven example: its runs export every turn once, also when one of them is cleared."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.airflow_cluster import CLONE, HOME
from tests.support.exported import MANIFEST, read_export
from tests.support.processes import wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

_BATCHES = 3
_TURNS = 40
_WITHIN_S = 600
_EXAMPLE = CLONE / "example_dags" / "react_to_new_conversations.py"
_DAG = "react_to_new_conversations"
_LAKE = HOME / "news"


@pytest.mark.short
def test_every_turn_is_exported_once_also_when_a_run_is_cleared(
    report: Report, airflow: Cluster
) -> None:
    """Let turns come in three times, clear a run in the middle, and read what was exported."""
    example = _EXAMPLE.read_text()
    quick = example.replace("poke_interval_s=900", "poke_interval_s=5")
    quick = quick.replace("deferrable=True", "deferrable=True, settle=timedelta(0)")
    quick = quick.replace("timedelta(minutes=10)", "timedelta(seconds=5)")
    with Service("--rows", "0") as service:
        airflow.add_connection("mintlify_default", service.connection())
        airflow.set_variable("docs_lake", f"file://{_LAKE}")
        airflow.add_pool("mintlify_api", 1)
        airflow.add_dags(_EXAMPLE, quick)
        wait_for("the first poll", lambda: bool(service.requests()), _WITHIN_S)
        for batch in range(1, _BATCHES + 1):
            service.add_turns(_TURNS)
            wait_for(f"run {batch}", lambda done=batch: _ended(airflow) >= done, _WITHIN_S)
        cleared = min(_runs(airflow), key=lambda each: str(each["run_after"]))["dag_run_id"]
        airflow.call("POST", f"dags/{_DAG}/dagRuns/{cleared}/clear", json={"dry_run": False})
        time.sleep(2)
        wait_for("the cleared run", lambda: _ended(airflow) >= _BATCHES, _WITHIN_S)
        airflow.remove_dags(_EXAMPLE)
        _verify(report, service, [run["state"] for run in _runs(airflow)])


def _runs(airflow: Cluster) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = airflow.call("GET", f"dags/{_DAG}/dagRuns")["dag_runs"]
    return runs


def _ended(airflow: Cluster) -> int:
    """Return how many runs have ended, or none as long as one of them goes on."""
    try:
        states = [run["state"] for run in _runs(airflow)]
    except RuntimeError:  # the Dag is not there yet
        return 0
    return len(states) if set(states) <= {"success", "failed"} else 0


def _verify(report: Report, service: Service, states: list[str]) -> None:
    windows, rows = [], []
    for path in sorted(_LAKE.rglob(MANIFEST)):
        found = read_export(path.parent)
        windows.append((found.manifest["date_from"], found.manifest["date_to"]))
        rows += found.rows
    truth = service.truth("conversations", windows[0][0], windows[-1][1])
    report.check(f"{len(states)} runs: {states}", holds=set(states) == {"success"})
    report.check(
        f"{len(windows)} windows lie end to end",
        holds=all(earlier[1] == later[0] for earlier, later in pairwise(windows)),
    )
    report.check(
        f"{len(rows)} rows exported of {len(truth)}, each once",
        holds=_keys(rows) == _keys(truth) and len(rows) == _BATCHES * _TURNS,
    )


def _keys(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((row["id"], row["timestamp"]) for row in rows)
