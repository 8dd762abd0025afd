"""Dags run by Airflow's own ``airflow dags test``, against the simulator, into real files."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from airflow import __version__ as airflow_version

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.lake.schema import table_of
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS
from tests.support.airflow_home import AIRFLOW_COMMANDS, DATABASE, airflow_environment
from tests.support.exported import read_export

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parent.parent.parent
RUN_DATE = "2026-01-11"
SNIPPETS = {  # Dags that the documentation shows: where each writes, and its window's start
    "every_day_of_cron": ("calls/calls_by_time/dt=2026-01-10", "2026-01-10"),
    "late_data": ("late/feedback/until=2026-01-11", "2026-01-04"),
    "one_wide_window": ("history/conversations/dt=2026-01-10", "2026-01-10"),
}
LOADED = ("feedback", "searches")
EXPIRED_KEY = "mint_expired_since_yesterday"
DAGS = [
    "count_unanswered",
    "first_export",
    "load_duckdb",
    "mintlify_backfill",
    "mintlify_daily_export",
    "mintlify_sites",
    "mintlify_threads",
    "vyom_daily_export",
    "wait_for_conversations",
    "cron_without_dates",
    "cron_with_lookback",
    "partitioned",
    "with_outlet",
    "expired_key",
    "moving_window",
    "native_rendering",
    "day_in_tokyo",
    *SNIPPETS,
    *(["outlets_of_every_kind"] if AIRFLOW_V_3_0_PLUS else []),
    "lake_audit",  # of what all of them have left
    "docs_report",
]


class OtherOrganisation(Simulator):
    """The service as another organisation sees it: its own project, and its own key."""

    project_id = "proj_other"
    mintlify_key = "mint_other_0000000000000000"


@dataclass
class Run:
    """What the Dag runs left: their output, their files, the services' logs."""

    service: Simulator
    other: Simulator
    flaky: Simulator
    home: Path
    output: dict[str, str]

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    def manifest(self, directory: str) -> dict[str, Any]:
        return read_export(self.lake / directory).manifest

    def rows(self, directory: str) -> list[dict[str, Any]]:
        return read_export(self.lake / directory).rows


def _environment(
    home: Path, service: Simulator, other: Simulator, flaky: Simulator
) -> dict[str, str]:
    mintlify = {"conn_type": "mintlify", "host": service.url, "login": service.project_id}
    connections = {
        "MINTLIFY_DEFAULT": {**mintlify, "password": service.mintlify_key},
        "MINTLIFY_OTHER": {**mintlify, "host": other.url, "password": other.mintlify_key},
        "FLAKY": {
            **mintlify,
            "host": flaky.url,
            "password": flaky.mintlify_key,
            "extra": {"max_attempts": 1},
        },
        "EXPIRED": {**mintlify, "password": EXPIRED_KEY},
        "VYOM_DEFAULT": {"conn_type": "vyom", "host": service.url, "password": service.vyom_key},
    }
    sites = [
        {"mintlify_conn_id": "mintlify_default", "project_id": service.project_id},
        {"mintlify_conn_id": "mintlify_other", "project_id": other.project_id},
    ]
    return airflow_environment(
        home,
        AIRFLOW_VAR_DOCS_SITES=json.dumps(sites),
        AIRFLOW__CORE__DAGS_FOLDER=str(home / "dags"),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{home}/lake",
        AIRFLOW_VAR_DOCS_SITE="https://docs.example.com",
        AIRFLOW_VAR_DOCS_DUCKDB=f"{home}/docs.duckdb",
        **{f"AIRFLOW_CONN_{name}": json.dumps(fields) for name, fields in connections.items()},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    home = tmp_path_factory.mktemp("airflow")
    shutil.copytree(CLONE / "example_dags", home / "dags")
    for more in (Path(__file__).parent / "dags", CLONE / "docs" / "snippets" / "dags"):
        shutil.copytree(more, home / "dags", dirs_exist_ok=True)
    with duckdb.connect(str(home / "docs.duckdb")) as database:
        for table in LOADED:
            database.execute(table_of(MINTLIFY, MINTLIFY.endpoints[table], "duckdb"))
    commands = [
        *DATABASE,
        "pools set mintlify_api 1 quota",
        *(f"dags test {dag} {RUN_DATE}" for dag in DAGS),
    ]
    january = {"start": "2026-01-01", "end": "2026-01-31"}
    with (
        Simulator(Config(rows=2500, **january)) as service,
        OtherOrganisation(Config(rows=500, seed=2, **january)) as other,
        Simulator(Config(rows=900, seed=3, **january)) as flaky,
    ):
        flaky.add_faults([{"kind": "status", "status": 500, "match": {"nth": 3}}])
        done = subprocess.run(
            [sys.executable, str(AIRFLOW_COMMANDS), *commands],
            env=_environment(home, service, other, flaky),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)  # Airflow 3.0 colours values
        sections = shown.split("\n$ airflow dags test ")
        output = {"before": sections[0]} | {text.split()[0]: text for text in sections[1:]}
        assert list(output) == ["before", *DAGS], shown
        yield Run(service, other, flaky, home, output)


@pytest.mark.parametrize("platform", [MINTLIFY, VYOM])
def test_the_daily_examples_export_every_windowed_endpoint_of_one_day(
    run: Run, platform: Any
) -> None:
    windowed = [name for name, row in platform.endpoints.items() if row.windowed]
    found = sorted(path.parent.parent.name for path in run.lake.glob(f"{platform.name}/*/*/*.json"))
    assert found == sorted(windowed)
    for endpoint in windowed:
        manifest = run.manifest(f"{platform.name}/{endpoint}/dt=2026-01-10")
        assert manifest["date_from"] == "2026-01-10T00:00:00.000Z"
        assert manifest["date_to"] == "2026-01-11T00:00:00.000Z"
        truth, totals = run.service.truth(endpoint, "2026-01-10", "2026-01-11")
        assert (manifest["rows"], manifest["totals"]) == (len(truth), totals)


def test_the_threads_example_fetches_the_unanswered_conversations(run: Run) -> None:
    conversations, _ = run.service.truth("conversations", "2026-01-10", "2026-01-11")
    unanswered = {row["id"] for row in conversations if row["resolutionStatus"] == "unanswered"}
    threads = run.rows("unanswered/threads/dt=2026-01-10")
    assert {row["threadId"] for row in threads} == unanswered
    assert len(unanswered) > 1


def test_the_counting_example_counts_every_turn_of_the_day(run: Run) -> None:
    turns, _ = run.service.truth("conversations", "2026-01-10", "2026-01-11")
    unanswered = sum(row["resolutionStatus"] == "unanswered" for row in turns)
    assert 0 < unanswered < len(turns)
    said = f"{unanswered} of {len(turns)} questions stayed unanswered."
    assert said in run.output["count_unanswered"]


@pytest.mark.parametrize("endpoint", ["conversations", "feedback", "searches"])
def test_the_sites_example_exports_each_site_with_its_organisations_key(
    run: Run, endpoint: str
) -> None:
    for organisation in (run.service, run.other):
        rows = run.rows(f"sites/{organisation.project_id}/{endpoint}/dt=2026-01-10")
        assert {row.pop("_project_id") for row in rows} == {organisation.project_id}
        truth, _ = organisation.truth(endpoint, "2026-01-10", "2026-01-11")
        assert [row | {"_date_from": 0, "_date_to": 0} for row in rows] == [
            row | {"_date_from": 0, "_date_to": 0} for row in truth
        ]
    assert {entry["status"] for entry in run.other.requests} == {200}


@pytest.mark.parametrize("endpoint", LOADED)
def test_the_loading_example_fills_its_tables(run: Run, endpoint: str) -> None:
    rows = run.manifest(f"parquet/{endpoint}/dt=2026-01-10")["rows"]
    with duckdb.connect(str(run.home / "docs.duckdb"), read_only=True) as database:
        found = database.execute(
            f"SELECT count(*) FROM {endpoint} WHERE _date_from = '2026-01-10T00:00:00Z'"  # noqa: S608
        ).fetchone()
    assert found == (rows,)
    assert rows > 0


def test_the_audit_example_finds_nothing_wrong_with_the_daily_exports(run: Run) -> None:
    report = json.loads((run.lake / "_audits" / f"{RUN_DATE}.json").read_text())
    assert report["exports"] == len(list((run.lake / "mintlify").rglob("_manifest.json"))) == 7
    assert [each for each in report["findings"] if each["severity"] == "error"] == []


@pytest.mark.parametrize("endpoint", ["conversations", "searches"])
def test_the_backfilling_example_exports_to_where_the_daily_export_does(
    run: Run, endpoint: str
) -> None:
    assert run.manifest(f"mintlify/{endpoint}/dt=2026-01-10")["rows"] > 0
    for dag in ("mintlify_backfill", "mintlify_daily_export"):
        assert f"{run.lake}/mintlify/{endpoint}/dt=2026-01-10" in run.output[dag]
        assert "FAILED: airflow" not in run.output[dag]


def test_each_task_of_a_mapped_example_has_a_name_and_not_a_number(run: Run) -> None:
    with closing(sqlite3.connect(run.home / "airflow" / "airflow.db")) as database:
        found = database.execute(
            "select dag_id, rendered_map_index from task_instance where rendered_map_index <> ''"
        ).fetchall()
    shown: dict[str, list[str]] = {}
    for dag_id, name in found:
        shown.setdefault(dag_id, []).append(name)
    sites = (run.service.project_id, run.other.project_id)
    endpoints = ("conversations", "feedback", "searches")
    expected = {
        "load_duckdb": [*LOADED, *LOADED],  # exported, loaded
        "mintlify_backfill": ["conversations", "searches"],
        "mintlify_sites": [f"{site} {endpoint}" for site in sites for endpoint in endpoints],
    }
    for platform in (MINTLIFY, VYOM):
        windowed = [name for name, row in platform.endpoints.items() if row.windowed]
        expected[f"{platform.name}_daily_export"] = windowed
    assert {dag_id: sorted(names) for dag_id, names in shown.items()} == {
        dag_id: sorted(names) for dag_id, names in expected.items()
    }


def test_the_waiting_example_exports_after_its_sensor(run: Run) -> None:
    awaited = run.manifest("awaited/conversations/dt=2026-01-10")
    assert awaited["rows"] == run.manifest("mintlify/conversations/dt=2026-01-10")["rows"]


def test_a_cron_schedule_without_dates_is_explained_at_once(run: Run) -> None:
    output = run.output["cron_without_dates"]
    if "FAILED" in output:  # Airflow 3: no interval
        assert "data interval is empty" in output
        assert "lookback=timedelta(days=1)" in output
        assert not (run.lake / "windows" / "cron_without_dates").exists()
    else:  # Airflow 2: the day before
        assert run.manifest("windows/cron_without_dates/dt=2026-01-10")["rows"] > 0


@pytest.mark.parametrize("endpoint", ["calls_by_time", "calls_by_phone_number"])
def test_a_mapped_task_of_a_native_dag_keeps_ids_and_dates_that_look_like_numbers(
    run: Run, endpoint: str
) -> None:
    manifest = run.manifest(f"windows/native_rendering/{endpoint}")
    assert manifest["filters"] == {"assistant_id": "661e30"}
    assert (manifest["date_from"][:10], manifest["date_to"][:10]) == ("2026-01-10", "2026-01-11")


def test_a_lookback_of_a_day_exports_the_day_before_the_run(run: Run) -> None:
    (manifest,) = (run.lake / "windows" / "cron_with_lookback").rglob("_manifest.json")
    export = json.loads(manifest.read_text())
    assert export["date_to"] == "2026-01-11T00:00:00.000Z"
    truth, _ = run.service.truth("conversations", export["date_from"], export["date_to"])
    assert export["rows"] == len(truth) > 0


@pytest.mark.skipif(
    airflow_version.startswith(("2.", "3.0.")), reason="dags test knows assets since Airflow 3.1"
)
def test_the_assets_event_carries_the_summary(run: Run) -> None:
    with closing(sqlite3.connect(run.home / "airflow" / "airflow.db")) as database:
        ((extra,),) = database.execute(
            "select extra from asset_event where source_dag_id = 'with_outlet'"
        ).fetchall()
    (manifest,) = (run.lake / "windows" / "with_outlet").rglob("_manifest.json")
    announced = json.loads(extra)
    assert announced["manifest"] == f"file://{manifest}"
    assert announced["rows"] == json.loads(manifest.read_text())["rows"]


def test_a_partitioned_export_names_the_start_of_its_window(run: Run) -> None:
    if not AIRFLOW_V_3_3_PLUS:
        assert "partitioned=True needs Airflow 3.3" in run.output["partitioned"]
        return
    with closing(sqlite3.connect(run.home / "airflow" / "airflow.db")) as database:
        events = database.execute(
            "select partition_key, extra from asset_event where source_dag_id = 'partitioned'"
        ).fetchall()
    assert [key for key, _ in events] == ["2026-01-10T00:00:00"]
    assert json.loads(events[0][1])["endpoint"] == "conversations"


def test_a_retry_reads_the_window_of_the_first_try_although_its_template_gives_another(
    run: Run,
) -> None:
    (directory,) = (run.lake / "windows" / "moving_window").iterdir()
    manifest = read_export(directory).manifest
    asked = [(entry["status"], str(entry["query"])) for entry in run.flaky.requests]
    assert [status for status, _ in asked].count(500) == 1
    good = [query for status, query in asked if status == 200]
    assert len(good) == len(set(good)) == manifest["pages"]
    assert manifest["rows"] == len(run.flaky.truth("feedback")[0])
    assert "window that this run started with" in run.output["moving_window"] or AIRFLOW_V_3_3_PLUS


def test_a_day_of_a_dag_in_tokyo_is_named_by_its_day_there(run: Run) -> None:
    (directory,) = (run.lake / "windows" / "day_in_tokyo").iterdir()
    manifest = read_export(directory).manifest
    local = datetime.fromisoformat(manifest["date_from"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{local:%H:%M:%S}" == "00:00:00"
    assert directory.name == f"dt={local:%Y-%m-%d}"
    assert manifest["date_from"].endswith("T15:00:00.000Z")
    if AIRFLOW_V_3_3_PLUS:
        ((key, _),) = _events(run, "day_in_tokyo")["tokyo"]
        assert key == f"{local:%Y-%m-%d}T00:00:00"


@pytest.mark.skipif(
    airflow_version.startswith(("2.", "3.0.")), reason="dags test knows assets since Airflow 3.1"
)
def test_every_kind_of_asset_in_outlets_gets_an_event(run: Run) -> None:
    events = _events(run, "outlets_of_every_kind")
    exported = f"mintlify://{run.service.project_id}/conversations"
    assert set(events) == {"plain", "a_model", "by_name", "by_uri", exported}
    assert "Airflow sends no event for a condition" in run.output["outlets_of_every_kind"]
    for name, told in events.items():
        ((key, extra),) = told
        assert json.loads(extra)["rows"] > 0, name
        if AIRFLOW_V_3_3_PLUS:
            assert key == (None if name == exported else "2026-01-10T00:00:00")


def _events(run: Run, dag: str) -> dict[str, list[tuple[str | None, str]]]:
    """Return partition key and extra of the events of a Dag, by the name of their asset."""
    key = "partition_key" if AIRFLOW_V_3_3_PLUS else "null"
    events: dict[str, list[tuple[str | None, str]]] = {}
    with closing(sqlite3.connect(run.home / "airflow" / "airflow.db")) as database:
        rows = database.execute(
            f"select asset.name, {key}, asset_event.extra from asset_event "  # noqa: S608 - ours
            "join asset on asset.id = asset_id where source_dag_id = ?",
            [dag],
        ).fetchall()
    for name, partition, extra in rows:
        events.setdefault(name, []).append((partition, extra))
    return events


def test_an_expired_key_is_tried_once_whatever_retries_says(run: Run) -> None:
    output = run.output["expired_key"]
    assert "FAILED" in output
    assert "has expired" in output
    refused = [entry for entry in run.service.requests if entry["status"] == 401]
    assert len(refused) == 1


def test_no_request_was_spent_on_anything_twice(run: Run) -> None:
    asked = [
        (entry["path"], tuple(sorted(entry["query"].items())))
        for entry in run.service.requests
        if entry["status"] == 200
    ]
    again = {ask for ask in asked if asked.count(ask) > 1}
    # some of the Dags export the same day, each for itself
    endpoints = {path.rsplit("/", 1)[-1] for path, _ in again}
    assert endpoints <= {"assistant", "feedback", "searches"}


def test_no_key_is_in_any_output_file_or_database(run: Run) -> None:
    """``airflow dags test`` masks nothing: what we do not write is the only protection."""
    keys = [
        run.service.mintlify_key,
        run.service.vyom_key,
        run.other.mintlify_key,
        EXPIRED_KEY,
    ]
    lines = "".join(run.output.values()).splitlines()
    ours = [line for line in lines if "msg=MaskSecret(" not in line]  # 3.0 tells what it masks
    written = {"output": "\n".join(ours).encode()} | {
        str(path): path.read_bytes() for path in run.home.rglob("*") if path.is_file()
    }
    assert any(name.endswith(".db") for name in written)
    assert any(name.endswith("_manifest.json") for name in written)
    found = [name for name, content in written.items() for key in keys if key.encode() in content]
    assert found == []


@pytest.mark.parametrize("dag", SNIPPETS)
def test_a_dag_of_the_documentation_exports_the_window_that_its_page_names(
    run: Run, dag: str
) -> None:
    directory, start = SNIPPETS[dag]
    manifest = run.manifest(directory)
    assert manifest["date_from"] == f"{start}T00:00:00.000Z"
    assert manifest["rows"] == len(run.rows(directory)) > 0
