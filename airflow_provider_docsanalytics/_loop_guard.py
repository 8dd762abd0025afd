"""The way through an export's pages: finds a service that leads round in circles."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARK_BYTES = 8


class LoopGuard:
    """Fingerprints of the pages that were read and the cursors that were followed: some bytes each.

    A cursor that comes back leads round for ever. So does a service that ignores the cursor or the
    offset: each answer is the same page, under a new cursor.

    Args:
        where: what is read, for the errors.
        fingerprints: those of an earlier attempt.
    """

    def __init__(self, where: str, fingerprints: Iterable[str] = ()) -> None:
        self._where = where
        self._fingerprints = dict.fromkeys(fingerprints)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """What another process needs to go on, in order."""
        return tuple(self._fingerprints)

    def start(self, cursor: str | None) -> None:
        """Begin at a cursor: not where any page may lead."""
        if cursor is not None:
            self._fingerprints[_fingerprint(cursor)] = None

    def has_seen(self, rows: Sequence[bytes]) -> bool:
        """Tell whether a page has been read before."""
        return bool(rows) and _page_fingerprint(rows) in self._fingerprints

    def check(self, rows: Sequence[bytes], cursor: str | None) -> None:
        """Note a page and where it leads.

        Raises:
            BadResponse: either has been before; nothing is noted.
        """
        fingerprints = {}
        if cursor is not None:
            fingerprints[_fingerprint(cursor)] = (
                "the service gave a cursor for the second time; following it would go round for "
                "ever"
            )
        if rows:
            fingerprints[_page_fingerprint(rows)] = (
                "the service gave the same page a second time, under a new cursor"
            )
        for fingerprint, what in fingerprints.items():
            if fingerprint in self._fingerprints:
                raise BadResponse(f"{self._where}: {what}.")
        self._fingerprints.update(dict.fromkeys(fingerprints))


def _page_fingerprint(rows: Sequence[bytes]) -> str:
    """Return what tells pages apart: how many rows, the first and the last.

    Rows differ, by their ID or their group; so pages that agree in this are the same.
    """
    digest = blake2b(b"%d rows\n" % len(rows), digest_size=_MARK_BYTES)
    digest.update(rows[0])
    digest.update(b"\n")
    digest.update(rows[-1])
    return digest.hexdigest()


def _fingerprint(text: str) -> str:
    # Cursors are not text of ours: whatever is in them, there is a mark for it.
    return blake2b(text.encode(errors="surrogatepass"), digest_size=_MARK_BYTES).hexdigest()
