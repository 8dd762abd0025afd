"""Exports to every storage through Airflow connections, read back with the vendors' own clients.

Every server is a local one on a free port: moto, fake-gcs-server, Azurite. Everything lies in
``.cache/e2e_storage`` of this clone.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.airflow_home import airflow_environment
from tests.support.export_trial import CONN_ID, FROM, TO, Trial
from tests.support.simulator_process import Service
from tests.support.stores import S3, Azure, Gcs, Lake, Local
from tests.system.storage import conditions, large, readers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.report import Report

HOME = Path(__file__).resolve().parents[3] / ".cache" / "e2e_storage"
STORAGES = ("local", "s3", "gcs", "azure")
_DATA = ("--rows", "4500", "--start", FROM, "--end", TO)


@pytest.fixture(scope="session", autouse=True)
def _airflow() -> None:
    """Prepare this process for Airflow, which is imported later."""
    shutil.rmtree(HOME, ignore_errors=True)
    os.environ |= airflow_environment(
        HOME,
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        # Else gcsfs asks each bucket's kind over gRPC and TLS, which no emulator speaks.
        GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT="false",
    )


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with Service(*_DATA) as service:
        yield service


@pytest.fixture(scope="session")
def large_service() -> Iterator[Service]:
    with large.service() as service:
        yield service


@pytest.fixture(params=STORAGES)
def lake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    with _lake(request.param) as lake:
        if lake.connection:
            _connect(monkeypatch, lake.conn_id, lake.connection)
        yield lake


def test_an_export_lives_its_whole_life_in_every_storage(
    report: Report,
    lake: Lake,
    service: Service,
    large_service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _connect(monkeypatch, CONN_ID, service.connection(max_wait_s=0))
    lines = [Trial(report, lake, way, service).run() for way in lake.ways()]
    conditions.run(report, lake)
    _connect(monkeypatch, CONN_ID, large_service.connection(max_wait_s=0))
    lines.append(large.run(report, lake))
    for line in lines:
        report.row(line)


def test_the_documentations_queries_find_every_row(
    report: Report, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _connect(monkeypatch, CONN_ID, service.connection(max_wait_s=0))
    readers.run(report, HOME / "read", service)


def _lake(name: str) -> Lake:
    match name:
        case "local":
            return Local(HOME / "lake")
        case "s3":
            return S3()
        case "gcs":
            return Gcs()
    return Azure(Path(os.environ["AZURITE"]))


def _connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, fields: object) -> None:
    """Define a connection as a deployment does."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
