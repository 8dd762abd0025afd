"""Requests, the checks of their parameters and quota, and responses."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from airflow_provider_docsanalytics.simulator import values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

RETRY_AFTER_STYLES = ("seconds", "date", "none")
_INTEGER = re.compile(r"-?[0-9]{1,9}")


class RefusedError(Exception):
    """A request that a service refuses: the parts of its error response."""

    def __init__(
        self,
        status: int,
        error: str,
        details: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = error
        self.details = tuple(details)
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; ``connection`` numbers the TCP connection."""

    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]
    connection: int
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        """The parameters; of one that is repeated, the last value."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """What the client gets; ``rows`` is for the log only."""

    status: int
    body: bytes
    rows: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Route:
    """The endpoint that a path leads to, or None, its platform, and the IDs in the path."""

    platform: str
    endpoint: str | None
    project_id: str = ""
    thread_id: str = ""


class Query:
    """The parameters of a request: known ones only, each once.

    Raises:
        RefusedError: 400 with the parameter's name, from the constructor and every method.
    """

    def __init__(self, raw: str, known: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        for name, value in parse_qsl(raw, keep_blank_values=True):
            if name not in known:
                raise invalid(f"{name}: unknown parameter")
            if name in self._values:
                raise invalid(f"{name}: given more than once")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """Return the value unchanged."""
        return self._values.get(name)

    def instant(self, name: str) -> int | None:
        """Return the value as an instant in milliseconds."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return values.parse_instant(text)
        except ValueError as error:
            raise invalid(f"{name}: {error}") from error

    def number(self, name: str, default: int, minimum: int, maximum: int | None = None) -> int:
        """Return the value as an integer within its limits."""
        text = self.text(name)
        if text is None:
            return default
        if not _INTEGER.fullmatch(text):
            raise invalid(f"{name}: {text!r} is not an integer")
        number = int(text)
        if number < minimum or (maximum is not None and number > maximum):
            raise invalid(f"{name}: {number} is not between {minimum} and {maximum or 'infinity'}")
        return number

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """Return the value, if it is one of the choices."""
        text = self.text(name)
        if text is not None and text not in choices:
            raise invalid(f"{name}: {text!r} is not one of {', '.join(choices)}")
        return text

    def choices(self, name: str, choices: Collection[str]) -> tuple[str, ...] | None:
        """Return the values of a comma-separated list, if all are among the choices."""
        text = self.text(name)
        if text is None:
            return None
        for value in text.split(","):
            if value not in choices:
                raise invalid(f"{name}: {value!r} is not one of {', '.join(choices)}")
        return tuple(text.split(","))


class Quota:
    """At most ``limit`` requests in any ``period_s`` seconds; refused ones do not count.

    All keys and projects of the organisation share it. ``retry_after`` is the style of the header
    of a 429: ``seconds``, an HTTP ``date``, or ``none`` for no header. ``others`` is how many
    requests people whom nobody asks send in each period, one after the other at equal distances.
    ``now`` is the clock, in seconds.
    """

    def __init__(
        self,
        limit: int,
        period_s: float,
        retry_after: str = "seconds",
        others: int = 0,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if limit < 0 or period_s <= 0 or retry_after not in RETRY_AFTER_STYLES or others < 0:
            raise ValueError(
                f"A quota of {limit} requests in {period_s} s with retry_after={retry_after!r} and "
                f"others={others} is impossible.\nUse a limit and others of at least 0, a period "
                f"above 0 s, and a retry_after of {', '.join(RETRY_AFTER_STYLES)}."
            )
        self.others = others
        self._others_sent = 0
        self._now = now
        self._began = now()
        self.limit = limit
        self.period_s = period_s
        self.retry_after = retry_after
        self._spent: deque[float] = deque()
        self._lock = Lock()

    def spend(self) -> None:
        """Count a request.

        Raises:
            RefusedError: 429, when nothing is left.
        """
        with self._lock:
            now = self._now()
            self._let_others_spend(now)
            if self._spend_at(now):
                return
            free_at = self._spent[0] + self.period_s if self._spent else now + self.period_s
        raise RefusedError(429, "Rate limit exceeded", headers=self._headers(free_at - now))

    def _let_others_spend(self, now: float) -> None:
        """Count the requests that the others have sent until now, each at its moment."""
        while self.others:
            due = self._began + self._others_sent * self.period_s / self.others
            if due > now:
                return
            self._others_sent += 1
            self._spend_at(due)

    def _spend_at(self, moment: float) -> bool:
        """Count a request at a moment; return whether there is room for it."""
        while self._spent and self._spent[0] <= moment - self.period_s:
            self._spent.popleft()
        has_room = len(self._spent) < self.limit
        if has_room:
            self._spent.append(moment)
        return has_room

    def _headers(self, wait_s: float) -> dict[str, str]:
        if self.retry_after == "none":
            return {}
        if self.retry_after == "seconds":
            return {"Retry-After": str(ceil(wait_s))}
        return {"Retry-After": formatdate(ceil(time.time() + wait_s), usegmt=True)}


def invalid(detail: str) -> RefusedError:
    """Return the error of an invalid parameter."""
    return RefusedError(400, "Invalid query parameters", [detail])


def dump(value: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii() and re.search(
        "[\ud800-\udfff]", text
    ):  # half of a character, from a fault
        text = json.dumps(value, separators=(",", ":"))
    return text.encode()


def splice(rows_key: str, rows: Iterable[bytes], rest: Mapping[str, Any]) -> bytes:
    """Return an object with the rendered rows under their key, followed by the other members."""
    return b'{"%s":[%s]%s' % (
        rows_key.encode(),
        b",".join(rows),
        b"," + dump(rest)[1:] if rest else b"}",
    )
