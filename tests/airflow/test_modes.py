"""The parts of ``make reliability`` that load Airflow, in their short form.

One table of failures: the sensor's result is the same in every mode; a watcher continues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.airflow.conftest import connect
from tests.reliability import modes
from tests.reliability.children import run_part
from tests.reliability.sensing import ending

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("part", ["labels", "templates"])
def test_no_row_is_lost_or_doubled(part: str) -> None:
    run_part("--quick", part)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A project in which nobody has asked anything yet.

    Each test has its own: the last request of a sensor that timed out may arrive after its end.
    """
    with Simulator(Config(rows=0)) as service:
        connect(monkeypatch, "mintlify", service)  # so that it is undone what the parts write
        yield service


@pytest.mark.parametrize("mode", modes.MODES)
@pytest.mark.parametrize("failure", modes.FAILURES, ids=lambda failure: str(failure.name))
def test_a_failure_ends_as_the_table_says_in_every_mode(
    quiet: Simulator, failure: modes.Failure, mode: str
) -> None:
    for flag in modes.FLAGS:
        ended, requests = modes.sensed(quiet, failure, mode, flag)
        assert ended == failure.ends_with(flag), flag
        assert requests == failure.requests or not failure.requests, flag


@pytest.mark.parametrize(
    "failure",
    [failure for failure in modes.FAILURES if "five" in failure.name or "odd" in failure.name],
    ids=lambda failure: str(failure.name),
)
def test_a_watcher_survives_failures_and_reports_each_turn_once(
    quiet: Simulator, failure: modes.Failure
) -> None:
    assert modes.watched(quiet, failure) == []


@pytest.mark.parametrize("mode", modes.MODES)
def test_a_sensor_with_silent_fail_waits_after_any_failure(quiet: Simulator, mode: str) -> None:
    quiet.reset()
    quiet.add_turns(1, "2026-02-03T04:05:06.789Z")
    quiet.add_faults([{"kind": "status", "status": 401, "times": 7}])
    assert ending(mode, silent_fail=True, timeout=60) == "done"
    assert len(quiet.requests) == 8


def test_a_trigger_that_breaks_fails_the_task_and_does_not_skip_it() -> None:
    from airflow.providers.common.compat.sdk import AirflowException, AirflowSkipException

    from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor

    broken = ("__fail__", {"error": "Trigger failure"}, {})
    sensor = MintlifyConversationSensor(task_id="wait", since="2026-01-01", soft_fail=True)
    with pytest.raises(AirflowException) as failed:
        sensor.resume_execution(*broken)
    assert not isinstance(failed.value, AirflowSkipException)
    sensor = MintlifyConversationSensor(task_id="wait", since="2026-01-01", never_fail=True)
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution(*broken)
