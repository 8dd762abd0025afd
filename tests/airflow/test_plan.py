"""``docsanalytics plan``: what a backfill costs, from the exports that there are."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

DAYS = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08")
YEAR = ("--from", "2026-01-01", "--to", "2027-01-01")


@pytest.fixture
def lake(connections: Simulator, tmp_path: Path) -> Path:
    """Three days of two endpoints."""
    for start, end in pairwise(DAYS):
        for endpoint in ("conversations", "views"):
            MintlifyExportOperator(
                task_id="export",
                endpoint=endpoint,
                path=f"file://{tmp_path}/lake/{endpoint}/dt={start}",
                date_from=start,
                date_to=end,
                page_size=20,
            ).execute({})
    connections.clear_requests()
    return tmp_path / "lake"


def _plan(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.cli", "plan", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _read(*arguments: str | Path) -> dict[str, Any]:
    done = _plan("--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _manifests(lake: Path, endpoint: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in lake.glob(f"{endpoint}/*/_manifest.json")]


def test_a_year_costs_per_day_what_the_lake_has_cost_and_nothing_is_sent(
    connections: Simulator, lake: Path
) -> None:
    plan = _read(*YEAR, "--lake", lake, "--endpoint", "conversations", "--endpoint", "views")
    for row in plan["endpoints"]:
        past = [each["requests"] for each in _manifests(lake, row["endpoint"])]
        assert row["windows"] == 365
        assert min(past) * 365 <= row["requests"] <= max(past) * 365
        assert row["estimated_from"] == "past exports"
    assert plan["requests"] == sum(row["requests"] for row in plan["endpoints"])
    assert plan["quota"] == "100/3600"
    assert plan["hours"] == -(-plan["requests"] // 100) - 1
    assert not connections.requests


def test_a_wide_window_of_events_is_offered_and_one_of_aggregates_is_not(
    connections: Simulator, lake: Path
) -> None:
    plan = _read(*YEAR, "--lake", lake, "--endpoint", "conversations", "--endpoint", "views")
    conversations, views = plan["endpoints"]
    rows = [each["rows"] for each in _manifests(lake, "conversations")]
    at_once = conversations["cheaper"]["in one window"]
    assert min(rows) * 365 / 1000 <= at_once <= max(rows) * 365 / 1000 + 1
    assert views["cheaper"] == {}


def test_without_a_lake_the_plan_is_the_least_and_says_so(connections: Simulator) -> None:
    done = _plan(*YEAR, "--share", "0.6")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    endpoints = [line for line in lines if line.endswith("?  nothing is known: the least possible")]
    assert len(endpoints) == 7, "every endpoint that takes dates"
    assert any(line.split() == ["together", "2,555", "?"] for line in lines)
    assert "42 or more hours" in done.stdout, "2,555 requests, 60 at a time"
    assert " UTC at the earliest." in done.stdout
    assert lines[-1].startswith("airflow backfill create --dag-id mintlify_backfill")
    assert lines[-1].endswith("--from-date 2026-01-01 --to-date 2026-12-31"), "both are included"
    assert "Cheaper" not in done.stdout, "nobody knows how many rows there are"
    assert not connections.requests


def test_a_probe_sends_one_request_for_each_endpoint_without_a_past(
    connections: Simulator, lake: Path
) -> None:
    chosen = ("--endpoint", "conversations", "--endpoint", "searches")
    plan = _read("--from", DAYS[0], "--to", DAYS[-1], "--lake", lake, "--probe", *chosen)
    assert [entry["endpoint"] for entry in connections.requests] == ["searches"]
    assert [row["estimated_from"] for row in plan["endpoints"]] == ["past exports", "one window"]


@pytest.mark.parametrize(
    "arguments", [(*YEAR, "--every", "1w"), ("--from", "2026-01-01T12:00", "--to", "2026-02-01")]
)
def test_the_example_dag_is_not_offered_for_windows_that_are_no_days(
    connections: Simulator, arguments: tuple[str, ...]
) -> None:
    done = _plan(*arguments)
    assert "airflow backfill create" not in done.stdout
    assert "mintlify_backfill exports whole days" in done.stdout
    assert not connections.requests


def test_an_endpoint_that_is_named_twice_counts_once_and_the_future_takes_its_time(
    connections: Simulator,
) -> None:
    done = _plan("--from", "2026-01-01", "--to", "2099-01-01", *("--endpoint", "views") * 2)
    assert done.stdout.count("\nviews ") == 1
    assert "Begun now, it ends at 2099-01-01 00:00 UTC" in done.stdout
    assert not connections.requests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "There is no window from 2026-02-01"),
        ((*YEAR, "--every", "1m"), "windows"),
        ((*YEAR, "--endpoint", "convesations"), "Did you mean 'conversations'?"),
        ((*YEAR, "--endpoint", "threads"), "takes no dates"),
        ((*YEAR, "--share", "2"), "not a number more than 0"),
        ((*YEAR, "--lake", "/no/such/lake"), "/no/such/lake"),
        ((*YEAR, "--conn-id", "nobody"), "does not exist"),
        (("--from", "soon", "--to", "2026-01-01"), "--from"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_to_do(
    connections: Simulator, arguments: tuple[str, ...], said: str
) -> None:
    done = _plan(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not connections.requests
