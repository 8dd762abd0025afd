"""Conversation turns: half a million in memory as two arrays, rendered on request.

Turn ``n`` of the data set depends on the seed, ``n`` and its time only: its text comes from a pool,
behind its own ID and time. Turns that are added at run time have the next numbers.
The index (times, numbers) is sorted by both. It is immutable: a change replaces it, so a request
keeps the index that it started with.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import values
from airflow_provider_docsanalytics.simulator.questions import POOL
from airflow_provider_docsanalytics.simulator.values import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_docsanalytics.simulator.questions import Scene, Texts
    from airflow_provider_docsanalytics.simulator.site import Story

_THREAD_EVERY = 10
# Turns, of 50, of a person who asks again: in the same thread, or in a new one.
_AGAIN = [n % _THREAD_EVERY == _THREAD_EVERY - 1 or n in (12, 37) for n in range(50)]
_RELEASE_EVERY = 5  # turns, from the release on
_CALLERS = ("web",) * 7 + ("api",) * 2 + ("other",)


class Position(NamedTuple):
    """A turn's place in the order of all turns; new turns do not change it."""

    instant_ms: int
    number: int


@dataclass(frozen=True, slots=True)
class _Index:
    times: array[int]
    numbers: array[int]

    def bounds(self, window: Window) -> tuple[int, int]:
        return bisect_left(self.times, window.start_ms), bisect_left(self.times, window.end_ms)

    def find(self, position: Position) -> int:
        low = bisect_left(self.times, position.instant_ms)
        high = bisect_right(self.times, position.instant_ms)
        return bisect_left(self.numbers, position.number, low, high)

    def with_turns(self, instant_ms: int, numbers: Iterable[int]) -> _Index:
        times, order = self.times[:], self.numbers[:]
        at = bisect_right(times, instant_ms)
        added = array("q", numbers)
        order[at:at] = added
        times[at:at] = array("q", [instant_ms]) * len(added)
        return _Index(times, order)


class Turns:
    """All conversation turns; pages of them run newest first.

    Args:
        times: of the turns, in ascending order.
        texts: of the turns.
        story: what else happens.
        seed: of the IDs.
    """

    def __init__(self, times: Iterable[int], texts: Texts, *, story: Story, seed: int) -> None:
        self._texts = texts
        self._story = story
        self._salt = values.ulid_salt(f"{seed}:turn")
        self._message_salt = values.ulid_salt(f"{seed}:message")
        self._times = array("q", _follow_up(times))
        self._base = len(self._times)
        self._added: list[bytes] = []
        self._index = _Index(self._times, array("q", range(self._base)))
        self._adding = Lock()

    def add(self, count: int, instant_ms: int, resolution_status: str | None = None) -> None:
        """Add turns at one instant, each a thread of its own."""
        with self._adding:
            first = self._base + len(self._added)
            numbers = range(first, first + count)
            self._added += [self._texts.added(number, resolution_status) for number in numbers]
            self._index = self._index.with_turns(instant_ms, numbers)

    def page(
        self, window: Window, limit: int | None = None, after: Position | None = None
    ) -> tuple[list[bytes], Position | None]:
        """Return the newest rows of the window, and the last one's position if there are more.

        ``after`` is that position of the previous page; without a ``limit`` all rows are returned.
        """
        index = self._index
        low, high = index.bounds(window)
        if after is not None:
            high = min(high, index.find(after))
        first = low if limit is None else max(low, high - limit)
        chosen = slice(first, high)
        rows = list(map(self._row, index.numbers[chosen], index.times[chosen]))[::-1]
        if first == low:
            return rows, None
        return rows, Position(index.times[first], index.numbers[first])

    def callers(self, window: Window) -> Counter[str]:
        """Return the number of turns in the window for each kind of caller."""
        low, high = (index := self._index).bounds(window)
        residues = Counter(number % len(_CALLERS) for number in index.numbers[low:high])
        counts: Counter[str] = Counter()
        for residue, count in residues.items():
            counts[_CALLERS[residue]] += count
        return counts

    def thread_ids(self, window: Window) -> list[str]:
        """Return the IDs of the threads with a turn in the window, newest first, each once."""
        low, high = (index := self._index).bounds(window)
        ids = map(self._id, index.numbers[low:high], index.times[low:high])
        return list(dict.fromkeys(reversed(list(ids))))

    def thread(self, thread_id: str) -> dict[str, Any] | None:
        """Return the thread with this well-formed ID, or None if there is none."""
        instant_ms = values.ulid_instant(thread_id)
        low, high = (index := self._index).bounds(Window(instant_ms, instant_ms + 1))
        for number in index.numbers[low:high]:
            if self._id(number, instant_ms) == thread_id:
                turns = [(number, instant_ms)]
                if number + 1 < self._base and self._continues(number + 1):
                    turns.append((number + 1, self._times[number + 1]))
                messages = [message for turn in turns for message in self._messages(*turn)]
                return {"threadId": thread_id, "createdAt": iso(instant_ms), "messages": messages}
        return None

    def _messages(self, number: int, instant_ms: int) -> Iterator[dict[str, str]]:
        row = json.loads(self._row(number, instant_ms))
        for half, (role, field) in enumerate((("user", "query"), ("assistant", "response"))):
            yield {
                "id": values.make_ulid(instant_ms, self._message_salt, 2 * number + half),
                "role": role,
                "content": row[field],
                "createdAt": iso(instant_ms),
            }

    def _row(self, number: int, instant_ms: int) -> bytes:
        text = (
            self._text(number, instant_ms)
            if number < self._base
            else self._added[number - self._base]
        )
        head = f'{{"id":"{self._id(number, instant_ms)}","timestamp":"{iso(instant_ms)}",'
        return head.encode() + text

    def _text(self, number: int, instant_ms: int) -> bytes:
        release_ms, outage = self._story
        fails = outage.start_ms <= instant_ms < outage.end_ms
        again = _AGAIN[number % len(_AGAIN)]
        if again:
            number -= 1
            instant_ms = self._times[number]
        scene: Scene = "usual"
        if fails:
            scene = "outage"
        elif instant_ms >= release_ms and number % _RELEASE_EVERY == 0:
            scene = "release"
        return self._texts[scene, number % POOL, again]

    def _id(self, number: int, instant_ms: int) -> str:
        if self._continues(number):
            number -= 1
            instant_ms = self._times[number]
        return values.make_ulid(instant_ms, self._salt, number)

    def _continues(self, number: int) -> bool:
        """Tell whether the turn is the second one of the thread that the previous turn opened."""
        return number % _THREAD_EVERY == _THREAD_EVERY - 1 and number < self._base


def _follow_up(times: Iterable[int]) -> Iterator[int]:
    """Yield the times, but for turns of people who ask again: those come within minutes."""
    before_ms = 0
    for number, instant_ms in enumerate(times):
        if _AGAIN[number % len(_AGAIN)]:
            before_ms = min(instant_ms, before_ms + 30_000 + 7919 * number % 240_000)
        else:
            before_ms = instant_ms
        yield before_ms
