"""The quickstart, word by word, from the wheel: an empty environment, no clone on any path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import free_ports

CLONE = Path(__file__).resolve().parent.parent.parent
PINS = CLONE / "constraints" / "airflow-3.3.txt"
UV = Path(sys.executable).with_name("uv")
AT_THE_END = "trap 'kill %1 2>/dev/null || true' EXIT"
"""Ends the simulator, however the commands end."""
SHOWN = """
airflow connections get mintlify_default --output json
airflow variables get docs_lake
python -c 'import airflow_provider_docsanalytics as package; print(package.__file__)'
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A virtual environment that has the wheel, Airflow, and nothing else."""
    uv = [UV, "build", "--quiet", "--wheel", f"--build-constraints={PINS}"]
    subprocess.run([*uv, f"--python={sys.executable}", "--out-dir", tmp_path, CLONE], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv = tmp_path / "venv"
    subprocess.run([UV, "venv", "--quiet", f"--python={sys.executable}", venv], check=True)
    install = [UV, "pip", "install", "--quiet", f"--python={venv / 'bin' / 'python'}"]
    subprocess.run([*install, f"--constraints={PINS}", wheel], check=True)
    return venv


@pytest.mark.short
def test_the_quickstart_runs_from_the_wheel_in_an_empty_environment(
    installed: Path, tmp_path: Path
) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    (port,) = free_ports(1)
    commands = (CLONE / "docs" / "snippets" / "quickstart.sh").read_text()
    commands = commands.replace("8787", str(port))
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-eu", "-c", f"{AT_THE_END}\n{commands}\n{SHOWN}"],
        cwd=place,
        env={"HOME": str(place), "PATH": f"{installed / 'bin'}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"_date_from":"2026-01-10T00:00:00.000Z"' in done.stdout
    *_, connection, lake, module = done.stdout.splitlines()
    assert '"login": "acme"' in connection
    assert "127.0.0.1" not in connection
    assert lake == f"file://{place}/lake"
    assert Path(module).is_relative_to(installed)
    dags = sorted(path.name for path in (place / "airflow" / "dags").glob("*.py"))
    assert dags == ["first_export.py", "mintlify_daily_export.py"]
