"""The values in rows: instants, ULIDs and cursors, and text.

An instant is a number of milliseconds since 1970 in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

DAY_MS = 86_400_000
LONG_ANSWER_BYTES = 60_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)
_SECONDS = [f"{second:02d}." for second in range(60)]
_MILLISECONDS = [f"{millisecond:03d}Z" for millisecond in range(1000)]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_ULID = re.compile(f"[0-7][{_ALPHABET}]{{25}}")
_LOW_BITS = 80
_RANDOM_BITS = 64  # written as 16 hexadecimal digits, all of which are in the alphabet
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_ODD = 0x9E3779B97F4A7C15  # odd, so that no two numbers give the same random part
_SEAL_BITS = 48
_NUMBER_BITS = _LOW_BITS - _SEAL_BITS

_PADDING = (
    "the request token page server returns a list of objects when your project has been "
    "configured to allow access from this address otherwise it answers with an error whose "
    "message names field and value set retry after timeout before sending data again each "
    "environment keeps its own settings so rotate keys often export rows daily check status"
)
_PADDING_WORDS = _PADDING.split()

AWKWARD = (
    "",
    " \U0001f680 launch \u2705 caf\u00e9",
    " first line\nsecond line\r\nthird line",
    " she said \"no\" and 'yes', twice",
    " C:\\temp\\new and \\u0041 \\n are not escapes",
    " separators \u2028 and \u2029 inside",
    "\tcolumn\tcolumn",
    " \U0001f469\u200d\U0001f469\u200d\U0001f467 zero\u200dwidth",
    " \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd right to left",
    " <script>alert(1)</script> &amp; <b>bold</b>",
    " astral \U0001d4b3 \U0002070e \U0001f1ea\U0001f1fa",
    " =SUM(A1:A9), 1;2;3",
    " e\u0301 combining, \u0001\u001f\u007f controls",
    ' ```json\n{"key": [1, null]}\n```',
    " \u65e5\u672c\u8a9e\u306e\u8cea\u554f \u4e2d\u6587 \ud55c\uad6d\uc5b4",
)


class Window(NamedTuple):
    """The half-open interval ``[start_ms, end_ms)``."""

    start_ms: int
    end_ms: int


ALL_TIME = Window(0, 1 << 47)


def parse_instant(text: str) -> int:
    """Return the instant of a date or an ISO 8601 date and time; UTC where no zone is given.

    Raises:
        ValueError: The text is neither, or lies outside the range of :data:`ALL_TIME`.
    """
    if not _ISO_8601.fullmatch(text):
        raise ValueError(f"{text!r} is not a date (YYYY-MM-DD or ISO 8601 with time)")
    moment = datetime.fromisoformat(text)
    instant = instant_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if instant < ALL_TIME.start_ms:
        raise ValueError(f"{text!r} is before 1970")
    return instant


def instant_of(moment: datetime) -> int:
    """Return the instant of an aware ``datetime``, without fractions of a millisecond."""
    return (moment - _EPOCH) // _MILLISECOND


def as_datetime(instant_ms: int) -> datetime:
    """Return the instant as an aware ``datetime`` in UTC."""
    return _EPOCH + instant_ms * _MILLISECOND


def iso(instant_ms: int) -> str:
    """Return ``2026-01-31T10:30:00.000Z``; fast, because every row needs it."""
    minute, rest_ms = divmod(instant_ms, 60_000)
    return f"{_minute(minute)}{_SECONDS[rest_ms // 1000]}{_MILLISECONDS[rest_ms % 1000]}"


@lru_cache(maxsize=65_536)
def _minute(minute: int) -> str:
    return (_EPOCH + timedelta(minutes=minute)).isoformat()[:17]


def is_ulid(text: str) -> bool:
    """Tell whether the text is a well-formed ULID in upper case."""
    return _ULID.fullmatch(text) is not None


def ulid_salt(name: str) -> int:
    """Return the number that makes the random parts of one kind of ULID differ from another's."""
    return _hash(name, _RANDOM_BITS)


def make_ulid(instant_ms: int, salt: int, number: int) -> str:
    """Return the ULID of the number-th item of a kind; fast, because every row needs it."""
    random = (number * _ODD ^ salt) & _RANDOM_MASK
    middle, low = _PAIRS[instant_ms >> 10 & 1023], _PAIRS[instant_ms & 1023]
    return f"{_time(instant_ms >> 20)}{middle}{low}{random:016X}"


@lru_cache(maxsize=4096)
def _time(quarters: int) -> str:
    """Return the first characters, which stay the same for about 17 minutes."""
    return f"{_PAIRS[quarters >> 20]}{_PAIRS[quarters >> 10 & 1023]}{_PAIRS[quarters & 1023]}"


def ulid_instant(ulid: str) -> int:
    """Return the instant of a well-formed ULID."""
    return _number_of(ulid) >> _LOW_BITS


def seal_cursor(scope: str, instant_ms: int, number: int) -> str:
    """Return a cursor for a position, in the form of a ULID, that is valid in ``scope`` only."""
    value = instant_ms << _LOW_BITS | number << _SEAL_BITS | _check(scope, instant_ms, number)
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


def unseal_cursor(scope: str, cursor: str) -> tuple[int, int] | None:
    """Return the (instant, number) of a cursor, or None if it is not of ``scope``."""
    if not is_ulid(cursor):
        return None
    rest, check = divmod(_number_of(cursor), 1 << _SEAL_BITS)
    instant_ms, number = divmod(rest, 1 << _NUMBER_BITS)
    return (instant_ms, number) if check == _check(scope, instant_ms, number) else None


def _number_of(ulid: str) -> int:
    value = 0
    for character in ulid:
        value = value << 5 | _ALPHABET.index(character)
    return value


def _check(scope: str, instant_ms: int, number: int) -> int:
    return _hash(f"{scope}:{instant_ms}:{number}", _SEAL_BITS)


def _hash(text: str, bits: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=bits // 8).digest(), "big")


def prose(rng: Random, length: int) -> str:
    """Return ASCII text of exactly this length."""
    return " ".join(rng.choices(_PADDING_WORDS, k=length // 2 + 1)).capitalize()[:length]
