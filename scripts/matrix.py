"""The whole test suite on every supported Airflow, each in an environment of its own.

usage: matrix.py [ENVIRONMENT …]; all of scripts/environments.py without arguments. Prints one line
per environment as it ends; exits with 1 if one is red. What an environment needs and leaves lies
in .cache/matrix/NAME of this clone, its log in .cache/matrix/NAME/log.txt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from environments import CLONE, ENVIRONMENTS, chosen, constraints_of

UV = Path(sys.executable).with_name("uv")
PLACE = CLONE / ".cache" / "matrix"
AT_A_TIME = 3
"""One more than CI has cores: tests wait for time-outs and for processes they have started."""
_ROW = "{:8} {:8} {:>7} {:>7} {:>7} {:>8}  {}"
_SHOWN_LINES = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the suite ended on one Airflow; ``broken`` says why it did not even end."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    broken: str = ""

    @property
    def is_green(self) -> bool:
        """Whether everything ran and nothing failed."""
        return self.passed > 0 and not self.failed and not self.broken


def main() -> int:
    """Run the suites, three at a time; return 0 if all are green."""
    names = chosen(sys.argv[1:])
    print(_ROW.format("", "Airflow", "passed", "failed", "skipped", "seconds", ""), flush=True)
    outcomes = []
    with ThreadPoolExecutor(AT_A_TIME) as lanes:
        newest_first = reversed(names)  # it takes longest
        for done in as_completed([lanes.submit(_outcome, name) for name in newest_first]):
            outcomes.append(done.result())
            _show(outcomes[-1])
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    print(f"{passed} passed, {failed} failed, {sum(o.skipped for o in outcomes)} skipped")
    return 0 if all(outcome.is_green for outcome in outcomes) else 1


def _outcome(name: str) -> Outcome:
    """Build an environment from nothing, run the suite in it, and count."""
    place = PLACE / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    started = time.monotonic()
    with (place / "log.txt").open("wb") as log:
        for step, command in _steps(name, place).items():
            done = subprocess.run(
                command, cwd=CLONE, env=_environment(), stdout=log, stderr=log, check=False
            )
            if done.returncode and step != "test":
                return Outcome(name, 0, 0, 0, time.monotonic() - started, f"cannot {step}")
    seconds = time.monotonic() - started
    if not (place / "junit.xml").exists():
        return Outcome(name, 0, 0, 0, seconds, "pytest did not start")
    return _read(name, place / "junit.xml", seconds, done.returncode)


def _steps(name: str, place: Path) -> dict[str, list[str | Path]]:
    python = place / "venv" / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", f"--python={python}"]
    pins = f"--constraints={constraints_of(name)}"
    return {
        "make the environment": [
            UV,
            "venv",
            "--quiet",
            f"--python={sys.executable}",
            place / "venv",
        ],
        "install": [*install, pins, "--editable=.", "--group=test"],
        "test": [
            *(python, "-m", "pytest", "-rfEs", "-p", "no:cacheprovider"),
            *(f"--basetemp={place / 'pytest'}", f"--junit-xml={place / 'junit.xml'}"),
        ],
    }


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}


def _read(name: str, report: Path, seconds: float, code: int) -> Outcome:
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest's own
    assert suite is not None
    total, failures, errors, skipped = (
        int(suite.attrib[count]) for count in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    broken = f"pytest ended with {code}" if code and not failed else ""
    return Outcome(name, total - failed - skipped, failed, skipped, seconds, broken)


def _show(outcome: Outcome) -> None:
    log = PLACE / outcome.name / "log.txt"
    note = "" if outcome.is_green else f"{outcome.broken} RED, see {log.relative_to(CLONE)}".strip()
    airflow = ENVIRONMENTS[outcome.name].airflow
    counts = (outcome.passed, outcome.failed, outcome.skipped, f"{outcome.seconds:.0f}")
    print(_ROW.format(outcome.name, airflow, *counts, note).rstrip(), flush=True)
    if not outcome.is_green:
        print(*log.read_text().splitlines()[-_SHOWN_LINES:], sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
