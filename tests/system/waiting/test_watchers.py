"""50 watchers on one connection: what they ask, and that a killed triggerer costs nothing."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

WATCHERS = 50
INTERVAL_S = 10
_TURNS = 60
"""In each batch; more than the most patient watcher waits for."""
_WITHIN_S = 400
_DAGS = Path(__file__).parent / "watching" / "watchers.py"


def test_fifty_watchers_share_one_poll_and_survive_their_triggerer(
    report: Report, airflow: Cluster
) -> None:
    """Let turns come in: before and after the triggerer dies, and while there is none."""
    with Service("--rows", "0") as service:
        airflow.add_connection("e2e_watched", service.connection())
        airflow.add_dags(_DAGS)
        wait_for("the first poll", lambda: bool(service.requests()), 180)
        first = service.requests()[0]["at"]
        service.add_turns(_TURNS)
        _wait_for_batches(airflow, 1)
        report.say(f"every Dag has run {time.time() - first:.0f} s after the first poll")
        _verify_polls(report, service, since=first)
        airflow.replace_triggerer()
        restarted = time.time()
        service.add_turns(_TURNS)  # seconds before the new one is up
        _wait_for_batches(airflow, 2)
        report.say(f"every Dag has run again {time.time() - restarted:.0f} s after the kill")
        service.add_turns(_TURNS)
        _wait_for_batches(airflow, 3)
        time.sleep(3 * INTERVAL_S)  # whatever would be announced a second time
        _verify_polls(report, service, since=restarted)
        airflow.remove_dags(_DAGS)
    totals = _totals(airflow)
    report.check(
        f"{3 * _TURNS} turns announced to each of {WATCHERS} Dags: {dict(totals)}",
        holds=totals == Counter({3 * _TURNS: WATCHERS}),
    )


def _wait_for_batches(airflow: Cluster, count: int) -> None:
    """Return once every Dag has run for so many batches, in whatever number of events."""
    told = Counter({count * _TURNS: WATCHERS})
    wait_for(f"{WATCHERS} Dags have run", lambda: _totals(airflow) == told, _WITHIN_S)


def _totals(airflow: Cluster) -> Counter[int]:
    """Return how many Dags have run for how many turns."""
    turns: Counter[str] = Counter()
    for event in airflow.asset_events():
        if event["name"].startswith("e2e_news_") and event["created_dagruns"]:
            turns[event["name"]] += event["extra"]["payload"]["count"]
    return Counter(turns.values())


def _verify_polls(report: Report, service: Service, since: float) -> None:
    asked = [entry["at"] for entry in service.requests() if entry["at"] >= since]
    due = 1 + (time.time() - asked[0]) / INTERVAL_S
    report.check(
        f"{WATCHERS} watchers: {len(asked)} requests, of {due:.1f} polls due for one",
        holds=len(asked) <= due,
    )
