"""Detects rows that appear twice: proof that rows moved between pages while they were read."""

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
"""With half a million rows, two share a fingerprint once in a hundred million exports."""
_MAX_STORED_CHARS = 2 * 2**20
"""Keys of 200,000 rows: two hours of the largest pages that the quota allows."""
_MAX_IN_MEMORY = 100_000
"""Fingerprints: an hour's quota, about 7 MB. More of them go into a SQLite database."""
_CACHE_KIB = 2048
"""Of that database; the rest is a temporary file without a name that ends with the process."""


class RowsMoved(Exception):  # noqa: N818 - named for what happened
    """A row appeared twice: rows moved between pages, so others may be missing."""


class NewRows(NamedTuple):
    """What a page adds.

    Attributes:
        rows: its rows, without one that ended the previous page.
        repeated: how many rows that drops, 0 or 1.
        duplicates: how many rows of this page have the key of another row of this page.
        keys: fingerprints of the rows' keys, as the checkpoint stores them.
        last_row: the fingerprint of the last row.
    """

    rows: Sequence[bytes]
    repeated: int
    duplicates: int
    keys: bytes
    last_row: str | None


class RowKeys:
    """The fingerprints of all rows that were read, in bounded memory.

    Args:
        fields: the fields that identify a row; if none, all of it does.
        stored: what the checkpoint stores of earlier pages.
        inclusive: whether a page may begin with the last row of the previous one. A cursor may
            point at that row; with an offset, such a row has moved.
    """

    def __init__(self, fields: Sequence[str], stored: Iterable[str], *, inclusive: bool) -> None:
        self._fields = tuple(fields)
        self._inclusive = inclusive
        named = [(f"key_{number}", msgspec.Raw) for number in range(len(self._fields))]
        renamed = {f"key_{number}": name for number, name in enumerate(self._fields)}
        self._key = msgspec.json.Decoder(msgspec.defstruct("Key", named, rename=renamed))
        self._few: set[int] | None = set()
        self._seen = sqlite3.connect("", isolation_level=None)  # no file as long as it is empty
        for text in stored:
            self._add(_numbers(b64decode(text)))

    def add_page(self, rows: Sequence[bytes], last_row: str | None) -> NewRows:
        """Add the rows of a page; return those that are new.

        Args:
            rows: the page's.
            last_row: the fingerprint of the last row of the previous page.

        Raises:
            RowsMoved: a row has the key of a row of an earlier page, and is not the last row of the
                previous one.
        """
        if self._inclusive and rows and _fingerprint(rows[0]).hex() == last_row:
            new = self.add_page(rows[1:], None)
            return new._replace(repeated=1, last_row=new.last_row or last_row)
        texts = map(self._key_of, rows) if self._fields else rows
        # As _fingerprint, without a call for each row.
        keys = [sha256(text).digest()[:_KEY_BYTES] for text in texts]
        distinct = set(keys)
        if self._add(_numbers(b"".join(distinct))) < len(distinct):
            raise RowsMoved("a later page repeated a row")
        last_row = _fingerprint(rows[-1]).hex() if rows else last_row
        return NewRows(rows, 0, len(keys) - len(distinct), b"".join(keys), last_row)

    def close(self) -> None:
        """Free the memory and the temporary file."""
        self._seen.close()

    def _add(self, keys: Sequence[int]) -> int:
        """Add keys; return how many of them are new."""
        if self._few is None:
            return self._insert(keys)
        before = len(self._few)
        self._few.update(keys)
        new = len(self._few) - before
        if len(self._few) > _MAX_IN_MEMORY:
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
        """Return the text of a row's key, or the complete row if the key is absent or null."""
        try:
            values = list(map(bytes, msgspec.structs.astuple(self._key.decode(row))))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            values = self._values_by_member(row)
        return b"\n".join(values) if values and b"null" not in values else row

    def _values_by_member(self, row: bytes) -> list[bytes]:
        try:
            members = _json.members(row)
        except _json.NotJson:  # nested too deeply to be taken apart
            return []
        if not members.keys() >= set(self._fields):
            return []
        return [bytes(members[name]) for name in self._fields]


def append_keys(before: tuple[str, ...], keys: bytes) -> tuple[str, ...]:
    """Return what the checkpoint stores once the keys of one more part are added.

    It keeps the latest 200,000 rows, so an attempt that resumes compares only with those; within
    one attempt all rows are compared.
    """
    after = (*before, b64encode(keys).decode())
    while sum(map(len, after)) > _MAX_STORED_CHARS:
        after = after[1:]
        log.debug(
            "Dropping the keys of the oldest rows from the checkpoint: it has no room for them"
        )
    return after


def _fingerprint(text: bytes) -> bytes:
    return sha256(text).digest()[:_KEY_BYTES]


def _numbers(keys: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(keys) // _KEY_BYTES}q", keys)
