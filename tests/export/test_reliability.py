"""Short versions of ``make reliability``: the same troubles, made fewer times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# A process of its own: it forks, and the one that runs the tests has threads.
QUICK = """
import sys
from importlib import import_module
from tests.reliability.cases import line
bad = 0
for case in import_module("reliability_parts." + sys.argv[1]).quick():
    print(line(case), *case.broken, sep="\\n  ")
    bad += bool(case.broken or case.rows_lost or case.rows_doubled or not case.runs)
sys.exit(bad)
"""


@pytest.mark.parametrize(
    "part",
    ["crash", "races", "explorer", "storage", "rights", "clock", "labels", "templates"],
)
def test_no_row_is_lost_or_doubled(part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUICK, part],
        env={"PYTHONPATH": str(SCRIPTS), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
