"""Conversation turns: half a million in memory as two arrays, rendered on request.

Turn ``n`` of the data set depends on the seed and ``n`` only: its text comes from a pool of
rendered rows, behind its own ID and time. Turns that are added at run time have the next numbers.
The index (times, numbers) is sorted by both. It is immutable: a change replaces it, so a request
keeps the index that it started with.
"""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import values
from airflow_provider_docsanalytics.simulator.values import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_POOL = 311  # a prime number, so that no period of the row numbers is a multiple of it
_THREAD_EVERY = 10
_HEAD_BYTES = 73  # from the opening brace of a row to "query", without the brace of the padded part
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
        seed: of the texts and IDs.
        pages: how many documentation pages there are.
        legacy_schema: whether rows have the older, fewer fields.
        row_bytes: the size to which rows are padded.
    """

    def __init__(
        self,
        times: Iterable[int],
        *,
        seed: int,
        pages: int,
        legacy_schema: bool = False,
        row_bytes: int | None = None,
    ) -> None:
        self._seed = seed
        self._pages = pages
        self._legacy_schema = legacy_schema
        self._row_bytes = row_bytes
        self._salt = values.ulid_salt(f"{seed}:turn")
        self._message_salt = values.ulid_salt(f"{seed}:message")
        self._pool = [self._tail(kind) for kind in range(_POOL)]
        self._times = array("q", times)
        self._base = len(self._times)
        self._added: list[bytes] = []
        self._index = _Index(self._times, array("q", range(self._base)))
        self._adding = Lock()

    def add(self, count: int, instant_ms: int, resolution_status: str | None = None) -> None:
        """Add turns at one instant, each a thread of its own."""
        with self._adding:
            first = self._base + len(self._added)
            numbers = range(first, first + count)
            self._added += [self._tail(number % _POOL, resolution_status) for number in numbers]
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
        tail = (
            self._pool[number % _POOL] if number < self._base else self._added[number - self._base]
        )
        head = f'{{"id":"{self._id(number, instant_ms)}","timestamp":"{iso(instant_ms)}",'
        return head.encode() + tail

    def _id(self, number: int, instant_ms: int) -> str:
        if self._continues(number):
            number -= 1
            instant_ms = self._times[number]
        return values.make_ulid(instant_ms, self._salt, number)

    def _continues(self, number: int) -> bool:
        """Tell whether the turn is the second one of the thread that the previous turn opened."""
        return number % _THREAD_EVERY == _THREAD_EVERY - 1 and number < self._base

    def _tail(self, kind: int, resolution_status: str | None = None) -> bytes:
        """Return a rendered row of the pool, starting at ``"query"``."""
        rng = Random(f"{self._seed}:turn:{kind}")  # noqa: S311 - repeatable, not secret
        awkward = values.AWKWARD[kind % len(values.AWKWARD)]
        response = f"{values.sentence(rng, rng.randint(20, 90))}.{awkward}"
        if kind == _POOL // 2 and self._row_bytes is None:
            response += values.prose(rng, values.LONG_ANSWER_BYTES)
        pages = [rng.randrange(self._pages) for _ in range(kind % 4)]
        asked_from = rng.randrange(self._pages)
        row: dict[str, Any] = {
            "query": f"{values.sentence(rng, rng.randint(3, 12))}?{awkward}",
            "response": response,
            "responseType": "clarifying_question" if kind % 17 == 1 else "answer",
            "sources": [
                {"title": values.page_title(page), "url": values.SITE + values.page_path(page)}
                for page in pages
            ],
            "resolutionStatus": resolution_status
            or ("unanswered" if kind % 5 == 0 else "answered"),
            "queryCategory": None if kind % 7 == 2 else values.category(kind),
            "pageUrl": None if kind % 6 == 3 else values.SITE + values.page_path(asked_from),
        }
        if kind % 3 == 0:
            del row["responseType"]
        if self._legacy_schema:
            row = {name: row[name] for name in ("query", "response", "sources", "queryCategory")}
        escaped = kind % 8 == 5
        if self._row_bytes is not None:
            missing = self._row_bytes - _HEAD_BYTES - len(_json(row, escaped=escaped))
            row["response"] += values.prose(rng, max(0, missing))
        return _json(row, escaped=escaped)[1:]


def _json(row: dict[str, Any], *, escaped: bool) -> bytes:
    return json.dumps(row, ensure_ascii=escaped, separators=(",", ":")).encode()
