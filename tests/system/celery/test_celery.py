"""Projects exported by Celery workers, one of which is killed in the middle.

PostgreSQL, Redis, an S3 API and an Airflow with two workers run on free ports; all their files lie
in ``.cache/e2e-celery`` of this clone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.stores import S3
from tests.system.celery import exports, traces, verify
from tests.system.celery.cluster import HOME, CeleryCluster

if TYPE_CHECKING:
    from tests.support.report import Report


@pytest.mark.parametrize("projects", [pytest.param(8, marks=pytest.mark.short), 20])
def test_exports_survive_the_death_of_a_worker(
    report: Report, monkeypatch: pytest.MonkeyPatch, projects: int
) -> None:
    airflow = CeleryCluster()
    for name, value in airflow.environment().items():  # so that the files of all servers lie there
        monkeypatch.setenv(name, value)
    with S3(HOME / "s3.log") as lake, exports.service_of(projects) as service, airflow:
        airflow.add_connection("mintlify_default", service.connection())
        storage = {**lake.connection, "extra": json.dumps(lake.connection["extra"])}
        airflow.add_connection(lake.conn_id, storage)
        first = service.project_id
        names = [first, *(f"{first}_{number}" for number in range(2, projects + 1))]
        done = exports.run(report, airflow, lake, names)
        verify.verify(report, done, lake, service, projects)
        secrets = (service.key("mintlify"), str(lake.connection["password"]))
        traces.verify(report, airflow, lake, secrets)
    left = airflow.left_running()
    report.check(f"nothing still runs {left or ''}".rstrip(), holds=not left)
