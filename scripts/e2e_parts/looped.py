"""The process of the scenario ``loop``: prints one JSON object of what it measured.

usage: python -m e2e_parts.looped TRIGGERS
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import NamedTuple

import psutil

from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

_BASELINE_S = 30.0
_SECONDS = 75.0
_POKE_INTERVAL_S = 30.0
_TICK_S = 0.01


class Collector:
    """How long Python's garbage collector has stopped this process, whoever's objects it looked at.

    A full collection walks through all that Airflow has loaded, and it comes when it comes: the
    event loop is late by it in the baseline as well, if it falls there.
    """

    def __init__(self) -> None:
        self.stopped_s = 0.0
        self._started = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._started = time.monotonic()
        else:
            self.stopped_s += time.monotonic() - self._started


class Tick(NamedTuple):
    """By how much one tick came late, all in all and without the garbage collector."""

    late_ms: float
    without_gc_ms: float


async def ticks(seconds: float, collector: Collector) -> list[Tick]:
    """Tick for so long; return how late each tick was."""
    late = []
    end = time.monotonic() + seconds
    while (before := time.monotonic()) < end:
        stopped_s = collector.stopped_s
        await asyncio.sleep(_TICK_S)
        late_s = time.monotonic() - before - _TICK_S
        own_s = late_s - (collector.stopped_s - stopped_s)
        late.append(Tick(1000 * late_s, 1000 * max(0.0, own_s)))
    return late


async def measure(count: int) -> dict[str, object]:
    """Tick without triggers, then with them."""
    collector = Collector()
    baseline = await ticks(_BASELINE_S, collector)
    memory = psutil.Process().memory_info
    before = memory().rss
    since = datetime.now(UTC).isoformat()
    waiting = [asyncio.create_task(_wait(since)) for _ in range(count)]
    late = await ticks(_SECONDS, collector)
    ended = sum(task.done() for task in waiting)
    grown = memory().rss - before
    for task in waiting:
        task.cancel()
    return {
        "baseline": _summary(baseline),
        "triggers": _summary(late),
        "kb_per_trigger": grown / count / 1024,
        "ended": ended,
        "seconds": _SECONDS,
        "polls_due": int(_SECONDS // _POKE_INTERVAL_S),
    }


async def _wait(since: str) -> None:
    trigger = MintlifyConversationTrigger(since=since, poke_interval_s=_POKE_INTERVAL_S, once=True)
    await anext(aiter(trigger.run()))


def _summary(late: list[Tick]) -> dict[str, float]:
    late_ms = [tick.late_ms for tick in late]
    return {
        "median_ms": statistics.median(late_ms),
        "p99_ms": statistics.quantiles(late_ms, n=100)[98],
        "longest_ms": max(late_ms),
        "longest_without_gc_ms": max(tick.without_gc_ms for tick in late),
    }


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(asyncio.run(measure(int(sys.argv[1]))))}\n")
