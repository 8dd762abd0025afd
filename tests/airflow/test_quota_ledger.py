"""Operators, sensor and hooks behind a ledger: the service has to refuse nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    ObjectStoragePath,
    TaskDeferred,
)

from airflow_provider_docsanalytics.errors import ConfigError, QuotaReached, RateLimited
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.quota.ledger import name_of
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from tests.airflow.conftest import connect
from tests.airflow.watching import polls, running, watcher
from tests.support.exported import read_export

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

MONTH = {"date_from": "2026-01-01", "date_to": "2026-01-31"}


@pytest.fixture
def ledger(connections: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The directory of the ledger that all connections name; a service that has five requests."""
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "docs")
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "export")
    directory = tmp_path / "quota"
    _connect(monkeypatch, connections, str(directory))
    connections.set_quota(5, 3600)
    return directory


def _connect(monkeypatch: pytest.MonkeyPatch, service: Simulator, url: str, **extra: Any) -> None:
    extra = {"ledger": url, "quota": "5/3600", **extra}
    connect(monkeypatch, "mintlify", service, extra=extra)


def _export(path: Path, **arguments: Any) -> dict[str, Any]:
    usual = {"task_id": "export", "endpoint": "caller_stats", "path": f"file://{path}", **MONTH}
    return MintlifyExportOperator(**usual | arguments).execute({})


def _statuses(service: Simulator) -> list[int | None]:
    return [entry["status"] for entry in service.requests]


def _entries(directory: Path) -> list[dict[str, str]]:
    (file,) = directory.glob("quota-*.json")
    found: list[dict[str, str]] = json.loads(file.read_text())["entries"]
    return found


def test_a_task_that_finds_no_room_sends_nothing_and_says_when_there_is(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    for number in range(5):
        assert _export(tmp_path / f"lake-{number}")["rows"] == 1
    with pytest.raises(QuotaReached, match="no request was sent") as caught:
        _export(tmp_path / "lake-6")
    assert _statuses(connections) == [200] * 5
    assert caught.value.retry_after_s == pytest.approx(3618, abs=60)
    assert str(ledger) in str(caught.value)
    assert {entry["by"] for entry in _entries(ledger)} == {"docs.export"}


def test_a_deferrable_task_waits_in_the_triggerer_until_there_is_room(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    for number in range(5):
        _export(tmp_path / f"lake-{number}")
    with pytest.raises(TaskDeferred) as deferred:
        _export(tmp_path / "lake-6", deferrable=True)
    until = datetime.fromisoformat(deferred.value.trigger.serialize()[1]["until"])
    assert (until - datetime.now(UTC)).total_seconds() == pytest.approx(3620, abs=60)
    assert _statuses(connections) == [200] * 5
    assert len(_entries(ledger)) == 5, "a task that leaves holds no place"


def test_a_backfill_leaves_room_for_the_daily_export(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    for number in range(3):
        _export(tmp_path / f"backfill-{number}", quota_share=0.6)
    with pytest.raises(QuotaReached, match=r"quota_share=0\.6"):
        _export(tmp_path / "backfill-4", quota_share=0.6)
    assert _export(tmp_path / "daily")["rows"] == 1
    assert _statuses(connections) == [200] * 4


def test_the_manifest_and_the_log_say_what_is_left(
    connections: Simulator, ledger: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        _export(tmp_path / "lake")
    assert read_export(tmp_path / "lake").manifest["quota_left"] == 4
    assert "4 requests left, by the quota ledger" in caplog.text


def test_without_a_ledger_the_manifest_says_nothing_of_the_quota(
    connections: Simulator, tmp_path: Path
) -> None:
    _export(tmp_path / "lake")
    assert "quota_left" not in read_export(tmp_path / "lake").manifest


def test_a_sensor_without_room_sends_nothing_and_polls_when_there_is(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    sensor = MintlifyConversationSensor(task_id="wait", since="2026-01-01", quota_share=0.8)
    for number in range(4):
        _export(tmp_path / f"lake-{number}")
    assert not sensor.poke({}).is_done
    _export(tmp_path / "lake-5")
    assert _statuses(connections) == [200] * 5


def test_a_refusal_while_the_account_shows_room_is_one_for_all_tasks(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    """Somebody outside has spent four of five: the second of ours is refused, the third waits."""
    connections.set_quota(1, 3600)
    _export(tmp_path / "lake-1")
    for number in (2, 3):
        with pytest.raises(RateLimited, match="caller_stats"):
            _export(tmp_path / f"lake-{number}")
    assert _statuses(connections) == [200, 429]
    assert [entry["by"] for entry in _entries(ledger)].count("others") == 4


def test_a_service_that_refuses_for_a_day_is_left_alone_for_a_day(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    """The message, the deferral and the command all say until when."""
    headers = {"Retry-After": "86400"}
    connections.add_faults([{"kind": "status", "status": 429, "headers": headers, "times": 1}])
    with pytest.raises(RateLimited):
        _export(tmp_path / "lake-1")
    with pytest.raises(QuotaReached, match="the service refuses requests until 20") as caught:
        _export(tmp_path / "lake-2")
    assert caught.value.retry_after_s == pytest.approx(86_400, abs=60)
    assert _statuses(connections) == [429]
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.cli", "quota"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    assert shown.returncode == 1, shown.stderr
    assert f"The service refuses requests until {tomorrow}" in shown.stdout
    assert f"The next request may be sent at {tomorrow}" in shown.stdout


def test_testing_a_connection_without_room_says_so_and_sends_nothing(
    connections: Simulator, ledger: Path, tmp_path: Path
) -> None:
    for number in range(5):
        _export(tmp_path / f"lake-{number}")
    works, message = MintlifyHook().test_connection()
    assert not works
    assert "no request was sent" in message
    assert _statuses(connections) == [200] * 5


def test_a_ledger_on_s3_is_shared_through_the_connection_in_its_url(
    connections: Simulator,
    lake: ObjectStoragePath,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    _connect(monkeypatch, connections, "s3://aws_lake@bucket/quota", quota="2/3600")
    _export(tmp_path / "one")
    _export(tmp_path / "two")
    with pytest.raises(QuotaReached):
        _export(tmp_path / "three")
    name = f"quota-{connections.url.removeprefix('http://').replace(':', '-')}.json"
    document = json.loads((lake / "quota" / name).read_bytes())
    assert len(document["entries"]) == 2


def test_a_ledger_that_cannot_be_reached_costs_one_warning(
    connections: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _connect(monkeypatch, connections, "s3://no_such_connection@bucket/quota")
    assert _export(tmp_path / "lake")["rows"] == 1
    warnings = [each for each in caplog.records if "without the ledger" in each.getMessage()]
    assert len(warnings) == 1
    assert "no_such_connection" in caplog.text


@pytest.mark.parametrize("kind", ["operator", "sensor", "trigger"])
def test_a_share_without_a_ledger_is_one_warning_that_says_what_to_set(
    connections: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """Once for a task, however many requests it sends and however often it polls."""
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", f"share_of_{kind}")
    if kind == "operator":
        pages = {"endpoint": "conversations", "page_size": 1000}
        assert _export(tmp_path / "lake", quota_share=0.6, **pages)["requests"] > 1
    elif kind == "sensor":
        sensor = MintlifyConversationSensor(task_id="wait", since="2026-01-01", quota_share=0.6)
        assert sensor.poke({}).is_done
        assert sensor.poke({}).is_done
    else:
        asyncio.run(_polled_twice(connections))
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    (said,) = [text for text in warnings if "quota_share" in text]
    assert said.startswith("quota_share=0.6 has no effect: the connection 'mintlify_default' has")
    assert said.splitlines()[1].startswith("Set ledger in the connection's extra")


async def _polled_twice(service: Simulator) -> None:
    async with running(watcher(quota_share=0.6)):
        await polls(service, 2)


def test_the_whole_quota_without_a_ledger_is_no_warning(
    connections: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _export(tmp_path / "lake")
    assert "quota_share" not in caplog.text


def test_a_platform_without_a_documented_quota_needs_one_for_its_ledger(
    connections: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect(monkeypatch, "vyom", connections, extra={"ledger": str(tmp_path / "quota")})
    operator = VyomExportOperator(
        task_id="calls", endpoint="dashboard", path=f"file://{tmp_path}/lake", **MONTH
    )
    with pytest.raises(
        (ConfigError, AirflowFailException), match="Add quota to the connection's extra"
    ):
        operator.execute({})
    assert not connections.requests


def test_the_command_shows_who_has_spent_what(
    connections: Simulator, ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        _export(tmp_path / f"lake-{number}")
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "backfill")
    _export(tmp_path / "lake-5")
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.cli", "quota"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 1, shown.stderr
    assert f"{connections.url}: 5 of 5 requests used, 0 left" in shown.stdout
    assert "The next request may be sent at 20" in shown.stdout
    lines = [line.split()[:2] for line in shown.stdout.splitlines()]
    assert ["4", "docs.export"] in lines
    assert ["1", "docs.backfill"] in lines
    told = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, check=False
    )
    summary = json.loads(told.stdout)
    assert (summary["used"], summary["left"]) == (5, 0)
    assert connections.mintlify_key not in shown.stdout + told.stdout + told.stderr


@pytest.mark.parametrize(
    ("account", "status", "said"),
    [
        ({"closed_until": "2099-01-01T00:00:00Z"}, 0, "0 of 5 requests used, 5 left"),
        ({"closed_until": None}, 1, "0 of 5 requests used, 0 left"),
        ({"ledger_version": 2}, 2, "Upgrade the provider here."),
        ({"entries": 7}, 2, "Delete it: the account starts again."),
    ],
    ids=["a closure that no clock can mean", "closed", "newer", "damaged"],
)
def test_the_command_says_what_a_task_would_meet(
    connections: Simulator, ledger: Path, account: dict[str, Any], status: int, said: str
) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    usual = {"ledger_version": 1, "service": connections.url, "entries": [], "closed_until": soon}
    changed = usual | {name: value for name, value in account.items() if value is not None}
    ledger.mkdir(exist_ok=True)
    (ledger / name_of(connections.url)).write_text(json.dumps(changed))
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.cli", "quota"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def test_the_command_needs_a_connection_with_a_ledger(connections: Simulator) -> None:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.cli", "quota"]
    for conn_id, said in (("vyom_default", "has no ledger"), ("nobody", "does not exist")):
        done = subprocess.run(
            [*command, "--conn-id", conn_id], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) >= 2, "what to do is on a line of its own"
