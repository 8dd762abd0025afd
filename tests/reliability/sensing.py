"""The sensor in each of its modes as Airflow runs it, and a watcher: how each of them ends."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Callable

SINCE = "2026-02-01T00:00:00.000Z"
INTERVAL_S = 0.05
_LONGEST_WAIT_S = 2.0
"""What is longer is not waited for: the past is moved instead."""
_AGAIN_S = 1.2
"""Two polls of a watcher, for an event that should not come."""
_SAFE_S = 120.0
"""Far longer than a few polls take, also on a busy machine."""
_ids = count(1)


def ending(mode: str, **arguments: Any) -> str:
    """Run a sensor to its end.

    Returns:
        ``done``, ``skipped``, ``times out``, ``fails`` (retries count) or ``fails at once``.
    """

    def sensor() -> MintlifyConversationSensor:
        usual = {"since": SINCE, "poke_interval": INTERVAL_S}
        how = {"deferrable": True} if mode == "deferrable" else {"mode": mode, "deferrable": False}
        return MintlifyConversationSensor(task_id="wait", **usual | how | arguments)

    run = {"poke": _poke, "reschedule": _reschedule, "deferrable": _defer}[mode]
    try:
        run(sensor)
    except Exception as error:  # noqa: BLE001 - each of them is an ending
        return _ending(error, sensor())
    return "done"


def _poke(sensor: Callable[[], MintlifyConversationSensor]) -> None:
    sensor().execute({})


def _reschedule(sensor: Callable[[], MintlifyConversationSensor]) -> None:
    """Start a new sensor for every poke, as Airflow does, with what it keeps in between."""
    context = rescheduled()
    while True:
        try:
            sensor().execute(context)
        except AirflowRescheduleException as again:
            context["ti"].pass_until(again.reschedule_date)
        else:
            return


def rescheduled() -> Any:
    """Return what outlives the pokes of a sensor that is rescheduled, as a task's context."""
    task = _Task()
    if not AIRFLOW_V_3_0_PLUS:  # it would ask the database
        base: Any = import_module("airflow.sensors.base")
        base._orig_start_date = lambda **_: task.began
    return {"ti": task} | ({"task_state_store": _State()} if AIRFLOW_V_3_3_PLUS else {})


def _defer(sensor: Callable[[], MintlifyConversationSensor]) -> None:
    try:
        sensor().execute({})
    except TaskDeferred as deferred:
        _, kwargs = deferred.trigger.serialize()
        trigger = MintlifyConversationTrigger(**json.loads(json.dumps(kwargs)))
        seconds = deferred.timeout.total_seconds() if deferred.timeout else None
        resumed = asyncio.run(_event(trigger, seconds))
    else:
        return
    sensor().resume_execution(*resumed, {})


async def _event(
    trigger: MintlifyConversationTrigger, limit_s: float | None
) -> tuple[str, dict[str, Any]]:
    """Return how Airflow resumes the task."""
    try:
        async with asyncio.timeout(limit_s):
            async for event in trigger.run():
                return "execute_complete", {"event": json.loads(json.dumps(event.payload))}
    except TimeoutError:
        told = "Trigger timeout" if AIRFLOW_V_3_0_PLUS else "Trigger/execution timeout"
        return "__fail__", {"error": told}
    except Exception as error:  # noqa: BLE001 - as the triggerer does
        return "__fail__", {"error": "Trigger failure", "traceback": [repr(error)]}
    return "__fail__", {"error": "Trigger failure"}


class _Task:
    """What a sensor that is rescheduled asks its task instance for."""

    dag_id, task_id, run_id, map_index, max_tries = "dag", "wait", "run", -1, 0

    def __init__(self) -> None:
        self.began = datetime.now(UTC)

    def get_first_reschedule_date(self, _: Any) -> datetime:
        return self.began

    def pass_until(self, moment: datetime) -> None:
        left = moment - datetime.now(UTC)
        if left.total_seconds() < _LONGEST_WAIT_S:
            time.sleep(max(0.0, left.total_seconds()))
        else:
            self.began -= left


class _State(dict[str, Any]):
    """The state of a task, which Airflow 3.3+ keeps over reschedules."""

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self[key]) if key in self else default

    def set(self, key: str, value: Any) -> None:
        self[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        self.pop(key, None)


def _ending(error: Exception, sensor: MintlifyConversationSensor) -> str:
    if isinstance(error, AirflowSkipException):
        return "skipped"
    if isinstance(error, AirflowSensorTimeout):
        return "times out"
    at_once = isinstance(error, AirflowFailException)
    if AIRFLOW_V_3_3_PLUS:
        from airflow.sdk import RetryDecision

        decision = sensor.retry_policy.evaluate(error, 1, 3)
        at_once = at_once or decision.action == RetryDecision.fail().action
    return "fails at once" if at_once else "fails"


def announced(recover: Callable[[], None], ill: Callable[[], bool], most_s: float) -> list[int]:
    """Run a watcher, ``recover`` what ails it once it is ``ill``, and wait for an event after that.

    Returns:
        the counts that it has announced.
    """
    watcher = MintlifyConversationTrigger(since=SINCE, poke_interval_s=INTERVAL_S)
    watcher.trigger_id = next(_ids)
    counts: list[int] = []

    async def watch() -> None:
        async for event in watcher.run():
            counts.append(event.payload["count"])  # noqa: PERF401 - there is no end

    async def scenario() -> None:
        watching = asyncio.create_task(watch())
        async with asyncio.timeout(_SAFE_S):
            while not ill():  # noqa: ASYNC110 - a moment
                await asyncio.sleep(INTERVAL_S)
        before = len(counts)
        recover()
        until = time.monotonic() + most_s
        while len(counts) == before and time.monotonic() < until:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(INTERVAL_S)
        await asyncio.sleep(_AGAIN_S)
        watching.cancel()

    asyncio.run(scenario())
    return counts
