"""Summarize a run of the matrix: one line for each environment whose tests ran.

usage: matrix.py. Reads what pytest has written into .cache/matrix/reports; exits with 1 if an
environment passed no test. tox says which environments are red, and tox.toml which may be.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

_CLONE = Path(__file__).resolve().parent.parent
REPORTS = _CLONE / ".cache" / "matrix" / "reports"
_ROW = "{:18} {:>7} {:>7} {:>7} {:>8}"


def main() -> int:
    """Print the lines and their sum."""
    counts = {report.stem: _read(report) for report in sorted(REPORTS.glob("*.xml"))}
    if not counts:
        raise SystemExit("No environment ran its tests. `.venv/bin/tox list` shows them all.")
    print(_ROW.format("", "passed", "failed", "skipped", "seconds"))
    for name, row in counts.items():
        print(_ROW.format(name, *row))
    passed, failed, skipped = (sum(row[column] for row in counts.values()) for column in range(3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    environments = tomllib.loads((_CLONE / "tox.toml").read_text())["env"]
    may_fail = {name for name, each in environments.items() if each.get("ignore_outcome")}
    return 0 if all(row[0] for name, row in counts.items() if name not in may_fail) else 1


def _read(report: Path) -> tuple[int, int, int, int]:
    """Return how many tests passed, failed and were skipped, and the seconds."""
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest's own
    assert suite is not None
    tests, failures, errors, skipped = (
        int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return tests - failed - skipped, failed, skipped, round(float(suite.attrib["time"]))


if __name__ == "__main__":
    sys.exit(main())
