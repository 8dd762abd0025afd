"""Schedules of two to four attempts at once, each storage call a halting point, drawn at random.

To see one again, step by step: ``SCHEDULE="S3-like 17" make reliability ARGS=explorer``.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.reliability.children import in_lanes
from tests.reliability.local_store import LocalStore
from tests.reliability.object_stores import (
    AzureStore,
    GcsStore,
    KeepingStore,
    ObjectStore,
    S3Store,
)
from tests.reliability.plays import Play
from tests.reliability.plays_rules import Rules
from tests.reliability.summary import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.reliability.seam import Store

_STORES = {
    "local": 5_000,
    "S3-like": 5_000,
    "S3-like without deletions": 5_000,
    "GCS-like": 5_000,
    "Azure-like": 5_000,
    "without conditions": 5_000,
}
"""How many schedules of each."""
_IN_MEMORY: dict[str, type[ObjectStore]] = {
    "S3-like": S3Store,
    "S3-like without deletions": KeepingStore,
    "GCS-like": GcsStore,
    "Azure-like": AzureStore,
    "without conditions": ObjectStore,
}
_SHARE = 250
_MEMORY = Path("/dev/shm")
_MOST_KINDS = 8
_VARIES = re.compile(r"part-\d+-[0-9a-f]{8}|'[0-9a-f]{8}'|attempt [0-9a-f]{8}|/dev/shm/\S+|\d+")


def cases() -> Iterator[Case]:
    """Explore every kind of store; or show the one schedule that ``SCHEDULE`` names."""
    if chosen := os.environ.get("SCHEDULE"):
        where, number = chosen.rsplit(" ", 1)
        yield _summary(where, [_explore(where, range(int(number), int(number) + 1), print)])
        return
    for where, count in _STORES.items():
        yield _many(where, count)


def quick() -> Iterator[Case]:
    """Try a few of each."""
    for where in _STORES:
        yield _many(where, 100)


def _many(where: str, count: int) -> Case:
    shares = [range(first, min(first + _SHARE, count)) for first in range(0, count, _SHARE)]
    return _summary(where, list(in_lanes(partial(_explore, where, share) for share in shares)))


def _explore(
    where: str, numbers: range, say: Callable[[str], None] | None = None
) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    with _store(where) as store:
        return explore(store, where, numbers, say)


def explore(
    store: Store, where: str, numbers: range, say: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Play the schedules of these numbers on one store; return their sum."""
    saw: Counter[str] = Counter()
    total: dict[str, Any] = {"runs": 0, "lost": 0, "doubled": 0, "steps": 0, "broken": []}
    for number in numbers:
        store.clear()
        play = Play(store, f"{where} {number}", say)
        rules = _play(play)
        total["runs"] += 1
        total["steps"] += play.baton.step
        total["lost"] += rules.lost
        total["doubled"] += rules.doubled
        total["broken"] += [f'SCHEDULE="{where} {number}": {each}' for each in rules.wrong]
        saw.update(attempt.saw for attempt in play.attempts[:-1])
    return {**total, "saw": saw}


def _play(play: Play) -> Rules:
    rules = Rules(play)
    with play.baton.environment():
        try:
            play.act(rules.check)
            rules.conclude()
            rules.conclude_calm(play.calm())
        except RuntimeError as error:
            rules.wrong.append(str(error))
        play.baton.clear(play.attempts)
    return rules


@contextmanager
def _store(where: str) -> Iterator[Store]:
    """Give a store of one kind, for as long as the block lasts."""
    if where in _IN_MEMORY:
        yield _IN_MEMORY[where]()
        return
    directory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="explorer-", dir=directory) as lake:
        yield LocalStore(Path(lake))


def _summary(where: str, shares: list[dict[str, Any]]) -> Case:
    saw: Counter[str] = Counter()
    for share in shares:
        saw.update(share["saw"])
    steps = sum(share["steps"] for share in shares)
    broken = [each for share in shares for each in share["broken"]]
    return Case(
        f"schedules of 2 to 4 attempts, {steps:,} steps ({where})",
        sum(share["runs"] for share in shares),
        ", ".join(f"{count:,} {what}" for what, count in saw.most_common()),
        _kinds(broken),
        sum(share["lost"] for share in shares),
        sum(share["doubled"] for share in shares),
    )


def _kinds(broken: list[str]) -> tuple[str, ...]:
    """Return the first of each kind, with how many there are."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for each in broken:
        kind = _VARIES.sub("…", each)
        counts[kind] += 1
        first.setdefault(kind, each)
    return tuple(f"{n} like {first[kind]}" for kind, n in counts.most_common(_MOST_KINDS))
