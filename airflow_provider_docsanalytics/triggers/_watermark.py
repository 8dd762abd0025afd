"""How far a watcher has got: pure values, kept as JSON in Airflow's asset state store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import MILLISECOND, iso_ms, parse_instant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from datetime import datetime

    from airflow_provider_docsanalytics.hooks.mintlify import Turn

OVERLAP = timedelta(minutes=10)
"""How much later than its own timestamp a turn may show up and still be announced, at the least."""
REACH = timedelta(days=2)
"""How far a poll reaches back behind the newest turn, at the most.

A poll shows turns up to a day ahead of the clock here (:data:`.hooks.mintlify.AHEAD`), and the
clock may be ahead by most of another day. So no turn, whatever its timestamp, moves a watermark
beyond the service's present, and no clock has to be right.
"""
LOOK_BACK = timedelta(days=1)
"""How far the first poll of a watcher without ``since`` reaches back behind what it announces."""
KEPT = 250
"""Turns that a poll shows again, of the newest; the other 750 of a page are for new ones."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll has shown to all who watch.

    Attributes:
        since: it reached back to here, ISO 8601.
        turns: what it saw, in no order that can be relied on.
        more: the page was full, and there are turns that it did not show.
        on_persisted: what is to be done once the events of this poll are in Airflow's database.
    """

    since: str
    turns: tuple[Turn, ...]
    more: bool
    on_persisted: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


class Batch(msgspec.Struct, frozen=True):
    """Turns that are announced together, in summary.

    Attributes:
        count: how many were seen; with ``more``, there are others that no look could show.
        oldest: the first timestamp among them, ISO 8601.
        newest: the last one.
        unanswered: how many of them the assistant could not answer.
        more: whether a look was too small for all of them.
    """

    count: int
    oldest: str
    newest: str
    unanswered: int
    more: bool

    @classmethod
    def of(cls, turns: Collection[Turn], *, more: bool) -> Batch:
        """Return the summary of one or more turns."""
        times = [turn.timestamp for turn in turns]
        unanswered = sum(turn.resolution == "unanswered" for turn in turns)
        return cls(len(times), min(times), max(times), unanswered, more)

    def as_json(self) -> dict[str, Any]:
        """Return the summary as an event takes it."""
        batch: dict[str, Any] = msgspec.to_builtins(self)
        return batch

    def with_(self, other: Batch | None) -> Batch:
        """Return the summary of both."""
        if other is None:
            return self
        return Batch(
            count=self.count + other.count,
            oldest=min(self.oldest, other.oldest),
            newest=max(self.newest, other.newest),
            unanswered=self.unanswered + other.unanswered,
            more=self.more or other.more,
        )


class Watermark(msgspec.Struct, frozen=True):
    """Up to where a watcher has counted. All times are the turns' own: no clock has a say.

    Attributes:
        since: the next look has to reach back to here, ISO 8601.
        newest: the last timestamp that was counted; empty before the first.
        counted: the turns from ``since`` on that were counted, each key with its timestamp.
        pending: what was counted and is not announced, since it is too little.
        total: how many turns were counted so far.
        old_before: what the first look shows of before this moment is counted as old.
    """

    since: str
    newest: str = ""
    counted: dict[str, str] = msgspec.field(default_factory=dict)
    pending: Batch | None = None
    total: int = 0
    old_before: str = ""

    @classmethod
    def first(cls, since: datetime | None, *, now: datetime, interval_s: float) -> Watermark:
        """Return the mark of a watcher that has not got anywhere yet.

        Without ``since``, the turns of the last interval are new. The clock here may be ahead, so
        that those to come are stamped before that: the first look reaches further back, and what it
        shows there is known from then on.
        """
        if since is not None:
            return cls(since=iso_ms(since))
        begun = now - timedelta(seconds=interval_s)
        return cls(since=iso_ms(begun - LOOK_BACK), old_before=iso_ms(begun))

    @classmethod
    def parse(cls, stored: Any) -> Watermark | None:
        """Return the mark as the store gives it back, or ``None`` if it is none."""
        try:
            mark = msgspec.convert(_with_times(stored), cls)
            newest = mark.newest and iso_ms(parse_instant(mark.newest, "newest"))
            since = iso_ms(parse_instant(mark.since, "since"))
        except (msgspec.ValidationError, ConfigError):
            return None
        return structs.replace(mark, since=since, newest=newest)

    def reach(self) -> tuple[int, str, int]:
        """Return what puts two marks of one watcher in order of what they have counted."""
        return self.total, self.newest, len(self.counted)

    def as_json(self) -> dict[str, Any]:
        """Return the mark as the store takes it."""
        mark: dict[str, Any] = msgspec.to_builtins(self)
        return mark

    def after(self, look: PollResult, wanted: Collection[Turn]) -> Watermark:
        """Return the mark once the turns of a look were counted; ``wanted`` are those that matter.

        A full page says nothing of the turns it leaves out, so the next look starts further on:
        they are not waited for, but ``more`` tells that they may be there.
        """
        new = [turn for turn in look.turns if self._is_new(turn)]
        fresh = [
            turn for turn in wanted if self._is_new(turn) and turn.timestamp >= self.old_before
        ]
        counted = self.counted | {turn.key: turn.timestamp for turn in new}
        newest = max((turn.timestamp for turn in new), default=self.newest)
        newest = max(newest, self.newest)
        since = self._since(counted, newest, look)
        return Watermark(
            since=since,
            newest=newest,
            counted={key: time for key, time in counted.items() if time >= since},
            pending=Batch.of(fresh, more=look.more).with_(self.pending) if fresh else self.pending,
            total=self.total + len(new),
        )

    def due(self, minimum: int) -> Batch | None:
        """Return what is to be announced now, if it is enough."""
        batch = self.pending
        return batch if batch and (batch.more or batch.count >= minimum) else None

    def announced(self) -> Watermark:
        """Return the mark once its pending turns were announced."""
        return structs.replace(self, pending=None)

    def _is_new(self, turn: Turn) -> bool:
        return turn.timestamp >= self.since and turn.key not in self.counted

    def _since(self, counted: dict[str, str], newest: str, look: PollResult) -> str:
        """Return where the next look starts, never before this one's."""
        times = sorted(counted.values())
        if not times:
            return self.since
        since = times[-KEPT] if len(times) >= KEPT else self.since
        if not look.more:
            since = min(since, _earlier(newest, OVERLAP))
        since = max(since, self.since, _earlier(newest, REACH))
        if look.more and since == self.since and counted.keys() == self.counted.keys():
            # More turns of one moment than a page holds: those that are left out stay out.
            later = (time for time in times if time > since)
            return next(later, iso_ms(parse_instant(newest, "newest") + MILLISECOND))
        return since


def _with_times(stored: Any) -> Any:
    """Return a mark whose counted turns have timestamps; versions up to 0.1 kept keys alone."""
    if not isinstance(stored, dict) or not isinstance(stored.get("counted"), list):
        return stored
    return stored | {"counted": {str(key): stored.get("newest", "") for key in stored["counted"]}}


def _earlier(timestamp: str, by: timedelta) -> str:
    return iso_ms(parse_instant(timestamp, "timestamp") - by)
