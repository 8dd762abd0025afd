"""Tells rows apart across pages: a row that comes twice proves that the paging slipped."""

from __future__ import annotations

import logging
import sqlite3
import struct
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from airflow_provider_docsanalytics import _json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

log = logging.getLogger(__name__)

_KEY_BYTES = 8
"""Half a million rows have two of one fingerprint once in a hundred million exports."""
_MOST_STORED_CHARS = 2 * 2**20
"""Of the keys of 200,000 rows: two hours of the largest pages that a quota gives."""
_MOST_IN_MEMORY = 100_000
"""Fingerprints: an hour's quota, some 7 MB. With more, they lie in a database of SQLite's."""
_CACHE_KIB = 2048
"""Of that; the rest is a temporary file, which has no name and ends with the process."""


class RowsMoved(Exception):  # noqa: N818 - named for what happened
    """A row came twice: rows moved between pages, so others may not have come at all."""


class Taken(NamedTuple):
    """What a page adds.

    Attributes:
        rows: its rows, without one that ended the page before.
        repeated: how many rows that leaves out, 0 or 1.
        twice: how many rows of this page have the key of another row of this page.
        keys: fingerprints of the rows' keys, as the checkpoint keeps them.
        last_row: the fingerprint of the last row.
    """

    rows: Sequence[bytes]
    repeated: int
    twice: int
    keys: bytes
    last_row: str | None


class RowKeys:
    """The fingerprints of all rows that were read: some bytes a row, few of them in memory.

    Args:
        fields: the fields that tell rows apart; none: the whole row does.
        inclusive: whether a page may begin with the row that ended the one before. A cursor may
            point at it; an offset counts rows, so there it is a row that has moved.
        kept: what the checkpoint keeps of the pages before.
    """

    def __init__(
        self, fields: Sequence[str], kept: Iterable[str] = (), *, inclusive: bool = True
    ) -> None:
        self._fields = tuple(fields)
        self._inclusive = inclusive
        named = [(f"key_{number}", msgspec.Raw) for number in range(len(self._fields))]
        renamed = {f"key_{number}": name for number, name in enumerate(self._fields)}
        self._key = msgspec.json.Decoder(msgspec.defstruct("Key", named, rename=renamed))
        self._few: set[int] | None = set()
        self._seen = sqlite3.connect("", isolation_level=None)  # no file as long as it is empty
        for text in kept:
            self._add(_numbers(b64decode(text)))

    def take(self, rows: Sequence[bytes], last_row: str | None) -> Taken:
        """Note the rows of a page.

        Args:
            rows: the page's.
            last_row: the fingerprint of the last row of the page before.

        Raises:
            RowsMoved: a row has the key of a row of an earlier page, and is not just the row that
                ended the page before.
        """
        if self._inclusive and rows and _fingerprint(rows[0]).hex() == last_row:
            taken = self.take(rows[1:], None)
            return taken._replace(repeated=1, last_row=taken.last_row or last_row)
        keys = [_fingerprint(self._key_of(row)) for row in rows]
        distinct = set(keys)
        if self._add(_numbers(b"".join(distinct))) < len(distinct):
            raise RowsMoved("a row came again on a later page")
        last_row = _fingerprint(rows[-1]).hex() if rows else last_row
        return Taken(rows, 0, len(keys) - len(distinct), b"".join(keys), last_row)

    def close(self) -> None:
        """Forget them all."""
        self._seen.close()

    def _add(self, keys: Sequence[int]) -> int:
        """Add keys; return how many of them are new."""
        if self._few is None:
            return self._insert(keys)
        before = len(self._few)
        self._few.update(keys)
        new = len(self._few) - before
        if len(self._few) > _MOST_IN_MEMORY:
            self._seen.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._seen.execute("PRAGMA journal_mode = OFF")
            self._seen.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY)")
            self._insert(sorted(self._few))
            self._few = None
        return new

    def _insert(self, keys: Sequence[int]) -> int:
        before = self._seen.total_changes
        self._seen.executemany("INSERT OR IGNORE INTO seen VALUES (?)", zip(keys))
        return self._seen.total_changes - before

    def _key_of(self, row: bytes) -> bytes:
        """Return the text of a row's key, or all of the row where that is absent or null."""
        if not self._fields:
            return row
        try:
            values = list(map(bytes, msgspec.structs.astuple(self._key.decode(row))))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            values = self._values_of_odd(row)
        return b"\n".join(values) if values and b"null" not in values else row

    def _values_of_odd(self, row: bytes) -> list[bytes]:
        try:
            members = _json.members(row)
        except _json.NotJson:  # nested too deeply to be taken apart
            return []
        if not members.keys() >= set(self._fields):
            return []
        return [bytes(members[name]) for name in self._fields]


def stored(before: tuple[str, ...], keys: bytes) -> tuple[str, ...]:
    """Return what the checkpoint keeps once the keys of one more part are added.

    It forgets the oldest beyond 200,000 rows, so that an attempt that resumes compares with the
    latest alone; within one attempt all rows are compared.
    """
    after = (*before, b64encode(keys).decode())
    while sum(map(len, after)) > _MOST_STORED_CHARS:
        after = after[1:]
        log.debug("Forgetting the keys of the first rows: the checkpoint has no room for them")
    return after


def _fingerprint(text: bytes) -> bytes:
    return sha256(text).digest()[:_KEY_BYTES]


def _numbers(keys: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(keys) // _KEY_BYTES}q", keys)
