"""One waiting thing in a process of its own, against a server that only fails.

usage: python -m tests.system.waiting.poll_worker trigger|watcher|sensor|http SECONDS PATH INTERVAL

Prints one line when it starts and, unless it is killed, one that says how it came to its end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

MARK = "worker: "
"""In front of the lines that are no log of Airflow's."""


def our_sensor(seconds: float, interval_s: float) -> str:
    """Run our sensor in ``mode="poke"``."""
    from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor

    sensor = MintlifyConversationSensor(
        task_id="wait",
        since=datetime.now(UTC),
        poke_interval=interval_s,
        timeout=seconds,
        deferrable=False,
    )
    _say_start()
    try:
        return f"gave {sensor.execute({})}"
    except Exception as error:  # noqa: BLE001 - whatever ends it is what is wanted
        return type(error).__name__


def our_trigger(interval_s: float, *, once: bool) -> BaseTrigger:
    """Return our trigger: of a deferred sensor, or of an asset's watcher."""
    from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

    since = datetime.now(UTC).isoformat()
    return MintlifyConversationTrigger(since=since, poke_interval_s=interval_s, once=once)


def http_trigger(path: str, interval_s: float) -> BaseTrigger:
    """Return Airflow's own trigger of the HTTP sensor, with the key of our connection."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    key = os.environ["E2E_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    return HttpSensorTrigger(endpoint=path, headers=headers, poke_interval=interval_s)


async def first_event(trigger: BaseTrigger, seconds: float) -> str:
    """Run a trigger until its first event, but not longer; return how it ended."""
    _say_start()

    async def event() -> Any:
        return await anext(aiter(trigger.run()))

    try:
        return f"event {(await asyncio.wait_for(event(), seconds)).payload}"
    except TimeoutError:
        return "still waiting"
    except Exception as error:  # noqa: BLE001 - whatever ends it is what is wanted
        return type(error).__name__


def main() -> None:
    """Run the one that the command line names."""
    kind, seconds, path, interval = sys.argv[1:]
    seconds_, interval_s = float(seconds), float(interval)
    if kind == "sensor":
        outcome = our_sensor(seconds_, interval_s)
    else:
        trigger = (
            http_trigger(path, interval_s)
            if kind == "http"
            else our_trigger(interval_s, once=kind == "trigger")
        )
        outcome = asyncio.run(first_event(trigger, seconds_))
    _say(f"{time.time()} {outcome}")


def _say_start() -> None:
    _say(f"started {time.time()}")


def _say(text: str) -> None:
    sys.stdout.write(f"{MARK}{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
