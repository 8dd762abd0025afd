"""The conversation sensor in all its modes, and the trigger that asks the same question."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    TaskDeferred,
)
from airflow.triggers.base import BaseTrigger

from airflow_provider_docsanalytics._retry import MAX_FAILURES
from airflow_provider_docsanalytics.errors import (
    AuthError,
    BadResponse,
    ConfigError,
    ServerError,
)
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from tests.airflow.conftest import connect
from tests.airflow.watching import until
from tests.reliability import sensing

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL_S = 0.05
context = sensing.rescheduled
LATER = "2026-02-01T00:00:00.000Z"  # the service's own data ends before
ERROR = {"kind": "status", "status": 500, "times": None}


def refused(error: type[Exception]) -> type[Exception]:
    return error if AIRFLOW_V_3_3_PLUS else AirflowFailException


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A service of its own, for turns are added to it: nothing after January 2026 yet."""
    with Simulator(Config(rows=200, start="2026-01-01", end="2026-01-31")) as service:
        connect(monkeypatch, "mintlify", service)
        yield service


def _sensor(**arguments: Any) -> MintlifyConversationSensor:
    usual = {"since": LATER, "poke_interval": INTERVAL_S, "timeout": 60, "deferrable": False}
    return MintlifyConversationSensor(task_id="wait", **usual | arguments)


def _add(service: Simulator, count: int, status: str | None = None) -> None:
    service.add_turns(count, "2026-02-03T04:05:06.789Z", status)


def test_a_poke_is_one_request_no_larger_than_needed(quiet: Simulator) -> None:
    sensor = _sensor(minimum=3)
    assert not sensor.poke({}).is_done
    _add(quiet, 2)
    assert not sensor.poke({}).is_done
    _add(quiet, 5)
    seen = sensor.poke({})
    assert seen.is_done
    assert seen.xcom_value == {"count": 3, "newest": "2026-02-03T04:05:06.789Z"}
    assert [entry["query"]["limit"] for entry in quiet.requests] == ["3", "3", "3"]
    assert {entry["query"]["dateFrom"] for entry in quiet.requests} == {LATER}


def test_a_turn_at_the_very_moment_counts(quiet: Simulator) -> None:
    quiet.add_turns(1, LATER)
    assert _sensor().poke({}).is_done


def test_waiting_for_unanswered_turns_ignores_the_others(quiet: Simulator) -> None:
    sensor = _sensor(resolution_status="unanswered", minimum=2)
    _add(quiet, 4, "answered")
    _add(quiet, 1, "unanswered")
    assert not sensor.poke({}).is_done
    _add(quiet, 1, "unanswered")
    seen = sensor.poke({})
    assert (seen.is_done, seen.xcom_value["count"]) == (True, 2)


def test_the_older_schema_cannot_be_waited_for_by_status(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(rows=20, start="2026-01-01", end="2026-01-31", legacy_schema=True)
    with Simulator(config) as service:
        connect(monkeypatch, "mintlify", service)
        sensor = _sensor(since="2026-01-01", resolution_status="unanswered", mode="reschedule")
        with pytest.raises(BadResponse, match="older schema"):
            sensor.poke({})
        assert _sensor(since="2026-01-01").poke({}).is_done


@pytest.mark.parametrize(
    "context",
    [
        {
            "data_interval_start": datetime(2026, 2, 1, tzinfo=UTC),
            "data_interval_end": datetime(2026, 2, 2, tzinfo=UTC),
        },
        {"logical_date": datetime(2026, 2, 1, tzinfo=UTC)},
    ],
)
def test_turns_count_from_the_runs_date_on(quiet: Simulator, context: dict[str, Any]) -> None:
    _sensor(since=None).poke(context)
    assert quiet.requests[0]["query"]["dateFrom"] == LATER


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"since": None}, "Pass since"),
        ({"since": "{{ soon }}"}, "since='{{ soon }}' is not a date"),
        ({"project_id": "{{ a/b }}"}, "is not an ID"),
        ({"mintlify_conn_id": "nowhere"}, "Create it"),
    ],
)
@pytest.mark.parametrize(
    "mode", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}], ids=str
)
def test_what_can_only_be_seen_when_it_runs_fails_at_once_in_every_mode(
    quiet: Simulator, mode: dict[str, Any], arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(refused(ConfigError), match=said):
        _sensor(**mode, **arguments).execute(context())
    assert quiet.requests == []


WRONG_INTERVALS = (0, -1, 0.001, float("nan"), float("inf"), 1e12, True, "900", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"since": "soon"}, "since='soon' is not a date"),
        ({"minimum": 0}, "minimum=0"),
        ({"minimum": 1001}, "from 1 to 1000"),
        ({"minimum": True}, "minimum=True"),
        ({"minimum": "3"}, "minimum='3'"),
        ({"resolution_status": "open"}, "expected answered, unanswered"),
        *(({"poke_interval": wrong}, "poke_interval=") for wrong in WRONG_INTERVALS),
        ({"poke_interval": timedelta(0)}, "poke_interval="),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_where_the_dag_is_written(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        _sensor(**arguments)
    as_trigger = {
        "poke_interval_s" if name == "poke_interval" else name: value
        for name, value in arguments.items()
    }
    if not isinstance(arguments.get("poke_interval"), timedelta):
        with pytest.raises(ConfigError, match=said.replace("interval=", "interval_s=")):
            MintlifyConversationTrigger(**as_trigger)


def test_a_trigger_that_cannot_be_made_does_not_end_the_triggerer() -> None:
    with pytest.raises(TypeError):  # the one error that Airflow's triggerer takes for one trigger's
        MintlifyConversationTrigger(poke_interval_s=0)


@pytest.mark.parametrize("mode", [{"mode": "poke"}, {"deferrable": True}])
def test_a_refused_key_fails_at_once_in_every_mode(
    quiet: Simulator, monkeypatch: pytest.MonkeyPatch, mode: dict[str, Any]
) -> None:
    connect(monkeypatch, "mintlify", quiet, password="mint_expired")
    with pytest.raises(refused(AuthError), match="expired"):
        _sensor(**mode).execute({})
    assert len(quiet.requests) == 1


def test_poking_waits_until_turns_come(quiet: Simulator) -> None:
    sensor = _sensor(minimum=1)
    turns = iter([0, 0, 1])

    class Adding(MintlifyConversationSensor):
        def poke(self, context: Any) -> Any:
            if next(turns):
                _add(quiet, 1)
            return super().poke(context)

    sensor.__class__ = Adding
    assert sensor.execute({}) == {"count": 1, "newest": "2026-02-03T04:05:06.789Z"}
    assert len(quiet.requests) == 3


def test_failures_are_retried_up_to_a_limit_and_a_success_resets_the_count(
    quiet: Simulator,
) -> None:
    quiet.add_faults([{**ERROR, "times": MAX_FAILURES - 1}])
    sensor = _sensor()
    for _ in range(MAX_FAILURES):
        sensor._next_poke = 0
        assert not sensor.poke({}).is_done
    quiet.add_faults([ERROR])
    for _ in range(MAX_FAILURES - 1):
        sensor._next_poke = 0
        assert not sensor.poke({}).is_done
    sensor._next_poke = 0
    with pytest.raises(ServerError):
        sensor.poke({})
    assert len(quiet.requests) == 2 * MAX_FAILURES  # one each, no retries within a poke


def test_while_the_quota_is_spent_nothing_is_asked(quiet: Simulator) -> None:
    quiet.set_quota(0, period_s=3600)
    sensor = _sensor()
    for _ in range(10):
        assert not sensor.poke({}).is_done
    assert len(quiet.requests) == 1


def test_rescheduling_comes_back_when_the_quota_does(quiet: Simulator) -> None:
    quiet.set_quota(0, period_s=3600)
    with pytest.raises(AirflowRescheduleException) as later:
        _sensor(mode="reschedule", timeout=7200).execute(context())
    wait = later.value.reschedule_date - datetime.now(UTC)
    assert timedelta(seconds=3600) < wait < timedelta(seconds=3610)


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="the task's state store: Airflow 3.3+")
def test_rescheduling_gives_its_slot_back_between_two_failures(quiet: Simulator) -> None:
    quiet.add_faults([ERROR])
    state = context()
    for poke in range(1, MAX_FAILURES):
        with pytest.raises(AirflowRescheduleException):
            _sensor(mode="reschedule").execute(state)
        assert len(quiet.requests) == poke
    with pytest.raises(ServerError):
        _sensor(mode="reschedule").execute(state)
    quiet.clear_requests()
    with pytest.raises(AirflowRescheduleException):  # a retry begins at none
        _sensor(mode="reschedule").execute(state)


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="the task's state store: Airflow 3.3+")
def test_a_success_resets_the_failures_of_a_rescheduled_sensor(quiet: Simulator) -> None:
    state = context()
    for _ in range(2):
        quiet.add_faults([{**ERROR, "times": MAX_FAILURES - 1}])
        for _ in range(MAX_FAILURES):
            with pytest.raises(AirflowRescheduleException):
                _sensor(mode="reschedule").execute(state)
    assert state["task_state_store"] == {}


def test_without_a_state_store_a_rescheduled_sensor_keeps_its_slot_until_a_success(
    quiet: Simulator,
) -> None:
    quiet.add_faults([{**ERROR, "times": MAX_FAILURES - 1}])
    _add(quiet, 1)
    assert _sensor(mode="reschedule").poke({}).is_done
    assert len(quiet.requests) == MAX_FAILURES


def test_an_interval_that_eats_the_quota_is_warned_about(
    quiet: Simulator, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet.add_turns(1, LATER)
    _sensor(poke_interval=72).execute({})
    assert "requests an hour" not in caplog.text + capsys.readouterr().out
    _sensor(poke_interval=60).execute({})
    assert "60 requests an hour, of the 100" in caplog.text + capsys.readouterr().out


# Deferred -----------------------------------------------------------------------------------------


def _deferred(sensor: MintlifyConversationSensor) -> MintlifyConversationTrigger:
    """Return the trigger as a triggerer makes it anew from the database."""
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})
    assert deferred.value.method_name == "execute_complete"
    assert deferred.value.timeout == timedelta(seconds=sensor.timeout)
    path, arguments = deferred.value.trigger.serialize()
    assert path.endswith(".triggers.mintlify.MintlifyConversationTrigger")
    return MintlifyConversationTrigger(**json.loads(json.dumps(arguments)))


def _events(trigger: MintlifyConversationTrigger) -> list[Any]:
    async def collected() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collected())


def test_enough_turns_at_the_first_poke_need_no_triggerer(quiet: Simulator) -> None:
    _add(quiet, 1)
    assert _sensor(deferrable=True).execute({})["count"] == 1


def test_a_deferred_sensor_returns_what_its_trigger_has_seen(quiet: Simulator) -> None:
    sensor = _sensor(deferrable=True, minimum=2)
    trigger = _deferred(sensor)
    _add(quiet, 2)
    (event,) = _events(trigger)
    assert event == {"status": "seen", "count": 2, "newest": "2026-02-03T04:05:06.789Z"}
    assert sensor.execute_complete({}, event) == {"count": 2, "newest": event["newest"]}
    assert len(quiet.requests) == 2


def test_the_first_poll_of_the_trigger_is_an_interval_after_the_sensors(quiet: Simulator) -> None:
    trigger = _deferred(_sensor(deferrable=True, poke_interval=0.5))
    _add(quiet, 1)
    _events(trigger)
    first, second = (entry["at"] for entry in quiet.requests)
    assert second - first >= 0.49


def test_a_spent_quota_is_waited_for_in_the_triggerer(quiet: Simulator) -> None:
    quiet.set_quota(0, period_s=3600)
    trigger = _deferred(_sensor(deferrable=True))
    assert trigger.not_before is not None
    wait = datetime.fromisoformat(trigger.not_before) - datetime.now(UTC)
    assert wait.total_seconds() == pytest.approx(3605, abs=5)


def test_a_triggerer_that_restarts_does_not_wait_all_over_again(quiet: Simulator) -> None:
    trigger = _deferred(_sensor(deferrable=True, poke_interval=3600))
    trigger.not_before = datetime.now(UTC).isoformat()  # the hour is over, in a new process
    _add(quiet, 1)
    assert [event["status"] for event in _events(trigger)] == ["seen"]


def test_the_trigger_waits_as_long_as_a_429_says(quiet: Simulator) -> None:
    trigger = _deferred(_sensor(deferrable=True))
    _add(quiet, 1)
    quiet.add_faults([{"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}])
    assert [event["status"] for event in _events(trigger)] == ["seen"]
    _, refused_at, again = (entry["at"] for entry in quiet.requests)
    assert again - refused_at >= 0.99


def test_the_trigger_retries_failures_and_then_gives_up(quiet: Simulator) -> None:
    sensor = _sensor(deferrable=True)
    trigger = _deferred(sensor)
    quiet.clear_requests()
    quiet.add_faults([ERROR])
    (event,) = _events(trigger)
    assert (event["status"], event["curable"]) == ("failed", True)
    assert len(quiet.requests) == MAX_FAILURES
    with pytest.raises(AirflowException, match="HTTP 500"):
        sensor.execute_complete({}, event)


def test_the_trigger_gives_up_a_refused_key_at_once(
    quiet: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = _sensor(deferrable=True)
    trigger = _deferred(sensor)
    quiet.clear_requests()
    connect(monkeypatch, "mintlify", quiet, password="mint_expired")
    (event,) = _events(trigger)
    assert len(quiet.requests) == 1
    assert "mint_expired" not in json.dumps(event)
    with pytest.raises(AirflowFailException, match="has expired"):
        sensor.execute_complete({}, event)


def test_a_deferred_sensor_stays_with_the_triggerers_of_its_queue(quiet: Simulator) -> None:
    name = "trigger_queue_inherited_from_task"  # of Airflow 3.4
    name = name if hasattr(BaseTrigger, name) else "supports_triggerer_queue"
    assert getattr(_deferred(_sensor(deferrable=True)), name)
    assert not getattr(MintlifyConversationTrigger(), name)


def test_a_trigger_holds_no_secret(quiet: Simulator) -> None:
    trigger = _deferred(_sensor(deferrable=True))
    assert quiet.mintlify_key not in repr(trigger) + json.dumps(trigger.serialize())


def test_a_moment_beyond_all_clocks_is_refused_before_any_request(quiet: Simulator) -> None:
    with pytest.raises(ConfigError, match="out of the range of dates"):
        _sensor(since="9999-12-31T23:00:00Z")
    assert quiet.requests == []


@pytest.mark.parametrize("event", [None, {}, {"status": "success"}, {"status": "seen"}])
def test_an_event_of_another_kind_is_refused(event: object) -> None:
    with pytest.raises(AirflowException, match="does not send"):
        _sensor().execute_complete({}, event)


def test_the_event_loop_goes_on_while_the_service_hangs(
    quiet: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "mintlify", quiet, extra={"timeout_s": 120})
    trigger = _deferred(_sensor(deferrable=True))
    quiet.add_faults([{"kind": "hang", "seconds": 60}])

    async def both() -> None:
        polling = asyncio.ensure_future(anext(trigger.run()))
        await until(lambda: len(quiet.requests) == 2)
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert quiet.requests[-1]["fault"] == "hang"
        assert time.time() - quiet.requests[-1]["at"] < 50  # it hangs still
        assert not polling.done()
        polling.cancel()

    asyncio.run(both())
