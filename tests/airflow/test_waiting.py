"""Exports that need more than the quota: deferred as often as needed, then resumed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, TaskDeferred

from airflow_provider_docsanalytics.errors import RateLimited
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.triggers.wait import WaitTrigger
from tests.airflow.conftest import connect
from tests.support.exported import read_export

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

MONTH = {"date_from": "2026-01-01", "date_to": "2026-01-31"}


@pytest.fixture
def api(connections: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, behind a connection with which tasks never sleep: the triggerer waits."""
    connect(monkeypatch, "mintlify", connections, extra={"max_wait_s": 0})
    return connections


def _operator(endpoint: str, path: Path, **arguments: Any) -> MintlifyExportOperator:
    window = {} if endpoint == "threads" else MONTH
    options = {"deferrable": True, **window, **arguments}
    return MintlifyExportOperator(
        task_id="export", endpoint=endpoint, path=f"file://{path}", **options
    )


def _fired(deferred: TaskDeferred) -> dict[str, Any]:
    """Return the event of the trigger, restored from its row in the database and due."""
    path, arguments = deferred.trigger.serialize()
    assert path == f"{WaitTrigger.__module__}.WaitTrigger"
    kept = json.loads(json.dumps(arguments)) | {"until": datetime.now(UTC).isoformat()}

    async def first_event() -> Any:
        return (await anext(WaitTrigger(**kept).run())).payload

    event: dict[str, Any] = asyncio.run(first_event())
    return event


def _wait_s(deferred: TaskDeferred) -> float:
    until = datetime.fromisoformat(deferred.trigger.serialize()[1]["until"])
    return (until - datetime.now(UTC)).total_seconds()


def _run_through(
    service: Simulator, endpoint: str, path: Path, quota: int, **arguments: Any
) -> tuple[dict[str, Any], list[float]]:
    """Run an export on a quota that returns after each wait; return the waits too."""
    waits: list[float] = []
    service.set_quota(quota, period_s=3600)
    event: Any = None
    while True:
        operator = _operator(endpoint, path, **arguments)  # another worker, each time
        try:
            result = operator.execute({}) if event is None else operator.resume({}, event)
        except TaskDeferred as deferred:
            waits.append(_wait_s(deferred))
            event = _fired(deferred)
            service.set_quota(quota, period_s=3600)
        else:
            return result, waits


def _concatenated(path: Path) -> bytes:
    return b"".join(read_export(path).parts)


def _comparable(path: Path) -> dict[str, Any]:
    """Return the manifest without times, attempts and part boundaries."""
    left_out = ("files", "requests", "started_at", "finished_at")
    return {k: v for k, v in read_export(path).manifest.items() if k not in left_out}


def _thread_ids(service: Simulator) -> list[str]:
    return list(dict.fromkeys(row["id"] for row in service.truth("conversations")[0]))[:7]


@pytest.mark.parametrize(
    ("endpoint", "quota"),
    [
        ("conversations", 1),
        ("feedback", 3),
        ("feedback_by_page", 2),
        ("searches", 1),
        ("views", 1),
        ("threads", 3),
    ],
)
def test_an_export_that_waits_for_the_quota_equals_one_that_does_not(
    api: Simulator, tmp_path: Path, endpoint: str, quota: int
) -> None:
    arguments = {"thread_ids": _thread_ids(api)} if endpoint == "threads" else {}
    undisturbed = _operator(endpoint, tmp_path / "at once", **arguments).execute({})
    api.clear_requests()
    result, waits = _run_through(api, endpoint, tmp_path / "waiting", quota, **arguments)
    assert len(waits) == (undisturbed["requests"] - 1) // quota > 0
    answered = [entry["path"] + str(entry["query"]) for entry in api.requests
                if entry["status"] == 200]  # fmt: skip
    assert len(answered) == len(set(answered)) == undisturbed["requests"]
    assert result["requests"] == len(api.requests) == len(answered) + len(waits)
    assert _concatenated(tmp_path / "waiting") == _concatenated(tmp_path / "at once")
    assert _comparable(tmp_path / "waiting") == _comparable(tmp_path / "at once")


def test_the_wait_is_as_long_as_the_service_says(api: Simulator, tmp_path: Path) -> None:
    _, waits = _run_through(api, "views", tmp_path, quota=1)
    assert all(3600 < wait <= 3605 for wait in waits)


def test_waits_without_retry_after_back_off(api: Simulator, tmp_path: Path) -> None:
    api.set_quota(0, retry_after="none")
    waits, event = [], {"status": "waited", "waits": 0}
    for _ in range(6):
        with pytest.raises(TaskDeferred) as deferred:
            _operator("views", tmp_path).resume({}, event)
        waits.append(_wait_s(deferred.value))
        event = _fired(deferred.value)
    assert waits == pytest.approx([60, 120, 240, 480, 900, 900], abs=5)


def test_a_short_wait_is_deferred_for_a_minute(api: Simulator, tmp_path: Path) -> None:
    api.set_quota(1, period_s=5)
    with pytest.raises(TaskDeferred) as deferred:
        _operator("feedback", tmp_path).execute({})
    assert _wait_s(deferred.value) == pytest.approx(60, abs=2)
    assert deferred.value.method_name == "resume"
    assert deferred.value.timeout is not None
    assert deferred.value.timeout > timedelta(minutes=1)


def test_what_was_read_is_published_before_the_wait(api: Simulator, tmp_path: Path) -> None:
    api.set_quota(3)
    with pytest.raises(TaskDeferred):
        _operator("feedback", tmp_path).execute({})
    checkpoint = json.loads((tmp_path / "_checkpoint.json").read_text())
    assert checkpoint["progress"]["rows"] == 300
    assert [file["rows"] for file in checkpoint["progress"]["files"]] == [300]
    assert not (tmp_path / "_manifest.json").exists()


def test_a_task_that_cannot_be_deferred_fails_with_the_time_to_come_back(
    api: Simulator, tmp_path: Path
) -> None:
    api.set_quota(3)
    with pytest.raises(RateLimited) as limited:
        _operator("feedback", tmp_path, deferrable=False).execute({})
    assert limited.value.retry_after_s == pytest.approx(3600, abs=10)


def test_a_window_settles_in_the_triggerer(api: Simulator, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    window = {"date_from": now - timedelta(hours=1), "date_to": now}
    with pytest.raises(TaskDeferred) as deferred:
        _operator("views", tmp_path / "new", **window).execute({})
    assert _wait_s(deferred.value) == pytest.approx(600, abs=5)
    assert api.requests == []


def test_a_trigger_contains_no_secret_and_nothing_but_json(api: Simulator, tmp_path: Path) -> None:
    api.set_quota(0)
    with pytest.raises(TaskDeferred) as deferred:
        _operator("views", tmp_path).execute({})
    kept = json.dumps(deferred.value.trigger.serialize()) + repr(deferred.value.trigger)
    assert api.mintlify_key not in kept
    assert deferred.value.kwargs in (None, {})


def test_a_trigger_fires_when_its_moment_comes_and_not_before() -> None:
    until = datetime.now(UTC) + timedelta(seconds=0.2)

    async def events() -> list[Any]:
        return [event.payload async for event in WaitTrigger(until.isoformat(), 3).run()]

    assert asyncio.run(events()) == [{"status": "waited", "waits": 3}]
    assert datetime.now(UTC) >= until


@pytest.mark.parametrize("event", [None, "waited", {}, {"status": "error", "waits": 1}])
def test_an_unknown_event_is_refused(api: Simulator, tmp_path: Path, event: object) -> None:
    with pytest.raises(AirflowException, match="no wait of this provider"):
        _operator("views", tmp_path).resume({}, event)
    assert api.requests == []
