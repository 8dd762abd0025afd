"""Watermarks: how far a watcher has counted; pure values, stored as JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import MILLISECOND, iso_ms, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from airflow_provider_docsanalytics.hooks.mintlify import Turn
    from airflow_provider_docsanalytics.triggers._shared_poll import PollResult

OVERLAP = timedelta(minutes=10)
"""How long after its own timestamp a turn may appear and still be announced, at least."""
MAX_LOOKBACK = timedelta(days=2)
"""How far before the newest turn a poll starts, at most.

A poll reads turns up to a day ahead of the clock here (:data:`.hooks.mintlify.AHEAD`), and the
clock may be ahead by most of another day. So no turn, whatever its timestamp, moves a watermark
beyond the service's present, and no clock has to be right.
"""
FIRST_LOOKBACK = timedelta(days=1)
"""How far before the turns that it announces the first poll of a watcher without ``since`` starts.
"""
MAX_REREAD = 250
"""Turns that a poll reads again, of the newest; the other 750 of a page are for new ones."""


class Batch(msgspec.Struct, frozen=True):
    """The summary of turns that are announced together.

    Attributes:
        count: how many were found; with ``more``, there are others that no poll could read.
        oldest: the first timestamp among them, ISO 8601.
        newest: the last one.
        unanswered: how many of them the assistant could not answer.
        more: whether a poll's page was too small for all of them.
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
        """Return the summary as the fields of an event."""
        batch: dict[str, Any] = msgspec.to_builtins(self)
        return batch

    def merge(self, other: Batch | None) -> Batch:
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
    """How far a watcher has counted. All times are the turns' own timestamps, none is a clock's.

    Attributes:
        since: where the next poll has to start, ISO 8601.
        newest: the last timestamp that was counted; empty before the first.
        counted: the turns from ``since`` on that were counted, each key with its timestamp.
        pending: the turns that were counted and are too few to be announced.
        total: how many turns were counted so far.
        old_before: turns before this moment in the first poll count as old.
    """

    since: str
    newest: str = ""
    counted: dict[str, str] = msgspec.field(default_factory=dict)
    pending: Batch | None = None
    total: int = 0
    old_before: str = ""

    @classmethod
    def first(cls, since: datetime | None, *, now: datetime, interval_s: float) -> Watermark:
        """Return the watermark of a watcher that has none yet.

        Without ``since``, the turns of the last interval are new. The clock here may be ahead, so
        new turns may have earlier timestamps than that: the first poll starts further back, and
        counts the turns there as old.
        """
        if since is not None:
            return cls(since=iso_ms(since))
        begun = now - timedelta(seconds=interval_s)
        return cls(since=iso_ms(begun - FIRST_LOOKBACK), old_before=iso_ms(begun))

    @classmethod
    def parse(cls, stored: Any) -> Watermark | None:
        """Return a stored watermark, or ``None`` if the value is none."""
        try:
            watermark = msgspec.convert(_with_times(stored), cls)
            newest = watermark.newest and iso_ms(parse_instant(watermark.newest, "newest"))
            since = iso_ms(parse_instant(watermark.since, "since"))
        except (msgspec.ValidationError, ConfigError):
            return None
        return structs.replace(watermark, since=since, newest=newest)

    def position(self) -> tuple[int, str, int]:
        """Return the sort key of a watcher's watermarks: the more was counted, the greater."""
        return self.total, self.newest, len(self.counted)

    def as_json(self) -> dict[str, Any]:
        """Return the watermark as it is stored."""
        watermark: dict[str, Any] = msgspec.to_builtins(self)
        return watermark

    def after(self, result: PollResult, wanted: Collection[Turn]) -> Watermark:
        """Return the watermark after a poll; of its turns, ``wanted`` are to be announced.

        The turns that a full page leaves out are not waited for: the next poll starts later, and
        ``more`` says that there may be such turns.
        """
        new = [turn for turn in result.turns if self._is_new(turn)]
        fresh = [
            turn for turn in wanted if self._is_new(turn) and turn.timestamp >= self.old_before
        ]
        counted = self.counted | {turn.key: turn.timestamp for turn in new}
        newest = max((turn.timestamp for turn in new), default=self.newest)
        newest = max(newest, self.newest)
        since = self._next_since(counted, newest, result)
        batch = Batch.of(fresh, more=result.more).merge(self.pending) if fresh else self.pending
        return Watermark(
            since=since,
            newest=newest,
            counted={key: time for key, time in counted.items() if time >= since},
            pending=batch,
            total=self.total + len(new),
        )

    def due(self, minimum: int) -> Batch | None:
        """Return what is to be announced now, if it is enough."""
        batch = self.pending
        return batch if batch and (batch.more or batch.count >= minimum) else None

    def announced(self) -> Watermark:
        """Return the watermark once its pending turns are announced."""
        return structs.replace(self, pending=None)

    def _is_new(self, turn: Turn) -> bool:
        return turn.timestamp >= self.since and turn.key not in self.counted

    def _next_since(self, counted: dict[str, str], newest: str, result: PollResult) -> str:
        """Return where the next poll starts, never before this one."""
        times = sorted(counted.values())
        if not times:
            return self.since
        since = times[-MAX_REREAD] if len(times) >= MAX_REREAD else self.since
        if not result.more:
            since = min(since, _earlier(newest, OVERLAP))
        since = max(since, self.since, _earlier(newest, MAX_LOOKBACK))
        if result.more and since == self.since and counted.keys() == self.counted.keys():
            # A page holds only turns of one moment, and leaves some out: skip those.
            later = (time for time in times if time > since)
            return next(later, iso_ms(parse_instant(newest, "newest") + MILLISECOND))
        return since


def _with_times(stored: Any) -> Any:
    """Return a watermark whose counted turns have timestamps; versions up to 0.1 kept keys only."""
    if not isinstance(stored, dict) or not isinstance(stored.get("counted"), list):
        return stored
    return stored | {"counted": {str(key): stored.get("newest", "") for key in stored["counted"]}}


def _earlier(timestamp: str, by: timedelta) -> str:
    return iso_ms(parse_instant(timestamp, "timestamp") - by)
