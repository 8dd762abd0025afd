"""The account: who has sent a request when, and when there is room for the next one.

No file, no clock: :mod:`.ledger` reads and writes it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics.errors import LONGEST_RETRY_AFTER, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OTHERS = "others"
"""Who sent the requests that only a refusal showed: scripts, colleagues, other deployments."""

_MARGIN, _LEAST_MARGIN_S = 0.005, 0.5
"""Of the period, by which a request is kept longer: clocks differ, and so does the time that a
request needs to the service. 18 seconds of an hour."""
_QUOTA = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{1,6}(?:\.\d{1,3})?)\s*", re.ASCII)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``limit`` requests in any ``period_s`` seconds."""

    limit: int
    period_s: float

    def __post_init__(self) -> None:
        if self.limit < 1 or self.period_s <= 0:
            raise ConfigError(
                f"quota={self}: expected at least 1 request, and more than 0 seconds.\n"
                "Write it as REQUESTS/SECONDS, such as 100/3600."
            )

    def __str__(self) -> str:
        return f"{self.limit}/{self.period_s:g}"

    @classmethod
    def parse(cls, text: str) -> Quota:
        """Return a quota from ``"100/3600"``: requests, and seconds."""
        found = _QUOTA.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"quota={text!r:.100} is no quota.\nWrite it as REQUESTS/SECONDS, such as 100/3600."
            )
        return cls(int(found[1]), float(found[2]))

    @property
    def kept_s(self) -> float:
        """How long a request counts, in seconds."""
        return self.period_s + max(self.period_s * _MARGIN, _LEAST_MARGIN_S)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request.

    Attributes:
        at: when it was sent, or is going to be.
        by: the task that sends it, as ``dag_id.task_id``.
        host: where that runs.
    """

    at: Instant
    by: str
    host: str = ""

    @classmethod
    def at_moment(cls, moment: float, by: str, host: str = "") -> Entry:
        """Return an entry of a moment, in seconds since 1970."""
        return cls(datetime.fromtimestamp(moment, UTC), by, host)

    @property
    def moment(self) -> float:
        """When it was sent, in seconds since 1970."""
        return self.at.timestamp()


class Account(msgspec.Struct, kw_only=True, frozen=True):
    """The requests to one service by one organisation.

    Attributes:
        service: its base URL.
        entries: the requests that count, by their moments.
        closed_until: when the service has room again, as it said with its last refusal.
        closed_at: when it said that.
    """

    ledger_version: Literal[1] = 1
    service: str
    entries: tuple[Entry, ...] = ()
    closed_until: Instant | None = None
    closed_at: Instant | None = None

    def at(self, now: float, quota: Quota) -> Account:
        """Return the account without requests that no longer count.

        Requests of a distant future are dropped too: nobody enters one for later than a period from
        now, so the clock that wrote them is wrong, and others would wait for it.
        """
        kept = tuple(
            each
            for each in self.entries
            if now - quota.kept_s < each.moment <= now + 2 * quota.kept_s
        )
        return structs.replace(self, entries=kept)

    def used(self, now: float, quota: Quota) -> int:
        """Return how many requests count now; those that wait for their moment are included."""
        return len(self.at(now, quota).entries)

    def opens_at(self, now: float, quota: Quota) -> float:
        """Return when the service has room again, by its last refusal; ``now`` if it has.

        As in :meth:`at`, a refusal of the future is of a clock that is wrong.
        """
        if self.closed_until is None:
            return now
        said_at = (self.closed_at or self.closed_until).timestamp()
        return max(now, self.closed_until.timestamp()) if said_at <= now + quota.kept_s else now

    def room_at(self, now: float, quota: Quota, share: float = 1.0) -> float:
        """Return the first moment at which a request may be sent.

        Then fewer than ``share`` of the quota count, and no request that already waits for its
        moment becomes one too many.
        """
        limit = max(1, int(quota.limit * share + 1e-9))
        now = self.opens_at(now, quota)
        moments = sorted(each.moment for each in self.entries)

        def fits(moment: float) -> bool:
            waiting = moments[bisect_right(moments, moment) :]
            return _counting(moments, moment, quota) < limit and all(
                _counting(moments, later, quota) < quota.limit
                for later in waiting
                if later < moment + quota.kept_s
            )

        ends = (moment + quota.kept_s for moment in moments)
        return next(filter(fits, (now, *(end for end in ends if end > now))))

    def enter(self, entry: Entry) -> Account:
        """Return the account with one more request."""
        return self._of((*self.entries, entry))

    def fill(
        self, now: float, quota: Quota, retry_after_s: float | None, refused: Entry | None = None
    ) -> Account:
        """Return the account after a refusal: others have used whatever room it showed.

        Nothing is sent before the service has room again. It says that only for one request, and a
        refusal shows only that the others have sent more than is known. The first time, as many as
        are missing are taken to end one by one over the period. If the service refuses again within
        a period, the others keep sending: then twice as many are left to them for a period, so that
        a few refusals are enough to learn their share.

        Args:
            now: the moment of the refusal.
            quota: of the service.
            retry_after_s: seconds until the service has room, if it said so.
            refused: the request that was refused, which no longer counts.
        """
        entries = [each for each in self.entries if each != refused]
        wait_s = retry_after_s or quota.period_s / 60
        until = now + min(wait_s, LONGEST_RETRY_AFTER.total_seconds())
        if not retry_after_s:  # then what it said before still holds
            until = max(until, self.opens_at(now, quota))
        closed = structs.replace(
            self,
            closed_until=datetime.fromtimestamp(until, UTC),
            closed_at=datetime.fromtimestamp(now, UTC),
        )
        first_s = min(wait_s, quota.period_s)
        if sum(each.moment <= now for each in entries) >= quota.limit:
            return closed._of(entries)  # noqa: SLF001 - another worker has just noted the others
        ours = [each for each in entries if each.by != OTHERS]
        others = quota.limit - sum(each.moment <= now for each in ours)
        before = self.closed_until.timestamp() if self.closed_until else 0.0
        if now - quota.kept_s < before:
            others = min(max(others, 2 * (len(entries) - len(ours))), quota.limit - 1)
            waits = [quota.period_s] * others
        else:
            rest_s = quota.period_s - first_s
            waits = [first_s + rest_s * number / others for number in range(others)]
        start = now - quota.kept_s
        filled = [Entry.at_moment(start + wait_s, OTHERS) for wait_s in waits]
        return closed._of(ours + filled)  # noqa: SLF001 - our own

    def _of(self, entries: Iterable[Entry]) -> Account:
        """Return the account with these requests instead."""
        return structs.replace(self, entries=tuple(sorted(entries, key=lambda each: each.at)))


def _counting(moments: Sequence[float], moment: float, quota: Quota) -> int:
    """Return how many requests count at a moment, one sent then included."""
    return bisect_right(moments, moment) - bisect_right(moments, moment - quota.kept_s)
