"""A maintenance with a ``Retry-After`` is waited for in every mode, as a spent quota is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_docsanalytics import _airflow_retry
from airflow_provider_docsanalytics._retry import MAX_FAILURES, PollRetryPolicy, Wait, decide
from airflow_provider_docsanalytics.errors import (
    AuthError,
    NotFound,
    RateLimited,
    ServerError,
    Unreachable,
)
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS, AIRFLOW_V_3_4_PLUS
from tests.airflow.conftest import connect
from tests.airflow.test_operators import _export, _manifest
from tests.reliability import sensing

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

HOUR = {"kind": "status", "status": 503, "headers": {"Retry-After": "3600"}, "times": None}
AWAY = ServerError(503, "views", "maintenance", retry_after_s=1234)
PAGE = {"kind": "status", "status": 403, "body": "<html>Blocked</html>", "times": None}


def _operator(path: Path, **arguments: Any) -> MintlifyExportOperator:
    window = {"date_from": "2026-01-01", "date_to": "2026-01-31"}
    return MintlifyExportOperator(
        task_id="export", endpoint="feedback", path=f"file://{path}", **window, **arguments
    )


def _sensor(**arguments: Any) -> MintlifyConversationSensor:
    usual = {"since": "2026-02-01", "poke_interval": 0.05, "timeout": 60, "deferrable": False}
    return MintlifyConversationSensor(task_id="wait", **usual | arguments)


def test_only_an_error_with_a_retry_after_is_waited_for() -> None:
    for told in (AWAY, RateLimited(429, "views", "x", retry_after_s=1234)):
        decision = decide(told, 1)
        assert isinstance(decision, Wait)
        assert 1234 < decision.delay_s <= 1239
    assert decide(RateLimited(429, "views", "x"), 2) == Wait(120)
    assert decide(RateLimited(429, "views", "x", retry_after_s=0), 1) == Wait(60)
    others = [
        ServerError(503, "views", "x"),
        ServerError(503, "views", "x", retry_after_s=0),
        AuthError(401, "views", "x", retry_after_s=60),
        NotFound(404, "views", "x", retry_after_s=60),
        Unreachable("x"),
        RuntimeError("x"),
    ]
    assert not any(isinstance(decide(error, 1), Wait) for error in others)


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="retry policies came with Airflow 3.3")
def test_airflow_retries_when_the_service_is_back() -> None:
    decision = _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(AWAY, 1, 3)
    assert decision.action.value == ("reschedule" if AIRFLOW_V_3_4_PLUS else "retry")
    assert timedelta(seconds=1234) < decision.retry_delay <= timedelta(seconds=1239)


def test_an_export_publishes_what_it_has_and_waits_in_the_triggerer(
    connections: Simulator, tmp_path: Path
) -> None:
    connections.add_faults([HOUR | {"match": {"nth": 3}}])
    with pytest.raises(TaskDeferred) as deferred:
        _operator(tmp_path, deferrable=True).execute({})
    until = datetime.fromisoformat(deferred.value.trigger.serialize()[1]["until"])
    assert (until - datetime.now(UTC)).total_seconds() == pytest.approx(3605, abs=5)
    assert len(connections.requests) == 3
    connections.clear_faults()
    result = _operator(tmp_path, deferrable=True).resume({}, {"status": "waited", "waits": 1})
    truth, _ = connections.truth("feedback", "2026-01-01", "2026-01-31")
    assert result["rows"] == len(truth)


def test_an_export_that_cannot_be_deferred_fails_with_the_time_to_come_back(
    connections: Simulator, tmp_path: Path
) -> None:
    connections.add_faults([HOUR])
    with pytest.raises(ServerError, match="Try again in 3600 s"):
        _operator(tmp_path, deferrable=False).execute({})
    assert len(connections.requests) == 1


def test_a_sensor_asks_nothing_while_the_service_is_away(connections: Simulator) -> None:
    connections.add_faults([HOUR])
    sensor = _sensor()
    for _ in range(10):
        assert not sensor.poke({}).is_done
    assert len(connections.requests) == 1


def test_a_rescheduled_sensor_comes_back_when_the_service_does(connections: Simulator) -> None:
    connections.add_faults([HOUR])
    with pytest.raises(AirflowRescheduleException) as later:
        _sensor(mode="reschedule").execute(sensing.rescheduled())
    wait = later.value.reschedule_date - datetime.now(UTC)
    assert timedelta(seconds=3600) < wait < timedelta(seconds=3610)


def test_maintenance_never_counts_as_a_failure_of_a_poll() -> None:
    policy = PollRetryPolicy(60)
    for _ in range(3 * MAX_FAILURES):
        assert 1234 < policy.next_delay_s(AWAY) <= 1239
    for _ in range(MAX_FAILURES - 1):
        assert policy.next_delay_s(ServerError(503, "views", "x")) == 60
    with pytest.raises(ServerError):
        policy.next_delay_s(ServerError(503, "views", "x"))


def test_a_firewalls_page_does_not_fail_a_sensor_as_a_refused_key_does(
    connections: Simulator,
) -> None:
    connections.add_faults([PAGE | {"times": 1}])
    sensor = _sensor()
    assert not sensor.poke({}).is_done
    connections.add_faults([PAGE])
    with pytest.raises(Unreachable, match="not the API"):
        _sensor(mode="reschedule").poke({})


def test_threads_behind_a_wrong_base_url_are_not_an_empty_export(
    connections: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows, _ = connections.truth("conversations", "2026-01-01", "2026-01-31")
    connect(monkeypatch, "mintlify", connections, host=f"{connections.url}/v1")
    with pytest.raises(NotFound):
        _export("threads", tmp_path, thread_ids=[row["id"] for row in rows[:3]])
    assert not (tmp_path / "_manifest.json").exists()


@pytest.mark.parametrize(
    ("endpoint", "key"), [("searches", "warnings"), ("calls_by_service", "data.warnings")]
)
def test_a_new_field_of_the_response_outside_its_rows_is_drift(
    connections: Simulator, tmp_path: Path, endpoint: str, key: str
) -> None:
    connections.add_faults([{"kind": "set_key", "key": key, "value": ["partial data"]}])
    _export(endpoint, tmp_path)
    assert _manifest(tmp_path)["drift"] == {"new": ["(response) warnings"]}
