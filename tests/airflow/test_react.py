"""The event-driven example, run by Airflow against the simulator: windows without gaps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from tests.support.airflow_home import AIRFLOW_COMMANDS, airflow_environment
from tests.support.exported import read_export

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

CLONE = Path(__file__).resolve().parent.parent.parent
MOMENTS = ("2026-01-10T12:00:00+00:00", "2026-01-11T00:30:00+00:00", "2026-01-12T07:00:00+00:00")


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="the example needs Airflow 3.3's state stores")
def test_the_runs_export_every_turn_once(service: Simulator, tmp_path: Path) -> None:
    connection = {
        "conn_type": "mintlify",
        "host": service.url,
        "login": service.project_id,
        "password": service.mintlify_key,
    }
    dags = CLONE / "example_dags"
    environment = airflow_environment(
        tmp_path,
        AIRFLOW__CORE__DAGS_FOLDER=str(dags),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{tmp_path}/lake",
        AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(connection),
        PYTHONPATH=os.pathsep.join([str(dags), str(CLONE)]),
    )
    commands = AIRFLOW_COMMANDS
    migrated = [sys.executable, str(commands), "db migrate", "pools set mintlify_api 1 quota"]
    subprocess.run(migrated, env=environment, check=True, capture_output=True)
    late = "2026-01-11T00:45:00+00:00"  # a run for which nothing is left
    runs = [sys.executable, str(Path(__file__).with_name("react_runs.py")), *MOMENTS, late]
    done = subprocess.run(
        runs,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    states = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("run after")]
    assert states == ["success"] * 4, done.stdout

    exported: list[tuple[str, str]] = []
    for directory in sorted(tmp_path.glob("lake/news/conversations/*")):
        exported += [(row["id"], row["timestamp"]) for row in read_export(directory).rows]
    truth, _ = service.truth("conversations", "2026-01-09T12:00:00", "2026-01-12T07:00:00")
    assert len(truth) > 100
    assert sorted(exported) == sorted((row["id"], row["timestamp"]) for row in truth)
