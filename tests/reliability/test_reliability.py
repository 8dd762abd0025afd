"""Everything that goes wrong in production, made to happen, and what became of the rows.

In short in every run of the tests; in full, and as ``docs/reliability_table.md``, with
``pytest -m reliability`` (``make reliability``).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.cases import heading

CLONE = Path(__file__).resolve().parents[2]
PARTS = (
    *("crash", "races", "explorer", "stalls", "storage", "rights", "clock", "wire", "pairs"),
    *("pages", "windows", "cursors", "modes", "differential", "labels", "templates"),
    *("memory", "deadline"),
)
QUICK = ("crash", "races", "explorer", "storage", "rights", "clock", "labels", "templates")
"""The others have tests of their own beside this one, or in ``tests/airflow``."""


@pytest.mark.parametrize("part", QUICK)
def test_no_row_is_lost_or_doubled(part: str) -> None:
    _play("--quick", part)


@pytest.fixture(scope="session")
def _table() -> None:
    print(f"\n{heading()}", flush=True)


@pytest.mark.reliability
@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize("part", PARTS)
def test_no_row_is_lost_or_doubled_in_full(part: str) -> None:
    _play(part)


def _play(*arguments: str) -> None:
    """Run a part; show its lines as they come."""
    command = [sys.executable, "-m", "tests.reliability", *arguments]
    lines = []
    with subprocess.Popen(
        command, cwd=CLONE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as part:
        assert part.stdout is not None
        for line in part.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    assert part.returncode == 0, "".join(lines[-50:])
