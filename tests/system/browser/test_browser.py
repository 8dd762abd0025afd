"""Connections and Dags in a real browser: Chromium on Airflow 3.3, and on the form of 2.11.

usage: e2e_browser.py [PART …]; all of them without arguments. Exits with 1 if a promise does not
hold. Airflow's files, its logs and the screenshots lie in .cache/e2e_browser of this clone; its
ports are free ones, and the services a simulator's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from tests.support.airflow_cluster import SCRIPTS
from tests.support.processes import exit_on_signals
from tests.support.report import Report
from tests.support.simulator_process import Service
from tests.support.store_servers import moto_server
from tests.system.browser import form_2, form_3
from tests.system.browser.airflow_2 import WebServer
from tests.system.browser.airflow_3 import Standalone
from tests.system.browser.dag_trial import BUCKET, DagTrial
from tests.system.browser.form_trial import FormTrial
from tests.system.browser.window import Windows

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

    from tests.system.browser.form_trial import Form

CLONE = SCRIPTS.parent
HOME = CLONE / ".cache" / "e2e_browser"
PARTS = ("airflow-3", "airflow-2")
_DAGS = ("first_export", "vyom_daily_export")
_S3_KEYS = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up-too"}


def main() -> int:
    """Try the chosen parts; return 0 if all that they promise holds."""
    options = _options()
    exit_on_signals()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    report = Report()
    with sync_playwright() as playwright, Service() as service:
        windows = _windows(playwright, options)
        for part in options.parts:
            print(f"\n== {part}", flush=True)
            try:
                if part == "airflow-3":
                    _airflow_3(report, windows, service)
                else:
                    _airflow_2(report, windows, service, options.airflow_2)
            except (TimeoutError, BrowserError, AssertionError) as error:
                report.check(f"{part} came to its end: {error}", holds=False)
    print(f"\n{len(report.failed)} promises failed", *report.failed, sep="\n  ")
    return 1 if report.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--chromium", type=Path, default="/usr/bin/chromium")
    parser.add_argument("--airflow-2", type=Path, required=True, help="Airflow 2.11's environment")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    options.parts = options.parts or PARTS
    return options


def _windows(playwright: Playwright, options: argparse.Namespace) -> Windows:
    browser = playwright.chromium.launch(
        executable_path=options.chromium,
        args=["--no-sandbox"],  # which root needs, and pages of this machine do not
    )
    return Windows(browser, HOME / "records", HOME / "pictures")


def _airflow_3(report: Report, windows: Windows, service: Service) -> None:
    """Make both connections in the form, then run Dags on them."""
    (HOME / "dags").mkdir()
    for dag in _DAGS:
        shutil.copy(CLONE / "example_dags" / f"{dag}.py", HOME / "dags")
    with ExitStack() as running:
        s3_url = running.enter_context(moto_server())
        s3 = _s3(s3_url)
        s3.create_bucket(Bucket=BUCKET)
        lake = {"conn_type": "aws", "login": "made-up", "password": "made-up-too"}
        extra = {"endpoint_url": s3_url, "region_name": "us-east-1"}
        started = time.monotonic()
        airflow = Standalone(
            HOME / "airflow-3.3",
            HOME / "dags",
            AIRFLOW_VAR_DOCS_LAKE=f"s3://lake@{BUCKET}",
            AIRFLOW_CONN_LAKE=json.dumps({**lake, "extra": extra}),
        )
        running.enter_context(airflow)
        report.say(f"airflow standalone is ready after {time.monotonic() - started:.0f} s")
        at = ("3.3", airflow.url, form_3.Form)
        trials = _make_connections(report, windows, service, at)
        stored = HOME / "connections.json"
        airflow.command(f"connections export {stored} --file-format json")
        _compare(trials, json.loads(stored.read_text()))
        DagTrial(report, windows, service, airflow.url, s3).run()


def _airflow_2(report: Report, windows: Windows, service: Service, environment: Path) -> None:
    """Make both connections in the form."""
    started = time.monotonic()
    with WebServer(HOME / "airflow-2.11", environment).running() as airflow:
        report.say(f"airflow webserver is ready after {time.monotonic() - started:.0f} s")
        at = ("2.11", airflow.url, form_2.Form)
        trials = _make_connections(report, windows, service, at)
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


def _s3(url: str) -> Any:
    import boto3

    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **_S3_KEYS)


if __name__ == "__main__":
    sys.exit(main())
