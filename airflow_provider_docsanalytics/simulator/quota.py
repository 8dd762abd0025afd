"""A request quota over a sliding period, and what its refusals say about waiting."""

from __future__ import annotations

import time
from collections import deque
from email.utils import formatdate
from math import ceil
from threading import Lock

from airflow_provider_docsanalytics.simulator.query import RefusedError

RETRY_AFTER_STYLES = ("seconds", "date", "none")


class Quota:
    """At most ``limit`` requests in any ``period_s`` seconds; refused ones do not count.

    ``retry_after`` says what a refusal's header holds: ``seconds``, an HTTP ``date``, or ``none``
    for no header at all.
    """

    def __init__(self, limit: int, period_s: float, retry_after: str = "seconds") -> None:
        if limit < 0 or period_s <= 0 or retry_after not in RETRY_AFTER_STYLES:
            raise ValueError(
                "a quota is a limit of at least 0, a period_s above 0, and a retry_after of "
                + ", ".join(RETRY_AFTER_STYLES)
            )
        self.limit = limit
        self.period_s = period_s
        self.retry_after = retry_after
        self._spent: deque[float] = deque()
        self._lock = Lock()

    def spend(self) -> None:
        """Count a request.

        Raises:
            RefusedError: 429, nothing is left.
        """
        with self._lock:
            now = time.monotonic()
            while self._spent and self._spent[0] <= now - self.period_s:
                self._spent.popleft()
            if len(self._spent) < self.limit:
                self._spent.append(now)
                return
            free_at = self._spent[0] + self.period_s if self._spent else now + self.period_s
        raise RefusedError(429, "Rate limit exceeded", headers=self._headers(free_at - now))

    def _headers(self, wait_s: float) -> dict[str, str]:
        if self.retry_after == "none":
            return {}
        if self.retry_after == "seconds":
            return {"Retry-After": str(ceil(wait_s))}
        return {"Retry-After": formatdate(ceil(time.time() + wait_s), usegmt=True)}
