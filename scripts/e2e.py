"""What waits, under a real Airflow: what it holds, what it asks, and how it ends.

usage: e2e.py [SCENARIO …]; all of them without arguments. Exits with 1 if a promise does not hold.
Airflow's files and logs lie in .cache/e2e* of this clone; its ports are free ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.support.airflow_cluster import Cluster
from tests.support.processes import exit_on_signals
from tests.support.report import Report
from tests.system.waiting import test_backfill as backfill
from tests.system.waiting import test_hammer as hammer
from tests.system.waiting import test_loop as loop
from tests.system.waiting import test_paths as paths
from tests.system.waiting import test_quota as quota
from tests.system.waiting import test_react as react
from tests.system.waiting import test_sensor as sensor
from tests.system.waiting import test_triggerers as triggerers
from tests.system.waiting import test_watchers as watchers

if TYPE_CHECKING:
    from collections.abc import Callable

WITH_AIRFLOW: dict[str, Callable[[Report, Cluster], None]] = {
    "sensor": sensor.run,
    "quota": quota.run,
    "paths": paths.run,
    "triggerers": triggerers.run,
    "react": react.run,
    "watchers": watchers.run,
    "backfill": backfill.run,
}
WITHOUT: dict[str, Callable[[Report], None]] = {"hammer": hammer.run, "loop": loop.run}


def main() -> int:
    """Run the chosen scenarios; return 0 if all that they promise holds."""
    chosen = _chosen()
    exit_on_signals()
    report = Report()
    with ExitStack() as running:
        if any(name in WITH_AIRFLOW for name in chosen):
            started = time.monotonic()
            airflow = running.enter_context(Cluster())
            report.say(f"airflow standalone is ready after {time.monotonic() - started:.0f} s")
        for name in chosen:
            print(f"\n== {name}", flush=True)
            try:
                if name in WITH_AIRFLOW:
                    WITH_AIRFLOW[name](report, airflow)
                else:
                    WITHOUT[name](report)
            except TimeoutError as error:
                report.check(f"{name} came to its end: {error}", holds=False)
    print(f"\n{len(report.failed)} promises failed", *report.failed, sep="\n  ")
    return 1 if report.failed else 0


def _chosen() -> list[str]:
    names = [*WITHOUT, *WITH_AIRFLOW]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(names))
    chosen: list[str] = parser.parse_args().scenarios or names
    if unknown := set(chosen) - set(names):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
