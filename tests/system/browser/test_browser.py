"""Connections and Dags in a real browser: Chromium on Airflow 3.3, and on the form of 2.11.

Airflow's files, its logs and the screenshots lie in ``.cache/e2e_browser`` of this clone; its ports
are free ones, and the services a simulator's.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from playwright.sync_api import sync_playwright

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from tests.support.airflow_cluster import CLONE, Cluster
from tests.support.simulator_process import Service
from tests.support.stores import moto_server
from tests.system.browser import form_2, form_3
from tests.system.browser.airflow_2 import WebServer
from tests.system.browser.dag_trial import BUCKET, DagTrial
from tests.system.browser.form_trial import FormTrial
from tests.system.browser.window import Windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.report import Report
    from tests.system.browser.form_trial import Form

HOME = CLONE / ".cache" / "e2e_browser"
_DAGS = ("first_export", "vyom_daily_export")
_S3_KEYS = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up-too"}


_SETTINGS = {
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
}


class Standalone(Cluster):
    """Airflow 3 as a newcomer meets it: Dags paused, and the Test button switched on."""

    def __init__(self, home: Path, dags: Path, **settings: str) -> None:
        super().__init__(home, dags)
        self._settings = _SETTINGS | settings

    def environment(self, directory: Path | None = None, **more: str) -> dict[str, str]:
        """Return the environment of a process that keeps its own files in a directory."""
        return super().environment(directory, **(self._settings | more))


@pytest.fixture(scope="module")
def windows() -> Iterator[Windows]:
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"],  # root needs it; all pages are this machine's
        )
        yield Windows(browser, HOME / "records", HOME / "pictures")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def airflow(windows: Windows, s3_url: str) -> Iterator[Standalone]:
    (HOME / "dags").mkdir()
    for dag in _DAGS:
        shutil.copy(CLONE / "example_dags" / f"{dag}.py", HOME / "dags")
    lake = {"conn_type": "aws", "login": "made-up", "password": "made-up-too"}
    extra = {"endpoint_url": s3_url, "region_name": "us-east-1"}
    with Standalone(
        HOME / "airflow-3.3",
        HOME / "dags",
        AIRFLOW_VAR_DOCS_LAKE=f"s3://lake@{BUCKET}",
        AIRFLOW_CONN_LAKE=json.dumps({**lake, "extra": extra}),
    ) as airflow:
        yield airflow


@pytest.mark.short
def test_connections_in_airflow_3(
    report: Report, windows: Windows, service: Service, airflow: Standalone
) -> None:
    trials = _make_connections(report, windows, service, ("3.3", airflow.url, form_3.Form))
    stored = HOME / "connections.json"
    airflow.command(f"connections export {stored} --file-format json")
    _compare(trials, json.loads(stored.read_text()))


def test_dags_in_airflow_3(
    report: Report, windows: Windows, service: Service, airflow: Standalone, s3_url: str
) -> None:
    for platform in (MINTLIFY, VYOM):
        airflow.add_connection(f"{platform.name}_default", service.connection(platform.name))
    s3 = boto3.client("s3", endpoint_url=s3_url, region_name="us-east-1", **_S3_KEYS)
    s3.create_bucket(Bucket=BUCKET)
    DagTrial(report, windows, service, airflow.url, s3).run()


def test_connections_in_airflow_2(report: Report, windows: Windows, service: Service) -> None:
    environment = Path(os.environ["AIRFLOW_2"])
    with WebServer(HOME / "airflow-2.11", environment).running() as airflow:
        trials = _make_connections(report, windows, service, ("2.11", airflow.url, form_2.Form))
        _compare(trials, airflow.stored())


def _make_connections(
    report: Report, windows: Windows, service: Service, at: tuple[str, str, type[Form]]
) -> list[FormTrial]:
    certificate = HOME / "client.pem"
    certificate.touch()
    trials = [
        FormTrial(report, windows, service, platform, *at, certificate)
        for platform in (MINTLIFY, VYOM)
    ]
    for trial in trials:
        trial.run()
    return trials


def _compare(trials: list[FormTrial], stored: dict[str, Any]) -> None:
    for trial in trials:
        trial.compare(stored[trial.conn_id])
