"""Twenty projects exported by Celery workers, one of which is killed in the middle.

usage: e2e_celery.py; exits with 1 if a promise does not hold. Brings up PostgreSQL, Redis, an S3
API and an Airflow with two workers, on free ports; all their files lie in .cache/e2e-celery.
"""

from __future__ import annotations

import json
import os
import sys
import time

from tests.support.processes import exit_on_signals
from tests.support.report import Report
from tests.support.simulator_process import Service
from tests.support.stores import S3
from tests.system.celery import exports, judge, traces
from tests.system.celery.cluster import HOME, CeleryCluster


def main() -> int:
    """Run it all; return 0 if all that was promised holds."""
    exit_on_signals()
    report, started = Report(), time.monotonic()
    airflow = CeleryCluster()
    os.environ.update(airflow.environment())  # so that the files of all servers lie there, too
    try:
        with S3(HOME / "s3.log") as lake, Service(*exports.OPTIONS) as service, airflow:
            report.say(f"two workers are ready after {time.monotonic() - started:.0f} s")
            _run(report, airflow, lake, service)
    except TimeoutError as error:
        report.check(f"it came to its end: {error}", holds=False)
    left = airflow.left_running()
    report.check(f"nothing still runs{_list(left)}", holds=not left)
    report.say(f"all in all {time.monotonic() - started:.0f} s")
    print(f"\n{len(report.failed)} promises failed{_list(report.failed)}")
    return 1 if report.failed else 0


def _run(report: Report, airflow: CeleryCluster, lake: S3, service: Service) -> None:
    airflow.add_connection("mintlify_default", service.connection())
    storage = {**lake.connection, "extra": json.dumps(lake.connection["extra"])}
    airflow.add_connection(lake.conn_id, storage)
    done = exports.run(report, airflow, lake, service)
    judge.judge(report, done, lake, service)
    secrets = (service.key("mintlify"), str(lake.connection["password"]))
    traces.judge(report, airflow, lake, secrets)


def _list(lines: list[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
