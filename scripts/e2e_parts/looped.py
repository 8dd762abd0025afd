"""The process of the scenario ``loop``: prints one JSON object of what it measured.

usage: python -m e2e_parts.looped TRIGGERS
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from datetime import UTC, datetime

import psutil

from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

_BASELINE_S = 30.0
_SECONDS = 75.0
_POKE_INTERVAL_S = 30.0
_TICK_S = 0.01


async def lateness_ms(seconds: float) -> list[float]:
    """Tick for so long; return by how much each tick came late."""
    late = []
    end = time.monotonic() + seconds
    while (before := time.monotonic()) < end:
        await asyncio.sleep(_TICK_S)
        late.append(1000 * (time.monotonic() - before - _TICK_S))
    return late


async def measure(count: int) -> dict[str, object]:
    """Tick without triggers, then with them."""
    baseline = await lateness_ms(_BASELINE_S)
    memory = psutil.Process().memory_info
    before = memory().rss
    since = datetime.now(UTC).isoformat()
    waiting = [asyncio.create_task(_wait(since)) for _ in range(count)]
    late = await lateness_ms(_SECONDS)
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
    trigger = MintlifyConversationTrigger(since=since, poke_interval_s=_POKE_INTERVAL_S)
    await anext(aiter(trigger.run()))


def _summary(late_ms: list[float]) -> dict[str, float]:
    return {
        "median_ms": statistics.median(late_ms),
        "p99_ms": statistics.quantiles(late_ms, n=100)[98],
        "longest_ms": max(late_ms),
    }


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(asyncio.run(measure(int(sys.argv[1]))))}\n")
