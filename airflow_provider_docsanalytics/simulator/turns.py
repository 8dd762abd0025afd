"""Conversation turns: half a million in memory as two arrays, rendered only when asked for.

Turn ``n`` of the data set is a function of the seed and ``n``: its text comes from a pool of
rendered rows, its ID and time are put in front. Turns added at run time follow with numbers of
their own. The index (times, numbers) is in order of both and replaced as a whole, never changed,
so that a request keeps the one it started with.
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

from airflow_provider_docsanalytics.simulator import texts, ulid
from airflow_provider_docsanalytics.simulator.timestamps import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_docsanalytics.simulator.config import Config

_POOL = 311  # prime, so that no period of the row numbers coincides with it
_THREAD_EVERY = 10
_HEAD_BYTES = 73  # from the row's opening brace to "query", less the brace of the padded part
_CALLERS = ("web",) * 7 + ("api",) * 2 + ("other",)


class Position(NamedTuple):
    """A turn's place in the order of all turns; stays the same when others are added."""

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
    """All conversation turns, newest first towards the outside."""

    def __init__(self, config: Config, times: Iterable[int]) -> None:
        self._config = config
        self._salt = ulid.salt(f"{config.seed}:turn")
        self._message_salt = ulid.salt(f"{config.seed}:message")
        self._pool = [_tail(config, kind) for kind in range(_POOL)]
        self._times = array("q", times)
        self._base = len(self._times)
        self._added: list[bytes] = []
        self._index = _Index(self._times, array("q", range(self._base)))
        self._adding = Lock()

    def add(self, count: int, instant_ms: int, resolution_status: str | None = None) -> None:
        """Add turns of one instant, each a thread of its own."""
        with self._adding:
            first = self._base + len(self._added)
            numbers = range(first, first + count)
            self._added += [
                _tail(self._config, number % _POOL, resolution_status) for number in numbers
            ]
            self._index = self._index.with_turns(instant_ms, numbers)

    def page(
        self, window: Window, limit: int | None = None, after: Position | None = None
    ) -> tuple[list[bytes], Position | None]:
        """Return the newest rows of the window, and where to go on if there are more.

        ``after`` is the last position of the page before; None as ``limit`` gives all.
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
        """Return how many turns of the window came from each kind of caller."""
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
        """Return the transcript with this well-formed ID, or None if there is none."""
        instant_ms = ulid.instant(thread_id)
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
                "id": ulid.make(instant_ms, self._message_salt, 2 * number + half),
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
        return ulid.make(instant_ms, self._salt, number)

    def _continues(self, number: int) -> bool:
        """Tell whether the turn is the second one of a thread, which the turn before it opened."""
        return number % _THREAD_EVERY == _THREAD_EVERY - 1 and number < self._base


def _tail(config: Config, kind: int, resolution_status: str | None = None) -> bytes:
    """Return a rendered row of the pool, from ``"query"`` on."""
    rng = Random(f"{config.seed}:turn:{kind}")  # noqa: S311 - repeatable, not secret
    awkward = texts.AWKWARD[kind % len(texts.AWKWARD)]
    response = f"{texts.sentence(rng, rng.randint(20, 90))}.{awkward}"
    if kind == _POOL // 2 and config.row_bytes is None:
        response += texts.prose(rng, texts.LONG_ANSWER_BYTES)
    pages = [rng.randrange(config.pages) for _ in range(kind % 4)]
    asked_on = rng.randrange(config.pages)
    row: dict[str, Any] = {
        "query": f"{texts.sentence(rng, rng.randint(3, 12))}?{awkward}",
        "response": response,
        "responseType": "clarifying_question" if kind % 17 == 1 else "answer",
        "sources": [
            {"title": texts.page_title(page), "url": texts.SITE + texts.page_path(page)}
            for page in pages
        ],
        "resolutionStatus": resolution_status or ("unanswered" if kind % 5 == 0 else "answered"),
        "queryCategory": None if kind % 7 == 2 else texts.category(kind),
        "pageUrl": None if kind % 6 == 3 else texts.SITE + texts.page_path(asked_on),
    }
    if kind % 3 == 0:
        del row["responseType"]
    if config.legacy_schema:
        row = {name: row[name] for name in ("query", "response", "sources", "queryCategory")}
    escaped = kind % 8 == 5
    if config.row_bytes is not None:
        missing = config.row_bytes - _HEAD_BYTES - len(_json(row, escaped=escaped))
        row["response"] += texts.prose(rng, max(0, missing))
    return _json(row, escaped=escaped)[1:]


def _json(row: dict[str, Any], *, escaped: bool) -> bytes:
    return json.dumps(row, ensure_ascii=escaped, separators=(",", ":")).encode()
