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

from tests.support.simulator_process import Service
from tests.support.stores import S3, Azure, Gcs, Lake, Local
from tests.system.storage import conditions, ledger, readers
from tests.system.storage.trial import CONN_ID, FROM, TO, Trial, export_large, large_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.report import Report

HOME = Path(__file__).resolve().parents[3] / ".cache" / "e2e_storage"
STORAGES = ("local", "s3", "gcs", "azure")
_DATA = ("--rows", "4500", "--start", FROM, "--end", TO)


@pytest.fixture(scope="module", autouse=True)
def _environment() -> None:
    shutil.rmtree(HOME, ignore_errors=True)
    # Otherwise gcsfs requests each bucket's kind over gRPC and TLS, which no emulator speaks.
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"  # Airflow is imported later


@pytest.fixture(scope="module")
def month() -> Iterator[Service]:
    with Service(*_DATA) as service:
        yield service


@pytest.fixture
def service(month: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The simulator of a month, behind the exports' connection."""
    _connect(monkeypatch, CONN_ID, month.connection(max_wait_s=0))
    return month


@pytest.fixture(scope="module", params=STORAGES)
def lake(request: pytest.FixtureRequest) -> Iterator[Lake]:
    with _lake(request.param) as lake, pytest.MonkeyPatch.context() as monkeypatch:
        if lake.connection:
            _connect(monkeypatch, lake.conn_id, lake.connection)
        yield lake


@pytest.mark.short
def test_an_export_lives_its_whole_life_in_every_storage(
    report: Report, lake: Lake, service: Service
) -> None:
    for style in lake.styles():
        report.row(Trial(report, lake, style, service).run())


@pytest.mark.short
def test_of_several_writers_at_once_one_wins_in_every_storage(report: Report, lake: Lake) -> None:
    conditions.run(report, lake)


@pytest.mark.short
def test_a_ledger_is_shared_in_every_storage(report: Report, lake: Lake) -> None:
    ledger.run(report, lake)


def test_a_part_that_no_storage_takes_in_one_piece_is_complete(
    report: Report, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with large_service() as service:
        _connect(monkeypatch, CONN_ID, service.connection(max_wait_s=0))
        report.row(export_large(report, lake))


@pytest.mark.short
def test_duckdb_finds_every_row_with_the_documentations_queries(
    report: Report, service: Service
) -> None:
    readers.run_duckdb(report, HOME / "duckdb", service)


def test_spark_finds_every_row_with_the_documentations_queries(
    report: Report, service: Service
) -> None:
    readers.run_spark(report, HOME / "spark", service)


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
