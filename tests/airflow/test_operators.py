"""The operators' ``execute`` against the simulator; Dag runs are in test_dag_runs.py."""

from __future__ import annotations

import itertools
import json
import logging
import math
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError, RateLimited, ServerError
from airflow_provider_docsanalytics.export import run as export_run
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_1_7_PLUS
from tests.airflow.conftest import connect
from tests.support.exported import read_export

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

MONTH = {"date_from": "2026-01-01", "date_to": "2026-01-31"}
FROM, TO = "2026-01-01T00:00:00.000Z", "2026-01-31T00:00:00.000Z"


def _operator(endpoint: str, path: Path | str, **arguments: Any) -> Any:
    kind = VyomExportOperator if endpoint in VYOM.endpoints else MintlifyExportOperator
    by_id = endpoint == "threads"
    arguments = ({} if by_id or "lookback" in arguments else MONTH) | arguments
    location = str(path) if "://" in str(path) else f"file://{path}"
    return kind(task_id="export", endpoint=endpoint, path=location, **arguments)


def _export(endpoint: str, path: Path, context: Any = None, **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = _operator(endpoint, path, **arguments).execute(context or {})
    return result


REFUSED = (ConfigError, AirflowFailException)
"""How a parameter is refused: when the Dag is parsed or, before Airflow 3.3, by the task."""


def _refusal(endpoint: str, path: Path | str, context: Any = None, **arguments: Any) -> str:
    with pytest.raises(REFUSED) as refused:
        _operator(endpoint, path, **arguments).execute(context or {})
    return str(refused.value)


def _manifest(path: Path) -> dict[str, Any]:
    return read_export(path).manifest


def _rows(path: Path) -> list[dict[str, Any]]:
    return read_export(path).rows


WINDOWED = [
    name
    for platform in (MINTLIFY, VYOM)
    for name, row in platform.endpoints.items()
    if row.windowed
]


@pytest.mark.parametrize("endpoint", WINDOWED)
def test_an_export_is_the_services_rows_value_for_value_and_in_order(
    connections: Simulator, tmp_path: Path, endpoint: str
) -> None:
    result = _export(endpoint, tmp_path)
    truth, totals = connections.truth(endpoint, "2026-01-01", "2026-01-31")
    project = {"_project_id": connections.project_id} if endpoint in MINTLIFY.endpoints else {}
    context = {**project, "_date_from": FROM, "_date_to": TO}
    rows = _rows(tmp_path)
    assert rows == [{**context, **row} for row in truth]
    assert list(rows[0])[: len(context)] == list(context)
    manifest = _manifest(tmp_path)
    assert manifest["totals"] == result["totals"] == totals
    assert manifest["requests"] == result["requests"] == len(connections.requests)
    page_size = (MINTLIFY if project else VYOM).endpoint(endpoint).page_size or 10**9
    if endpoint != "feedback_by_page":
        assert manifest["requests"] == math.ceil(len(truth) / page_size)
    assert result == {
        "manifest": f"file://{tmp_path}/_manifest.json",
        "path": f"file://{tmp_path}",
        "endpoint": endpoint,
        "project_id": project.get("_project_id"),
        "date_from": FROM,
        "date_to": TO,
        "rows": len(truth),
        "pages": manifest["pages"],
        "requests": manifest["requests"],
        "bytes": sum(file["bytes"] for file in manifest["files"]),
        "files": len(manifest["files"]),
        "uris": [f"file://{tmp_path}/{file['name']}" for file in manifest["files"]],
        "totals": totals,
    }


def test_the_manifest_has_the_documented_members(connections: Simulator, tmp_path: Path) -> None:
    _export("feedback", tmp_path, filters={"status": ["resolved", "pending"]})
    manifest = _manifest(tmp_path)
    assert list(manifest) == [
        "manifest_version",
        "platform",
        "endpoint",
        "project_id",
        "date_from",
        "date_to",
        "filters",
        "file_format",
        "compression",
        "files",
        "rows",
        "pages",
        "requests",
        "totals",
        "repeated",
        "repaired",
        "drift",
        "started_at",
        "finished_at",
        "provider_version",
        "service",
    ]
    assert manifest["service"] == connections.url
    assert manifest["filters"] == {"status": "pending,resolved"}
    assert manifest["project_id"] == connections.project_id


def test_feedback_by_page_over_hundreds_of_pages_is_complete(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("feedback", tmp_path / "entries")
    _export("feedback_by_page", tmp_path / "pages")
    counted: dict[str, dict[str, int]] = {}
    for entry in _rows(tmp_path / "entries"):
        path = entry["path"].removeprefix("https://docs.example.com")
        counts = counted.setdefault(path, {"thumbsUp": 0, "thumbsDown": 0, "code": 0, "total": 0})
        counts["total"] += 1
        counts["code"] += entry["source"] == "code_snippet"
        counts["thumbsUp"] += entry.get("helpful") is True
        counts["thumbsDown"] += entry.get("helpful") is False
    rows = _rows(tmp_path / "pages")
    assert len(rows) > 250
    assert {
        row["path"]: {name: row[name] for name in counted[row["path"]]} for row in rows
    } == counted


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_exports_hold_the_same_rows(
    connections: Simulator, tmp_path: Path, compression: str
) -> None:
    _export("conversations", tmp_path / "plain")
    _export("conversations", tmp_path / "packed", compression=compression)
    assert _rows(tmp_path / "packed") == _rows(tmp_path / "plain")
    assert _manifest(tmp_path / "packed")["compression"] == compression


def test_threads_that_do_not_exist_are_listed_and_are_not_a_failure(
    connections: Simulator, tmp_path: Path
) -> None:
    ids = dict.fromkeys(row["id"] for row in connections.truth("conversations")[0])
    there = list(ids)[:3]
    gone = "01HQZX9K2MNBVCXZ7GQRST8WVY"
    result = _export("threads", tmp_path, thread_ids=[there[0], gone, *there[1:]])
    rows = _rows(tmp_path)
    assert [row["threadId"] for row in rows] == there
    assert list(rows[0]) == ["_project_id", "threadId", "createdAt", "messages"]
    manifest = _manifest(tmp_path)
    assert (manifest["missing"], manifest["thread_ids"]) == ([gone], [there[0], gone, *there[1:]])
    assert (result["date_from"], result["requests"], result["rows"]) == (None, 4, 3)


def test_no_threads_are_an_empty_export(connections: Simulator, tmp_path: Path) -> None:
    result = _export("threads", tmp_path, thread_ids=[])
    assert (result["rows"], result["requests"], _rows(tmp_path)) == (0, 0, [])


def test_one_path_serves_mapped_endpoints_of_both_platforms(
    connections: Simulator, tmp_path: Path
) -> None:
    path = f"file://{tmp_path}/{{platform}}/{{endpoint}}/dt={{date_from:%Y-%m-%d}}"
    for endpoint in ("views", "dashboard"):
        _operator(endpoint, path).execute({})
    assert _rows(tmp_path / "mintlify/views/dt=2026-01-01") != []
    assert _rows(tmp_path / "vyom/dashboard/dt=2026-01-01") != []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/x/{project}", "unknown field {project}"),
        ("/x/{0}", "unknown field {0}"),
        ("/x/{}", "unknown field"),
        ("/x/{endpoint.__class__}", "unknown field"),
        ("/x/{date_from[0]}", "unknown field"),
        ("/x/{endpoint", "'}'"),
        ("/x/{endpoint:>9}", "takes no format"),
        ("x/{endpoint}", "absolute path or a URL"),
    ],
)
def test_a_path_that_cannot_be_filled_in_is_refused(
    connections: Simulator, path: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        MintlifyExportOperator(task_id="export", endpoint="views", path=path, **MONTH)
    assert said in str(refused.value)
    templated = MintlifyExportOperator(task_id="export", endpoint="views", path="{{ x }}", **MONTH)
    templated.path = path
    with pytest.raises(REFUSED) as refused:
        templated.execute({})
    assert said in str(refused.value)
    assert connections.requests == []


BAD_INPUT: list[tuple[str, dict[str, Any], str]] = [
    (
        "view",
        {},
        "endpoint='view': Mintlify has no such endpoint. Did you mean 'views'?",
    ),
    ("views", {"filters": {"source": "agent"}}, "no filter 'source'"),
    ("feedback", {"filters": {"source": "fax"}}, "Use code_snippet"),
    ("views", {"date_from": "2026-01-02", "date_to": "2026-01-02"}, "is not before"),
    ("views", {"date_from": "2026-01-03", "date_to": "2026-01-02"}, "is not before"),
    ("views", {"date_from": "last week"}, "date_from='last week' is not a date"),
    ("views", {"lookback": 3}, "lookback=3"),
    ("views", {"lookback": timedelta(-1)}, "is negative"),
    ("views", {"file_format": "xml"}, "file_format='xml'"),
    ("views", {"compression": "rar"}, "compression='rar'"),
    ("views", {"pages_per_file": 0}, "pages_per_file=0"),
    ("views", {"if_exists": "ignore"}, "if_exists='ignore'"),
    ("views", {"thread_ids": ["a"]}, "goes with the endpoint threads"),
    ("threads", {}, "needs thread_ids"),
    ("threads", {"thread_ids": ["a"], **MONTH}, "takes no dates"),
    ("threads", {"thread_ids": ["../../evil"]}, "is not an ID"),
    ("views", {"project_id": "a/../b"}, "is not an ID"),
    ("views", {"project_id": "a?b"}, "is not an ID"),
]


@pytest.mark.parametrize(("endpoint", "arguments", "said"), BAD_INPUT)
def test_bad_input_is_explained_before_the_first_request(
    connections: Simulator, tmp_path: Path, endpoint: str, arguments: dict[str, Any], said: str
) -> None:
    assert said in _refusal(endpoint, tmp_path / "new", **arguments)
    assert connections.requests == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"login": None}, "needs a project ID"),
        ({"password": "mint_dsc_abc"}, "an assistant key"),
        ({"password": "mint_us_abc"}, "an index key"),
        ({"password": ""}, "has no key"),
        ({"host": "http://api.mintlify.com"}, "Use https://"),
        ({"extra": {"retries": 3}}, "unknown key 'retries'"),
    ],
)
def test_a_bad_connection_is_explained_before_the_first_request(
    service: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    said: str,
) -> None:
    connect(monkeypatch, "mintlify", service, **fields)
    assert said in _refusal("views", tmp_path / "new")
    assert service.requests == []
    assert not (tmp_path / "new").exists()


def test_bad_input_leaves_an_existing_export_unchanged(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("views", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    _refusal("views", tmp_path, compression="rar")
    _refusal("views", tmp_path, date_from="2027-01-01")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("s3://aws_lake@bucket/in-the-url/{endpoint}", {}),
        ("s3://bucket/as-a-parameter/{endpoint}", {"storage_conn_id": "aws_lake"}),
    ],
)
def test_an_export_goes_to_s3_through_an_airflow_connection(
    connections: Simulator, lake: ObjectStoragePath, path: str, arguments: dict[str, Any]
) -> None:
    for _ in range(2):  # also over itself
        result = _operator("searches", path, compression="gzip", **arguments).execute({})
    directory = lake / result["path"].partition("bucket/")[2]
    names = {str(entry).rsplit("/", 1)[-1] for entry in directory.iterdir()}
    found = read_export(directory)
    assert names == found.names
    truth, _ = connections.truth("searches", "2026-01-01", "2026-01-31")
    assert [row["searchQuery"] for row in found.rows] == [row["searchQuery"] for row in truth]


def test_two_connections_for_one_path_are_refused_and_so_is_one_that_does_not_exist(
    connections: Simulator, lake: ObjectStoragePath
) -> None:
    said = _refusal("views", "s3://aws_lake@bucket/x", storage_conn_id="another")
    assert "'aws_lake', but storage_conn_id='another'" in said
    assert "'nope' of path and storage_conn_id does not exist" in _refusal(
        "views", "s3://bucket/x", storage_conn_id="nope"
    )
    assert "'nope' of path" in _refusal("views", "s3://nope@bucket/x")
    assert connections.requests == []
    assert not list(lake.fs.glob("bucket/x/*"))


def test_the_uris_for_loaders_name_no_airflow_connection(
    connections: Simulator, lake: ObjectStoragePath
) -> None:
    result = _operator("views", "s3://aws_lake@bucket/loaders").execute({})
    assert connections.requests
    assert all(lake.fs.exists(uri) for uri in result["uris"])
    assert all(uri.startswith("s3://bucket/loaders/part-") for uri in result["uris"])


def test_an_unfinished_export_is_resumed_whatever_the_spelling_of_the_base_url(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.add_faults([{"kind": "status", "status": 500, "match": {"nth": 3}, "times": None}])
    connect(monkeypatch, "mintlify", connections, extra={"max_attempts": 1})
    with pytest.raises(ServerError):
        _export("feedback", tmp_path)
    connections.clear_faults()
    connections.clear_requests()
    connect(monkeypatch, "mintlify", connections, host=f"{connections.url}/")
    result = _export("feedback", tmp_path)
    assert len(connections.requests) == result["pages"] - 2


@pytest.mark.parametrize("scheme", ["hdfs", "sftp", "nonsense"])
def test_a_storage_without_an_installed_file_system_is_refused_with_what_to_install(
    connections: Simulator, scheme: str
) -> None:
    told = _refusal("views", f"{scheme}://lake/{{endpoint}}")
    assert f"{scheme}://lake/views" in told
    assert "airflow-provider-docsanalytics[s3]" in told
    assert connections.requests == []


# Windows ------------------------------------------------------------------------------------------

MIDNIGHT = datetime(2026, 1, 11, tzinfo=UTC)
AIRFLOW_3_CRON = {
    "data_interval_start": MIDNIGHT,
    "data_interval_end": MIDNIGHT,
    "logical_date": MIDNIGHT,
}
DAY = timedelta(days=1)


def _window(result: dict[str, Any]) -> tuple[str, str]:
    return result["date_from"][:10], result["date_to"][:10]


def test_the_default_window_is_the_data_interval(connections: Simulator, tmp_path: Path) -> None:
    context = AIRFLOW_3_CRON | {"data_interval_start": MIDNIGHT - DAY}
    result = _export("views", tmp_path, context, date_from=None, date_to=None)
    assert _window(result) == ("2026-01-10", "2026-01-11")


@pytest.mark.parametrize(
    "context",
    [AIRFLOW_3_CRON, {"logical_date": MIDNIGHT}, {"data_interval_start": None} | AIRFLOW_3_CRON],
)
def test_an_empty_interval_is_explained_and_never_an_empty_export(
    connections: Simulator, tmp_path: Path, context: dict[str, Any]
) -> None:
    message = _refusal("views", tmp_path, context, date_from=None, date_to=None)
    for word in (
        "empty",
        "lookback=timedelta(days=1)",
        "CronDataIntervalTimetable",
        "logical_date",
    ):
        assert word in message
    assert connections.requests == []


def test_a_run_without_any_date_is_explained(connections: Simulator, tmp_path: Path) -> None:
    message = _refusal("views", tmp_path, {}, date_from=None, date_to=None)
    assert "Pass date_from and date_to" in message


def test_a_lookback_gives_a_run_without_an_interval_its_window(
    connections: Simulator, tmp_path: Path
) -> None:
    result = _export("views", tmp_path, AIRFLOW_3_CRON, lookback=DAY)
    assert _window(result) == ("2026-01-10", "2026-01-11")
    assert [row["path"] for row in _rows(tmp_path)] == [
        row["path"] for row in connections.truth("views", "2026-01-10", "2026-01-11")[0]
    ]


def test_a_run_without_a_logical_date_ends_when_it_was_due(
    connections: Simulator, tmp_path: Path
) -> None:
    class DagRun:
        run_after = MIDNIGHT

    context = {"dag_run": DagRun(), "logical_date": None}
    result = _export("views", tmp_path, context, lookback=DAY)
    assert _window(result) == ("2026-01-10", "2026-01-11")


def test_a_lookback_reads_late_data_again(connections: Simulator, tmp_path: Path) -> None:
    result = _export("views", tmp_path, date_from="2026-01-10", date_to="2026-01-11", lookback=DAY)
    assert _window(result) == ("2026-01-09", "2026-01-11")


def test_one_date_alone_takes_the_other_from_the_interval(
    connections: Simulator, tmp_path: Path
) -> None:
    result = _export("views", tmp_path, AIRFLOW_3_CRON, date_from="2026-01-05", date_to=None)
    assert _window(result) == ("2026-01-05", "2026-01-11")


def test_adjacent_vyom_days_count_a_midnight_call_once(
    connections: Simulator, tmp_path: Path
) -> None:
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    counts = []
    for start, end in [*itertools.pairwise(days), (days[0], days[2])]:
        path = tmp_path / f"{start}-{end}"
        _export("dashboard", path, date_from=start, date_to=end)
        counts.append(_rows(path)[0]["total_calls"])
    assert counts[0] + counts[1] == counts[2]
    instant = {"date_from": days[1], "date_to": f"{days[1]}T00:00:00.001Z"}
    _export("dashboard", tmp_path / "midnight", **instant)
    assert _rows(tmp_path / "midnight")[0]["total_calls"] > 0


@pytest.mark.skipif(not AIRFLOW_V_3_1_7_PLUS, reason="only sensors are rescheduled before 3.1.7")
def test_a_window_that_has_not_settled_is_not_read_and_the_slot_is_released(
    connections: Simulator, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    window = {"date_from": now - timedelta(hours=1), "date_to": now}
    with pytest.raises(AirflowRescheduleException) as later:
        _export("views", tmp_path / "new", **window)
    due = later.value.reschedule_date
    assert abs(due - now - timedelta(minutes=10)) < timedelta(milliseconds=1)
    assert connections.requests == []
    assert not (tmp_path / "new").exists()
    _export("views", tmp_path / "new", **window, settle=timedelta(0))
    assert len(connections.requests) == 1


@pytest.mark.skipif(not AIRFLOW_V_3_1_7_PLUS, reason="only sensors are rescheduled before 3.1.7")
def test_vyoms_calls_have_an_hour_to_end(connections: Simulator, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    window = {"date_from": now - timedelta(hours=1), "date_to": now}
    with pytest.raises(AirflowRescheduleException) as later:
        _export("dashboard", tmp_path, **window)
    due = later.value.reschedule_date
    assert abs(due - now - timedelta(hours=1)) < timedelta(milliseconds=1)
    _export("dashboard", tmp_path, **window, settle=timedelta(0))
    assert len(connections.requests) == 1


def test_assistants_without_a_name_and_with_two_are_rows_of_their_own(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("calls_by_assistant", tmp_path)
    rows = _rows(tmp_path)
    ids = [row["assistant_id"] for row in rows]
    assert sum(each is None for each in ids) == 1
    assert len(set(ids)) == len(ids) - 1
    manifest = _manifest(tmp_path)
    assert (manifest["drift"], manifest["repeated"]) == ({}, 0)


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_day_without_tokens_is_an_export_without_rows(
    connections: Simulator, tmp_path: Path, file_format: str
) -> None:
    empty = {"date_from": "2020-01-01", "date_to": "2020-01-02", "file_format": file_format}
    result = _export("tokens_summary", tmp_path, **empty)
    assert (result["rows"], result["requests"], result["files"]) == (0, 1, 1)
    assert _manifest(tmp_path)["drift"] == {}


def test_an_empty_object_is_no_export_of_an_endpoint_whose_fields_are_always_there(
    connections: Simulator, tmp_path: Path
) -> None:
    body = json.dumps({"success": True, "message": "", "data": {}})
    connections.add_faults([{"kind": "body", "body": body, "status": 200}])
    with pytest.raises(BadResponse, match=r"dashboard .* has none of total_calls, "):
        _export("dashboard", tmp_path)


def test_a_short_wait_is_slept(connections: Simulator, tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(seconds=0.5)
    _export("views", tmp_path, date_from="2026-01-01", date_to=end, settle=timedelta(seconds=0.2))
    assert connections.requests[0]["at"] >= (end + timedelta(seconds=0.2)).timestamp() - 0.001


# Repeating, resuming, refusing --------------------------------------------------------------------


def test_the_same_export_again_gives_the_same_rows_and_leaves_nothing_stale(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("feedback", tmp_path, pages_per_file=3)
    before, names = _rows(tmp_path), {path.name for path in tmp_path.iterdir()}
    _export("feedback", tmp_path, pages_per_file=3)
    assert _rows(tmp_path) == before
    after = {path.name for path in tmp_path.iterdir()}
    assert after == {"_manifest.json", *(file["name"] for file in _manifest(tmp_path)["files"])}
    assert after & names == {"_manifest.json"}


def test_another_export_into_the_same_directory_is_refused_with_both_named(
    connections: Simulator, tmp_path: Path
) -> None:
    _export("feedback", tmp_path)
    before = _rows(tmp_path)
    connections.clear_requests()
    message = _refusal("feedback", tmp_path, date_to="2026-01-30")
    assert TO in message
    assert "2026-01-30T00:00:00.000Z" in message
    assert (connections.requests, _rows(tmp_path)) == ([], before)
    _export("feedback", tmp_path, date_to="2026-01-30", if_exists="replace")
    assert _manifest(tmp_path)["date_to"] == "2026-01-30T00:00:00.000Z"


def test_two_vyom_accounts_never_share_a_directory_silently(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"conn_type": "vyom", "host": connections.url, "password": connections.vyom_key}
    monkeypatch.setenv("AIRFLOW_CONN_SECOND", json.dumps(other))
    _export("calls_by_service", tmp_path)
    before = _manifest(tmp_path)
    connections.clear_requests()
    message = _refusal("calls_by_service", tmp_path, vyom_conn_id="second")
    assert "account: 'vyom_default' there, 'second' now" in message
    assert (connections.requests, _manifest(tmp_path)) == ([], before)


def test_one_project_of_two_services_is_two_exports(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _export("views", tmp_path)
    connect(monkeypatch, "mintlify", connections, host=f"{connections.url}/elsewhere")
    assert f"service: '{connections.url}' there, '{connections.url}/elsewhere' now" in _refusal(
        "views", tmp_path
    )


def test_a_rotated_key_and_another_spelling_of_the_host_are_the_same_export(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _export("views", tmp_path)
    host = connections.url.replace("http://", "HTTP://") + "/"
    connect(monkeypatch, "mintlify", connections, host=host, password="mint_another")
    monkeypatch.setattr(connections, "mintlify_key", "mint_another")
    assert _export("views", tmp_path)["rows"] == _manifest(tmp_path)["rows"]


@pytest.mark.parametrize("endpoint", ["feedback", "searches", "views", "feedback_by_page"])
def test_a_failure_on_page_three_leaves_no_manifest_and_the_retry_requests_nothing_twice(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    connect(monkeypatch, "mintlify", connections, extra={"max_attempts": 1})
    connections.add_faults([{"kind": "status", "status": 500, "match": {"nth": 3}}])
    with pytest.raises(ServerError):
        _export(endpoint, tmp_path)
    assert not (tmp_path / "_manifest.json").exists()
    failed = len(connections.requests)
    result = _export(endpoint, tmp_path)
    asked = [json.dumps(entry["query"], sort_keys=True) for entry in connections.requests]
    assert failed == 3
    assert asked[failed] == asked[failed - 1]
    assert len(set(asked)) == len(asked) - 1
    assert result["requests"] == len(asked)
    truth, _ = connections.truth(endpoint, "2026-01-01", "2026-01-31")
    assert [row["path"] if "path" in row else row["searchQuery"] for row in _rows(tmp_path)] == [
        row["path"] if "path" in row else row["searchQuery"] for row in truth
    ]


def test_a_spent_quota_keeps_what_was_read(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "mintlify", connections, extra={"max_wait_s": 0})
    connections.set_quota(4, period_s=3600)
    with pytest.raises(RateLimited) as spent:
        _export("feedback", tmp_path)
    assert spent.value.retry_after_s is not None
    connections.set_quota(None)
    connections.clear_requests()
    _export("feedback", tmp_path)
    truth, _ = connections.truth("feedback", "2026-01-01", "2026-01-31")
    assert len(connections.requests) == math.ceil(len(truth) / 100) - 4
    assert [row["id"] for row in _rows(tmp_path)] == [row["id"] for row in truth]


def test_another_connection_and_another_project_can_be_chosen(
    connections: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {
        "conn_type": "mintlify",
        "host": connections.url,
        "password": connections.mintlify_key,
        "login": "not-this-one",
    }
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(other))
    result = _export("views", tmp_path, mintlify_conn_id="other", project_id=connections.project_id)
    assert result["project_id"] == connections.project_id


def test_a_task_that_airflow_stops_keeps_what_it_has_read(
    connections: Simulator, tmp_path: Path
) -> None:
    operator = _operator("conversations", tmp_path)

    class EndsTheTask(logging.Handler):
        """Sends SIGTERM once two pages were read."""

        def emit(self, record: logging.LogRecord) -> None:
            if "page 2" in record.getMessage():
                os.kill(os.getpid(), signal.SIGTERM)

    ending, export_log = EndsTheTask(), logging.getLogger(export_run.__name__)
    # All that Airflow 3's own handler does.
    before = signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    export_log.addHandler(ending)
    level = export_log.level
    export_log.setLevel(logging.INFO)
    try:
        with pytest.raises(SystemExit, match="a retry resumes"):
            operator.execute({})
    finally:
        export_log.setLevel(level)
        export_log.removeHandler(ending)
        signal.signal(signal.SIGTERM, before)
    operator.on_kill()  # when nothing is exported, nothing is to be stopped
    assert _export("conversations", tmp_path)["rows"] == len(_rows(tmp_path)) == 2500
    assert len(connections.requests) == 3
