"""ULIDs: 48 bits of time and 80 other bits, as 26 characters of Crockford's base 32."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_ULID = re.compile(f"[0-7][{_ALPHABET}]{{25}}")
_LOW_BITS = 80
_RANDOM_BITS = 64  # written as 16 hexadecimal digits, all of which are in the alphabet
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_ODD = 0x9E3779B97F4A7C15  # odd, so that no two numbers give the same random part
_SEAL_BITS = 48
_NUMBER_BITS = _LOW_BITS - _SEAL_BITS


def is_ulid(text: str) -> bool:
    """Tell whether the text is a well-formed ULID in upper case."""
    return _ULID.fullmatch(text) is not None


def salt(name: str) -> int:
    """Return what makes the random parts of one kind of ULID differ from those of another."""
    return _hash(name, _RANDOM_BITS)


def make(instant_ms: int, salt: int, number: int) -> str:
    """Return the ULID of the number-th thing of a kind; quick, as every row needs it."""
    random = (number * _ODD ^ salt) & _RANDOM_MASK
    middle, low = _PAIRS[instant_ms >> 10 & 1023], _PAIRS[instant_ms & 1023]
    return f"{_time(instant_ms >> 20)}{middle}{low}{random:016X}"


@lru_cache(maxsize=4096)
def _time(quarters: int) -> str:
    """Return the first characters, which last for some 17 minutes."""
    return f"{_PAIRS[quarters >> 20]}{_PAIRS[quarters >> 10 & 1023]}{_PAIRS[quarters & 1023]}"


def instant(ulid: str) -> int:
    """Return the instant of a well-formed ULID."""
    return _value(ulid) >> _LOW_BITS


def seal(scope: str, instant_ms: int, number: int) -> str:
    """Return a cursor for a position, in the form of a ULID, that only ``scope`` can open."""
    value = instant_ms << _LOW_BITS | number << _SEAL_BITS | _check(scope, instant_ms, number)
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


def unseal(scope: str, cursor: str) -> tuple[int, int] | None:
    """Return the (instant, number) of a cursor, or None if it was not sealed for ``scope``."""
    if not is_ulid(cursor):
        return None
    rest, check = divmod(_value(cursor), 1 << _SEAL_BITS)
    instant_ms, number = divmod(rest, 1 << _NUMBER_BITS)
    return (instant_ms, number) if check == _check(scope, instant_ms, number) else None


def _value(ulid: str) -> int:
    value = 0
    for character in ulid:
        value = value << 5 | _ALPHABET.index(character)
    return value


def _check(scope: str, instant_ms: int, number: int) -> int:
    return _hash(f"{scope}:{instant_ms}:{number}", _SEAL_BITS)


def _hash(text: str, bits: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=bits // 8).digest(), "big")
