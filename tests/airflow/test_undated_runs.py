"""Runs without a logical date, which an asset, the command line or the REST API starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from tests.support.airflow_home import AIRFLOW_COMMANDS, DATABASE, airflow_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not AIRFLOW_V_3_0_PLUS, reason="every run of Airflow 2 has a logical date"
)
CLONE = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("undated_runs.py")
DUE = "2026-01-11T14:03:00+00:00"


def _bare(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m|\\n|[\W_]", "", text)


@dataclass
class Runs:
    """What the runs left."""

    service: Simulator
    lake: Path
    output: dict[str, str]
    states: dict[str, str]

    def said(self, dag: str) -> str:
        """Return the letters and digits of a run's log, which Airflow may break and indent."""
        return _bare(self.output[dag])

    def directories(self, dag: str) -> list[str]:
        return [path.parent.name for path in (self.lake / dag).rglob("_manifest.json")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    home = tmp_path_factory.mktemp("undated")
    dags = home / "dags"
    dags.mkdir()
    shutil.copy(SCRIPT, dags)
    with Simulator(Config(rows=500, start="2026-01-01", end="2026-01-31")) as service:
        connection = {"conn_type": "mintlify", "host": service.url, "login": service.project_id}
        environment = airflow_environment(
            home,
            AIRFLOW__CORE__DAGS_FOLDER=str(dags),
            AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS="True",
            AIRFLOW_VAR_DOCS_LAKE=f"file://{home}/lake",
            AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(
                {**connection, "password": service.mintlify_key}
            ),
            PYTHONPATH=os.pathsep.join([str(CLONE), os.environ.get("PYTHONPATH", "")]),
        )
        for command in ([str(AIRFLOW_COMMANDS), *DATABASE], [str(dags / SCRIPT.name), DUE]):
            done = subprocess.run(
                [sys.executable, *command],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout
        ended = re.compile(r"^run of (\w+): (?:DagRunState\.)?(\w+)$", re.MULTILINE)
        pieces = ended.split(done.stdout)
        names = pieces[1::3]
        yield Runs(
            service,
            home / "lake",
            dict(zip(names, pieces[::3], strict=False)),
            dict(zip(names, map(str.lower, pieces[2::3]), strict=True)),
        )


def test_the_last_interval_of_the_timetable_is_exported_in_its_zone(runs: Runs) -> None:
    assert runs.states["intervals"] == "success", runs.output["intervals"]
    assert runs.directories("intervals") == ["20260110T0000+0000_20260111T0000+0000"]


def test_a_timedelta_schedule_gives_the_hours_before_the_run(runs: Runs) -> None:
    assert runs.directories("delta") == ["20260111T0803+0000_20260111T1403+0000"]


def test_a_lookback_ends_when_the_run_was_due(runs: Runs) -> None:
    assert runs.directories("no_schedule_lookback") == ["20260110T1403+0000_20260111T1403+0000"]


def test_a_lookback_ends_when_a_cron_schedule_was_last_due(runs: Runs) -> None:
    assert runs.directories("cron_lookback") == ["20260110T0000+0900_20260111T0000+0900"]
    assert _bare("names one day") not in runs.said("cron_lookback")


def test_a_lookback_that_ends_in_another_day_than_the_directorys_is_a_warning(runs: Runs) -> None:
    assert runs.directories("label") == ["2026-01-10"]
    said = runs.said("label")
    assert _bare("names one day (2026-01-10), but the window") in said
    assert _bare("ends in another (2026-01-11)") in said


def test_without_a_schedule_the_error_says_what_to_write_at_once(runs: Runs) -> None:
    output = runs.said("no_schedule")
    assert runs.states["no_schedule"] == "failed"
    assert runs.directories("no_schedule") == []
    assert _bare("This run has no logical date") in output
    assert _bare("lookback=timedelta(days=1)") in output
    assert _bare("--logical-date") in output
    assert _bare("2026-01-11T14:03:00+00:00") in output
    assert "up_for_retry" not in runs.output["no_schedule"].lower()


def test_a_template_that_needs_a_logical_date_fails_at_once_with_what_to_do(runs: Runs) -> None:
    output = runs.said("logical_date")
    assert runs.states["logical_date"] == "failed"
    assert _bare("The template '{{ ds }}' fails: 'ds' is undefined") in output
    assert _bare("--logical-date") in output
    assert _bare("dag_run.run_after") in output
    assert "up_for_retry" not in runs.output["logical_date"].lower()


def test_a_variable_that_does_not_exist_fails_at_once_with_the_command(runs: Runs) -> None:
    output = runs.said("variable")
    assert runs.states["variable"] == "failed"
    assert _bare("'{{ var.value.docs_start }}' needs the variable 'docs_start'") in output
    assert _bare("Create it: airflow variables set docs_start VALUE") in output
    assert "up_for_retry" not in runs.output["variable"].lower()


def test_the_moment_that_every_run_has_makes_a_window(runs: Runs) -> None:
    assert runs.directories("run_after") == ["20260110T0000+0000_20260111T0000+0000"]


def test_a_sensor_counts_from_the_start_of_the_same_interval(runs: Runs) -> None:
    assert runs.states["sensor"] == "success", runs.output["sensor"]
    asked = [each for each in runs.service.requests if each["endpoint"] == "conversations"]
    assert [each["query"]["dateFrom"] for each in asked] == ["2026-01-10T00:00:00.000Z"]
