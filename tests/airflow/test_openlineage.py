"""One run of the Dag ``lineage``: what a lineage backend receives, and the links on the task.

The events are the ones that Airflow's OpenLineage provider writes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from tests.support.airflow_home import AIRFLOW_COMMANDS, DATABASE, airflow_environment
from tests.support.exported import read_export

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parent.parent.parent
EXPIRED_KEY = "mint_expired_since_yesterday"
AWS_SECRET = "aws-secret-of-the-lake"
WINDOW = ["_project_id", "_date_from", "_date_to"]


@dataclass
class Heard:
    """The run's output, the events, and the links as the web server finds them, by task."""

    service: Simulator
    home: Path
    output: str
    events: list[dict[str, Any]]
    links: dict[str, dict[str, str | None]]

    def event(self, task_id: str, kind: str) -> dict[str, Any]:
        (found,) = [
            event
            for event in self.events
            if (event["job"]["name"], event["eventType"]) == (f"lineage.{task_id}", kind)
        ]
        return found

    def written(self, task_id: str) -> dict[str, Any]:
        (dataset,) = self.event(task_id, "COMPLETE")["outputs"]
        return dict(dataset)

    def summary_of(self, path: str) -> dict[str, Any]:
        return read_export(self.home / path).manifest


def _names(datasets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(dataset["namespace"], dataset["name"]) for dataset in datasets]


def _environment(home: Path, service: Simulator, s3_url: str) -> dict[str, str]:
    mintlify = {"conn_type": "mintlify", "host": service.url, "login": service.project_id}
    connections = {
        "MINTLIFY_DEFAULT": {**mintlify, "password": service.mintlify_key},
        "EXPIRED": {**mintlify, "password": EXPIRED_KEY},
        "VYOM_DEFAULT": {"conn_type": "vyom", "host": service.url, "password": service.vyom_key},
        "AWS_LAKE": {
            "conn_type": "aws",
            "login": "lake",
            "password": AWS_SECRET,
            "extra": {"endpoint_url": s3_url, "region_name": "us-east-1"},
        },
    }
    return airflow_environment(
        home,
        AIRFLOW__CORE__DAGS_FOLDER=str(home / "dags"),
        AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(
            {"type": "file", "log_file_path": str(home / "events.json"), "append": True}
        ),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{home}/lake",
        **{f"AIRFLOW_CONN_{name}": json.dumps(fields) for name, fields in connections.items()},
    )


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory, s3_url: str) -> Iterator[Heard]:
    home = tmp_path_factory.mktemp("openlineage")
    (home / "dags").mkdir()
    shutil.copy(Path(__file__).parent / "dags" / "lineage.py", home / "dags")
    boto3.client(
        "s3",
        endpoint_url=s3_url,
        region_name="us-east-1",
        aws_access_key_id="lake",
        aws_secret_access_key=AWS_SECRET,
    ).create_bucket(Bucket="lineage")
    commands = [*DATABASE, "dags test lineage 2026-02-01"]
    with Simulator(Config(rows=2500, start="2026-01-01", end="2026-01-31")) as service:
        environment = _environment(home, service, s3_url)
        output = _run(environment, AIRFLOW_COMMANDS, *commands)
        assert (home / "events.json").exists(), output
        events = [json.loads(line) for line in (home / "events.json").read_text().splitlines()]
        shown = _run(environment, Path(__file__).with_name("shown_links.py"))
        yield Heard(service, home, output, events, json.loads(shown.splitlines()[-1]))


def _run(environment: dict[str, str], *command: Path | str) -> str:
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def test_an_export_reads_the_endpoint_and_writes_the_directory(heard: Heard) -> None:
    event = heard.event("to_s3", "COMPLETE")
    assert _names(event["inputs"]) == [("mintlify://proj_sim_docs", "conversations")]
    assert _names(event["outputs"]) == [("s3://lineage", "docs/conversations/until=2026-01-31")]
    host = heard.service.url.removeprefix("http://")
    event = heard.event("of_vyom", "COMPLETE")
    assert _names(event["inputs"]) == [(f"vyom://{host}", "calls_by_time")]
    assert _names(event["outputs"]) == [("file", f"{heard.home}/lake/of_vyom/calls_by_time")]


def test_rows_and_bytes_are_those_of_the_manifest(heard: Heard) -> None:
    statistics = heard.written("of_sums")["outputFacets"]["outputStatistics"]
    manifest = heard.summary_of("lake/of_sums/feedback_by_page")
    assert statistics["rowCount"] == manifest["rows"] > 0
    assert statistics["size"] == sum(file["bytes"] for file in manifest["files"]) > 0


def test_the_schema_is_our_columns_then_those_of_the_endpoint_table(heard: Heard) -> None:
    fields = heard.written("to_s3")["facets"]["schema"]["fields"]
    table = MINTLIFY.endpoint("conversations").fields
    assert [field["name"] for field in fields] == [*WINDOW, *(field.name for field in table)]
    (sources,) = [field for field in fields if field["name"] == "sources"]
    assert [field["name"] for field in sources["fields"]] == ["title", "url"]
    (read,) = heard.event("to_s3", "COMPLETE")["inputs"]
    assert read["facets"]["schema"]["fields"] == fields[len(WINDOW) :]
    of_vyom = heard.written("of_vyom")["facets"]["schema"]["fields"]
    assert [field["name"] for field in of_vyom][:3] == ["_date_from", "_date_to", "date"]


def test_a_copied_column_is_traced_to_its_field(heard: Heard) -> None:
    columns = heard.written("to_s3")["facets"]["columnLineage"]["fields"]
    assert set(columns) == {field.name for field in MINTLIFY.endpoint("conversations").fields}
    (origin,) = columns["query"]["inputFields"]
    assert (origin["namespace"], origin["name"], origin["field"]) == (
        "mintlify://proj_sim_docs",
        "conversations",
        "query",
    )
    # the votes of a page may be sums over parts of the window
    assert set(heard.written("of_sums")["facets"]["columnLineage"]["fields"]) == {"path"}
    # an escaped formula is no copy
    assert "columnLineage" not in heard.written("for_spreadsheets")["facets"]


def test_a_format_with_columns_has_the_extra_column(heard: Heard) -> None:
    fields = heard.written("for_spreadsheets")["facets"]["schema"]["fields"]
    assert [field["name"] for field in fields][-1] == "_extra"


def test_an_asset_in_outlets_is_an_input_and_never_an_output(heard: Heard) -> None:
    source = ("mintlify://proj_sim_docs", "conversations")
    for task_id, kind in (("to_s3", "START"), ("failing", "START"), ("failing", "FAIL")):
        event = heard.event(task_id, kind)
        assert (_names(event["inputs"]), event["outputs"]) == ([source], [])


def test_a_hook_in_a_task_is_reported_too(heard: Heard) -> None:
    host = heard.service.url.removeprefix("http://")
    (read,) = heard.event("counts_calls", "COMPLETE")["inputs"]
    assert _names([read]) == [(f"vyom://{host}", "calls_by_service")]
    assert read["facets"]["schema"]["fields"][0]["name"] == "service"


def test_lineage_costs_no_request(heard: Heard) -> None:
    asked = [entry for entry in heard.service.requests if entry["status"] == 200]
    exported = (
        "of_sums/feedback_by_page",
        "for_spreadsheets/searches",
        "of_vyom/calls_by_time",
    )
    spent = sum(heard.summary_of(f"lake/{path}")["requests"] for path in exported)
    # three pages of conversations, and the task's own request
    assert len(asked) == spent + 3 + 1


def test_no_secret_and_no_connection_is_in_any_event(heard: Heard) -> None:
    written = (heard.home / "events.json").read_text()
    secrets = [heard.service.mintlify_key, heard.service.vyom_key, EXPIRED_KEY, AWS_SECRET]
    assert [secret for secret in secrets if secret in written] == []
    datasets = [
        (dataset["namespace"], dataset["name"])
        for event in heard.events
        for dataset in (*event["inputs"], *event["outputs"])
    ]
    assert datasets
    assert not any("@" in part for names in datasets for part in names)


def test_a_task_links_to_its_manifest_and_to_mintlifys_own_analytics(heard: Heard) -> None:
    console = "https://s3.console.aws.amazon.com/s3/object/lineage?prefix="
    key = "docs/conversations/until%3D2026-01-31/_manifest.json"
    analytics = "https://app.mintlify.com/analytics"
    assert heard.links["to_s3"] == {
        "Manifest": f"{console}{key}",
        "Mintlify analytics": analytics,
    }
    local = heard.links["of_vyom"].pop("Manifest")  # no browser opens it: its path is in the XCom
    assert local is not None
    assert heard.links["of_vyom"] == {}
    if AIRFLOW_V_3_0_PLUS:
        assert re.fullmatch(r"dags/lineage/runs/manual__[\w%.-]+/tasks/of_vyom/xcom", local)
    else:
        grid = r"http://localhost:8080/dags/lineage/grid\?dag_run_id=manual__[\w%.-]+"
        assert re.fullmatch(rf"{grid}&task_id=of_vyom&tab=xcom", local)


def test_a_task_without_a_manifest_has_no_link_to_it_and_no_error(heard: Heard) -> None:
    assert heard.links["failing"]["Manifest"] == ""
    assert "XCom not found" not in heard.output
    assert "Failed to push an xcom" not in heard.output
