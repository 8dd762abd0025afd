"""The backfilling example: a month filled in, whole, through a quota that is spent on the way."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.airflow_cluster import CLONE, HOME
from tests.support.exported import read_export
from tests.support.processes import wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

_EXAMPLE = CLONE / "example_dags" / "mintlify_backfill.py"
_DAG = "mintlify_backfill"
_LAKE = HOME / "filled"
_FIRST, _DAYS = date(2026, 1, 1), 30
_ENDPOINTS = ("conversations", "searches")
_PARALLEL = 4
_QUOTA = "90/200"  # of about 220 requests that it takes
_SPENT = 2
"""How often the quota is spent before the last request."""
_MOST_REFUSALS = 3 * _PARALLEL * _SPENT
"""A task that waits comes back when its quota should; others may have spent it by then."""
_TIMEOUT_S = 1200
_OK, _REFUSED = 200, 429


def test_a_month_is_filled_in_whole_through_a_quota_that_is_spent_on_the_way(
    report: Report, airflow: Cluster
) -> None:
    """Fill the month in as the example says, and compare every day with what the service has."""
    last = _FIRST + timedelta(days=_DAYS - 1)
    data = ("--rows", "90000", "--start", f"{_FIRST}", "--end", f"{last + timedelta(days=1)}")
    with Service(*data, "--quota", _QUOTA) as service:
        airflow.add_connection("mintlify_default", service.connection(max_wait_s=0))
        airflow.set_variable("docs_lake", f"file://{_LAKE}")
        airflow.add_pool("mintlify_api", _PARALLEL)
        airflow.add_dags(_EXAMPLE)
        wait_for("the example", lambda: _is_there(airflow), _TIMEOUT_S)
        started = time.monotonic()
        create = f"backfill create --dag-id {_DAG} --max-active-runs {_PARALLEL // 2}"
        create += f" --from-date {_FIRST} --to-date {last}"
        # Where SQLite was locked for one run, Airflow takes all of them back; a scheduler that had
        # just started one would die of it.
        airflow.pause(_DAG)
        wait_for("SQLite", lambda: airflow.command(create), _TIMEOUT_S)
        airflow.pause(_DAG, paused=False)
        wait_for("the backfill", lambda: _has_ended(airflow), _TIMEOUT_S)
        report.say(f"{_DAYS} days in {time.monotonic() - started:.0f} s")
        airflow.remove_dags(_EXAMPLE)
        _verify(report, service, [run["state"] for run in _runs(airflow)])


def _is_there(airflow: Cluster) -> bool:
    return any(dag["dag_id"] == _DAG for dag in airflow.call("GET", "dags")["dags"])


def _runs(airflow: Cluster) -> list[dict[str, Any]]:
    query = {"run_type": "backfill", "limit": 100}
    runs: list[dict[str, Any]] = airflow.call("GET", f"dags/{_DAG}/dagRuns", params=query)[
        "dag_runs"
    ]
    return runs


def _has_ended(airflow: Cluster) -> bool:
    runs = _runs(airflow)
    return bool(runs) and all(run["state"] in ("success", "failed") for run in runs)


def _verify(report: Report, service: Service, states: list[str]) -> None:
    log = service.requests()
    statuses = Counter(entry["status"] for entry in log)
    asked = Counter(
        (entry["path"], *sorted(entry["query"].items())) for entry in log if entry["status"] == _OK
    )
    report.check(
        f"{len(states)} runs: {dict(Counter(states))}", holds=states == ["success"] * _DAYS
    )
    whole = [day for day in range(_DAYS) if _is_whole(service, _FIRST + timedelta(days=day))]
    report.check(
        f"{len(whole)} days of {_DAYS} are the service's rows, in order, by their manifests",
        holds=len(whole) == _DAYS,
    )
    pages = sum(json.loads(path.read_text())["pages"] for path in _LAKE.rglob("_manifest.json"))
    report.check(
        f"{pages} pages exported, {asked.total()} asked for, none twice",
        holds=pages == asked.total() == len(asked),
    )
    report.check(
        f"the quota {_QUOTA} was spent on the way: {statuses[_REFUSED]} refusals, "
        f"at most {_MOST_REFUSALS}",
        holds=0 < statuses[_REFUSED] <= _MOST_REFUSALS,
    )


def _is_whole(service: Service, day: date) -> bool:
    """Return whether both exports of a day hold exactly its rows."""
    return all(
        _rows(endpoint, day) == service.truth(endpoint, f"{day}", f"{day + timedelta(days=1)}")
        for endpoint in _ENDPOINTS
    )


def _rows(endpoint: str, day: date) -> list[dict[str, Any]]:
    """Return an export's rows without the fields that are ours."""
    rows = read_export(_LAKE / "mintlify" / endpoint / f"dt={day}").rows
    return [
        {name: value for name, value in row.items() if not name.startswith("_")} for row in rows
    ]
