"""Runs without a logical date, started by the REST API and by an asset, in a live scheduler."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.window import iso_ms
from tests.support.airflow_cluster import HOME
from tests.support.exported import read_export
from tests.support.processes import wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

_LAKE = HOME / "undated"
_ASSET = "docs://undated"
_DUE = datetime(datetime.now(UTC).year, 6, 1, tzinfo=UTC)
_WITHIN_S = 300


def test_a_run_without_a_logical_date_exports_what_its_schedule_says(
    report: Report, airflow: Cluster
) -> None:
    """Trigger with ``"logical_date": null``, let an event of an asset trigger, and compare."""
    shutil.rmtree(_LAKE, ignore_errors=True)
    with Service("--rows", "500", "--start", f"{_DUE.year - 1}-01-01") as service:
        airflow.add_connection("e2e_undated", service.connection())
        airflow.set_variable("undated_lake", f"file://{_LAKE}")
        airflow.start("undated_cron", "by_hand")
        airflow.start("undated_interval", "by_hand")
        (asset,) = airflow.call("GET", "assets", params={"uri_pattern": _ASSET})["assets"]
        airflow.call("POST", "assets/events", json={"asset_id": asset["id"], "extra": {}})
        for dag in ("undated_cron", "undated_interval", "undated_asset"):
            wait_for(f"the run of {dag}", lambda dag=dag: _has_ended(airflow, dag), _WITHIN_S)
        due, day = _last(timedelta(hours=6, minutes=30)), timedelta(days=1)
        _verify(report, airflow, service, "undated_cron", (due - day, due))
        due = _last(timedelta(hours=6, minutes=30) - timedelta(hours=9))  # Tokyo's 06:30
        _verify(report, airflow, service, "undated_interval", (due.replace(year=due.year - 1), due))
        after = datetime.fromisoformat(_run(airflow, "undated_asset")["run_after"])
        _verify(report, airflow, service, "undated_asset", (after - day, after))


def _last(time_of_day: timedelta) -> datetime:
    """Return when the yearly schedules were due last."""
    due = _DUE + time_of_day
    return due if due <= datetime.now(UTC) else due.replace(year=due.year - 1)


def _verify(
    report: Report,
    airflow: Cluster,
    service: Service,
    dag: str,
    window: tuple[datetime, datetime],
) -> None:
    run = _run(airflow, dag)
    report.check(
        f"{dag}: {run['run_type']} run without a logical date: {run['state']}",
        holds=run["state"] == "success" and run["logical_date"] is None,
    )
    found = read_export(_LAKE / dag)
    date_from, date_to = (
        iso_ms(each.replace(microsecond=each.microsecond // 1000 * 1000)) for each in window
    )
    truth = service.truth("conversations", date_from, date_to)
    report.check(
        f"{dag}: {len(found.rows)} rows of {len(truth)} in [{date_from}, {date_to})",
        holds=(found.manifest["date_from"], found.manifest["date_to"]) == (date_from, date_to)
        and len(found.rows) == len(truth)
        and not found.wrong,
    )


def _run(airflow: Cluster, dag: str) -> dict[str, Any]:
    (run,) = airflow.call("GET", f"dags/{dag}/dagRuns")["dag_runs"]
    return dict(run)


def _has_ended(airflow: Cluster, dag: str) -> bool:
    runs = airflow.call("GET", f"dags/{dag}/dagRuns")["dag_runs"]
    return bool(runs) and all(run["state"] in ("success", "failed") for run in runs)
