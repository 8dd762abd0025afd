"""Twenty projects exported by Celery workers, one of which is killed in the middle.

PostgreSQL, Redis, an S3 API and an Airflow with two workers run on free ports; all their files lie
in ``.cache/e2e-celery`` of this clone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.simulator_process import Service
from tests.support.stores import S3
from tests.system.celery import exports, judge, traces
from tests.system.celery.cluster import HOME, CeleryCluster

if TYPE_CHECKING:
    import pytest

    from tests.support.report import Report


def test_twenty_projects_survive_the_death_of_a_worker(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = CeleryCluster()
    for name, value in airflow.environment().items():  # so that the files of all servers lie there
        monkeypatch.setenv(name, value)
    with S3(HOME / "s3.log") as lake, Service(*exports.OPTIONS) as service, airflow:
        airflow.add_connection("mintlify_default", service.connection())
        storage = {**lake.connection, "extra": json.dumps(lake.connection["extra"])}
        airflow.add_connection(lake.conn_id, storage)
        done = exports.run(report, airflow, lake, service)
        judge.judge(report, done, lake, service)
        secrets = (service.key("mintlify"), str(lake.connection["password"]))
        traces.judge(report, airflow, lake, secrets)
    left = airflow.left_running()
    report.check(f"nothing still runs {left or ''}".rstrip(), holds=not left)
