"""Detects pagination loops: pages and cursors that come a second time."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DIGEST_BYTES = 8


class LoopGuard:
    """Remembers a fingerprint of each page that was read and of each cursor that was followed.

    A repeated cursor leads into an infinite loop. So does a service that ignores the cursor or the
    offset: it returns the same page each time, with a new cursor.

    Args:
        where: what is read, for the errors.
        fingerprints: those of an earlier attempt.
    """

    def __init__(self, where: str, fingerprints: Iterable[str] = ()) -> None:
        self._where = where
        self._fingerprints = dict.fromkeys(fingerprints)

    def start(self, cursor: str | None) -> None:
        """Begin at a cursor, which no page may name as the next one."""
        if cursor is not None:
            self._fingerprints[_digest(cursor)] = None

    def has_seen(self, page: str) -> bool:
        """Return whether a page was read before; ``page`` is its :func:`page_fingerprint`."""
        return page in self._fingerprints

    def check(self, page: str, next_cursor: str | None) -> tuple[str, ...]:
        """Remember a page, by its :func:`page_fingerprint`, and the cursor that it names.

        Return the new fingerprints. Another process needs those of all pages to resume.

        Raises:
            BadResponse: either was there before; nothing is remembered.
        """
        fingerprints = {}
        if next_cursor is not None:
            fingerprints[_digest(next_cursor)] = (
                "the service returned a cursor for the second time, which leads into an infinite "
                "loop"
            )
        if page:
            fingerprints[page] = (
                "the service returned the same page a second time, with a new cursor"
            )
        for fingerprint, reason in fingerprints.items():
            if fingerprint in self._fingerprints:
                raise BadResponse(f"{self._where}: {reason}.")
        self._fingerprints.update(dict.fromkeys(fingerprints))
        return tuple(fingerprints)


def page_fingerprint(rows: Sequence[bytes]) -> str:
    """Return what tells pages apart: the number of rows, the first and the last; ``""`` for none.

    Rows differ, by their ID or their group, so pages that agree in this are the same page.
    """
    if not rows:
        return ""
    digest = blake2b(b"%d rows\n" % len(rows), digest_size=_DIGEST_BYTES)
    digest.update(rows[0])
    digest.update(b"\n")
    digest.update(rows[-1])
    return digest.hexdigest()


def _digest(cursor: str) -> str:
    # The service chooses its cursors: they may hold anything, lone surrogates too.
    return blake2b(cursor.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
