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

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    @property
    def moment(self) -> float:
        """When it was sent, in seconds since 1970."""
        return self.at.timestamp()


class Account(msgspec.Struct, kw_only=True, frozen=True):
    """The requests to one service by one organisation.

    Attributes:
        service: its base URL.
        entries: the requests that count, by their moments.
    """

    ledger_version: Literal[1] = 1
    service: str
    entries: tuple[Entry, ...] = ()

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

    def room_at(self, now: float, quota: Quota, share: float = 1.0) -> float:
        """Return the first moment at which a request may be sent.

        Then fewer than ``share`` of the quota count, and no request that already waits for its
        moment becomes one too many.
        """
        limit = max(1, int(quota.limit * share + 1e-9))
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

    def enter(self, moment: float, by: str, host: str) -> Account:
        """Return the account with one more request."""
        return self._with([Entry(_instant(moment), by, host)])

    def fill(self, now: float, quota: Quota, retry_after_s: float | None) -> Account:
        """Return the account after a refusal: whatever room it showed, others have used.

        The service says only when there is room for one. The first time, the others' requests are
        taken to be spread over the period. If the service refuses again within the period, they
        keep sending: then all their room is left to them for a whole period.

        Args:
            now: the moment of the refusal.
            quota: of the service.
            retry_after_s: seconds until the service has room, if it said so.
        """
        others = quota.limit - sum(each.moment <= now for each in self.entries)
        if others <= 0:
            return self
        first_s = min(retry_after_s or quota.period_s / 60, quota.period_s)
        again = any(each.by == OTHERS for each in self.entries)
        rest_s = quota.period_s - first_s
        waits = (
            quota.period_s if again and number else first_s + rest_s * number / others
            for number in range(others)
        )
        start = now - quota.kept_s
        return self._with([Entry(_instant(start + wait_s), OTHERS) for wait_s in waits])

    def _with(self, entries: Sequence[Entry]) -> Account:
        merged = sorted((*self.entries, *entries), key=lambda each: each.at)
        return structs.replace(self, entries=tuple(merged))


def _counting(moments: Sequence[float], moment: float, quota: Quota) -> int:
    """Return how many requests count at a moment, one sent then included."""
    return bisect_right(moments, moment) - bisect_right(moments, moment - quota.kept_s)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
