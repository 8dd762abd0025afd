"""The process of the scenario ``loop``: prints one JSON object of what it measured.

usage: python -m tests.system.waiting.loop_worker TRIGGERS
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from bisect import bisect
from datetime import UTC, datetime
from itertools import islice, takewhile

import psutil

from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

_BASELINE_S = 30.0
_SECONDS = 75.0
_POKE_INTERVAL_S = 30.0
_TICK_S = 0.01


class Collector:
    """When Python's garbage collector has stopped this process, whoever's objects it looked at.

    A full collection walks through all that Airflow has loaded, and it comes when it comes: the
    event loop is late by it in the baseline as well, if it falls there. It may run in any thread,
    and be over before that thread gets to note it: so it is looked up when all is over.
    """

    def __init__(self) -> None:
        self._pauses: list[tuple[float, float]] = []
        self._started = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._started = time.monotonic()
        else:
            self._pauses.append((self._started, time.monotonic()))

    def stopped_s(self, begin: float, end: float) -> float:
        """Return for how long of the time between two moments the process was stopped."""
        first = max(0, bisect(self._pauses, (begin, end)) - 1)
        during = takewhile(lambda pause: pause[0] < end, islice(self._pauses, first, None))
        return sum(max(0.0, min(end, stop) - max(begin, start)) for start, stop in during)


Tick = tuple[float, float]
"""When it was set, and when it came."""


async def ticks(seconds: float) -> list[Tick]:
    """Tick for so long."""
    ticked = []
    end = time.monotonic() + seconds
    while (before := time.monotonic()) < end:
        await asyncio.sleep(_TICK_S)
        ticked.append((before, time.monotonic()))
    return ticked


async def measure(count: int) -> dict[str, object]:
    """Tick without triggers, then with them."""
    collector = Collector()
    baseline = await ticks(_BASELINE_S)
    memory = psutil.Process().memory_info
    before = memory().rss
    since = datetime.now(UTC).isoformat()
    waiting = [asyncio.create_task(_wait(since)) for _ in range(count)]
    ticked = await ticks(_SECONDS)
    ended = sum(task.done() for task in waiting)
    grown = memory().rss - before
    for task in waiting:
        task.cancel()
    return {
        "baseline": _summary(baseline, collector),
        "triggers": _summary(ticked, collector),
        "kb_per_trigger": grown / count / 1024,
        "ended": ended,
        "seconds": _SECONDS,
        "polls_due": int(_SECONDS // _POKE_INTERVAL_S),
    }


async def _wait(since: str) -> None:
    trigger = MintlifyConversationTrigger(since=since, poke_interval_s=_POKE_INTERVAL_S, once=True)
    await anext(aiter(trigger.run()))


def _summary(ticked: list[Tick], collector: Collector) -> dict[str, float]:
    late_ms = [1000 * (came - was_set - _TICK_S) for was_set, came in ticked]
    own_ms = [
        late - 1000 * collector.stopped_s(*tick) for late, tick in zip(late_ms, ticked, strict=True)
    ]
    return {
        "median_ms": statistics.median(late_ms),
        "p99_ms": statistics.quantiles(late_ms, n=100)[98],
        "longest_ms": max(late_ms),
        "longest_without_gc_ms": max(own_ms),
    }


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(asyncio.run(measure(int(sys.argv[1]))))}\n")
