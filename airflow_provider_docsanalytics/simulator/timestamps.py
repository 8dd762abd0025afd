"""Instants as whole milliseconds since 1970 in UTC, and how the services spell them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_SECONDS = [f"{second:02d}." for second in range(60)]
_MILLISECONDS = [f"{millisecond:03d}Z" for millisecond in range(1000)]


class Window(NamedTuple):
    """The half-open interval ``[start_ms, end_ms)``."""

    start_ms: int
    end_ms: int


ALL_TIME = Window(0, 1 << 47)


def parse(text: str) -> int:
    """Return the instant of a date or an ISO 8601 date and time; UTC where no zone is given.

    Raises:
        ValueError: The text is neither, or lies outside the range of :data:`ALL_TIME`.
    """
    if not _ISO.fullmatch(text):
        raise ValueError(f"{text!r} is not a date (YYYY-MM-DD or ISO 8601 with time)")
    moment = datetime.fromisoformat(text)
    instant = of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if instant < ALL_TIME.start_ms:
        raise ValueError(f"{text!r} is before 1970")
    return instant


def of(moment: datetime) -> int:
    """Return the instant of an aware ``datetime``, fractions of a millisecond cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def as_datetime(instant_ms: int) -> datetime:
    """Return the instant as an aware ``datetime`` in UTC."""
    return _EPOCH + instant_ms * _MILLISECOND


def iso(instant_ms: int) -> str:
    """Return ``2026-01-31T10:30:00.000Z``; quick, as every row needs it."""
    minute, rest_ms = divmod(instant_ms, 60_000)
    return f"{_minute(minute)}{_SECONDS[rest_ms // 1000]}{_MILLISECONDS[rest_ms % 1000]}"


@lru_cache(maxsize=65_536)
def _minute(minute: int) -> str:
    return (_EPOCH + timedelta(minutes=minute)).isoformat()[:17]
