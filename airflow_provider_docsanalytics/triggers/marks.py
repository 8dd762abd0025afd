"""How far a watcher has got: pure values, kept as JSON in Airflow's asset state store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import iso_ms, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_docsanalytics.hooks.mintlify import Turn
    from airflow_provider_docsanalytics.triggers.mark_store import MarkStore

OVERLAP = timedelta(minutes=10)
"""How much later than its own timestamp a turn may show up and still be announced."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one poll has shown to all who watch.

    Attributes:
        since: it reached back to here, ISO 8601.
        at: the moment of the poll.
        turns: what it saw, in no order that can be relied on.
        more: the page was full, and there are turns that it did not show.
        moves: the marks that watchers move to because of it, and where each is kept.
    """

    since: str
    at: str
    turns: tuple[Turn, ...]
    more: bool
    moves: list[tuple[MarkStore, Mark]] = field(default_factory=list)


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


class Mark(msgspec.Struct, frozen=True):
    """Up to where a watcher has counted.

    Attributes:
        since: the next look has to reach back to here, ISO 8601.
        newest: the last timestamp that was counted, or the moment it was seen if that is earlier;
            empty before the first.
        counted: keys of the turns from ``since`` on that were counted.
        pending: what was counted and is not announced, since it is too little.
    """

    since: str
    newest: str = ""
    counted: tuple[str, ...] = ()
    pending: Batch | None = None

    @classmethod
    def parse(cls, stored: Any) -> Mark | None:
        """Return the mark as the store gives it back, or ``None`` if it is none."""
        try:
            mark = msgspec.convert(stored, cls)
            return structs.replace(mark, since=iso_ms(parse_instant(mark.since, "since")))
        except (msgspec.ValidationError, ConfigError):
            return None

    def reach(self) -> tuple[str, int]:
        """Return what puts two marks of one watcher in order of what they have counted."""
        return self.newest, len(self.counted)

    def as_json(self) -> dict[str, Any]:
        """Return the mark as the store takes it."""
        mark: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))  # tuples to lists
        return mark

    def after(self, look: Look, wanted: Collection[Turn]) -> Mark:
        """Return the mark once the turns of a look were counted; ``wanted`` are those that matter.

        A full page says nothing of the turns it leaves out, so the next look starts at its end:
        they are not waited for, but ``more`` tells that they are there.
        """
        seen = max((turn.timestamp for turn in look.turns), default="")
        # A turn from the future must not hide all that come until then.
        newest = max(min(seen, look.at), self.newest, self.since)
        since = newest if look.more else max(self.since, _earlier(newest))
        known = set(self.counted)
        fresh = [turn for turn in wanted if turn.timestamp >= self.since and turn.key not in known]
        return Mark(
            since=since,
            newest=newest,
            counted=tuple(turn.key for turn in look.turns if turn.timestamp >= since),
            pending=Batch.of(fresh, more=look.more).with_(self.pending) if fresh else self.pending,
        )

    def due(self, minimum: int) -> Batch | None:
        """Return what is to be announced now, if it is enough."""
        batch = self.pending
        return batch if batch and (batch.more or batch.count >= minimum) else None

    def announced(self) -> Mark:
        """Return the mark once its pending turns were announced."""
        return structs.replace(self, pending=None)


def _earlier(timestamp: str) -> str:
    return iso_ms(parse_instant(timestamp, "timestamp") - OVERLAP)
