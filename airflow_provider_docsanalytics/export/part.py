"""The next file of rows, spooled on the worker until it is complete."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from msgspec import structs

from airflow_provider_docsanalytics.export.documents import File
from airflow_provider_docsanalytics.export.drift import Drift, DriftFinding
from airflow_provider_docsanalytics.export.readable import Readable, one_line, readable
from airflow_provider_docsanalytics.export.row_keys import append_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_docsanalytics.export.documents import Progress
    from airflow_provider_docsanalytics.export.drift import RowSchema
    from airflow_provider_docsanalytics.export.formats import OutputFormat
    from airflow_provider_docsanalytics.export.plan import PageLike
    from airflow_provider_docsanalytics.export.row_keys import NewRows

RESPONSE_FIELD = "(response) "
"""Before the name of a new field that is outside of the rows."""
_CHUNK_ROWS = 1000
"""Rows that are encoded together, to bound memory: as cells, a row takes a kilobyte or more."""


class PendingPart:
    """The pages that were read and are not yet published.

    Args:
        before: the progress that the pages continue.
        new_part: opens a part.
        row_schema: checks the rows for drift.

    Attributes:
        part: the rows; ``None`` until there is one.
        file: how the part is listed, once it is sealed.
        published: whether the part is in place.
        after: the progress once the part is published and listed.
    """

    def __init__(
        self, before: Progress, new_part: Callable[[], Part], row_schema: RowSchema
    ) -> None:
        self._new_part = new_part
        self._row_schema = row_schema
        self.part: Part | None = None
        self.file: File | None = None
        self.published = False
        self.after = before
        self._keys = b""
        self._fingerprints: list[str] = []

    def open(self) -> Part:
        """Return the part; open it first if there is none. It may remain empty."""
        self.part = self.part or self._new_part()
        return self.part

    def add(self, page: PageLike, new: NewRows, fingerprints: tuple[str, ...]) -> None:
        """Add the new rows of a page, and its fingerprints for the loop guard."""
        # Not every source knows it.
        plain = getattr(page, "plain", False)
        written = self.open().write(new.rows, plain=plain) if new.rows else Written(0, Drift(), ())
        self._keys += new.keys
        self._fingerprints += fingerprints
        before = self.after
        self.after = structs.replace(
            before,
            rows=before.rows + len(new.rows),
            pages=before.pages + 1,
            totals=dict(page.totals) or before.totals,
            missing=before.missing + page.missing,
            repaired=before.repaired + written.repaired,
            drift=(
                before.drift
                | written.drift
                | self._row_schema.check(written.unsure)
                | _drift_of_page(page, new)
            ),
            cursor=page.next_cursor,
            complete=page.next_cursor is None,
            last_row=new.last_row,
            repeated=before.repeated + new.repeated,
            # Not every source has this attribute.
            page_size=getattr(page, "page_size", None) or before.page_size,
        )

    def seal(self) -> None:
        """Finish the part's file, if there is one; no page can be added afterwards."""
        before = self.after
        if self._fingerprints:
            fingerprints = (*before.fingerprints, *self._fingerprints)
            self.after = structs.replace(before, fingerprints=fingerprints)
            self._fingerprints = []
        if self.part is None or self.file is not None:
            return
        size, sha256 = self.part.finish()
        self.file = File(self.part.name, self.part.rows, size, sha256)
        self.after = structs.replace(
            self.after,
            files=(*before.files, self.file),
            keys=append_keys(before.keys, self._keys),
        )

    def close(self) -> None:
        """Remove the spool."""
        if self.part is not None:
            self.part.close()


def _drift_of_page(page: PageLike, new: NewRows) -> Drift:
    """Return drift outside the single rows; not every source reports unknown fields."""
    names = getattr(page, "unknown", ())
    findings = [DriftFinding("new", f"{RESPONSE_FIELD}{name}") for name in names]
    if new.duplicates:
        findings.append(DriftFinding("values", "two rows of a page have one key"))
    return Drift.of(findings)


class Written(NamedTuple):
    """What :meth:`Part.write` found.

    Attributes:
        repaired: how many rows were rewritten so that every reader can parse them.
        drift: the names and values that this changed.
        unsure: the rows, as they came, that may differ from the endpoint table.
    """

    repaired: int
    drift: Drift
    unsure: Sequence[bytes]


class Part:
    """Rows that are written into one file, in a spool that :meth:`close` removes.

    Attributes:
        name: the name of the published file.
        spool: the file until then.
        rows: the number of rows written.
    """

    def __init__(self, name: str, spool: IO[bytes], output_format: OutputFormat) -> None:
        self.name = name
        self.spool = spool
        self.rows = 0
        self._digest = _Digest(spool)
        sink = cast("IO[bytes]", self._digest)
        self._compressed = output_format.compressed(sink)
        self._encoder = output_format.encoder(self._compressed or sink)
        self._reserved_names = output_format.reserved_names
        self._raw = output_format.raw

    def write(self, rows: Sequence[bytes], *, plain: bool = False) -> Written:
        """Append rows; ``plain``: every reader can parse them as they are."""
        if self._raw:
            written = Readable(list(map(one_line, rows)))
        elif plain:
            written = Readable(rows)
        else:
            written = readable(rows, self._reserved_names)
        unsure: list[bytes] = []
        for start in range(0, len(rows), _CHUNK_ROWS):
            odd = self._encoder.write(written.rows[start : start + _CHUNK_ROWS])
            unsure += [rows[start + at] for at in odd]
        self.rows += len(rows)
        return Written(written.repaired, written.drift, unsure)

    def finish(self) -> tuple[int, str]:
        """Finish the file, which stays open; return its size in bytes and its SHA-256 in hex."""
        self._encoder.close()
        if self._compressed is not None:
            self._compressed.close()
        self.spool.flush()
        return self._digest.size, self._digest.sha256.hexdigest()

    def close(self) -> None:
        """Remove the spool, unless a rename has published it."""
        # On a full or read-only disk both can fail. Buffered bytes are not needed, and the next
        # commit in the directory deletes a spool that remains.
        with suppress(OSError):
            self.spool.close()
        with suppress(OSError):
            if isinstance(self.spool.name, str):  # otherwise it never had a name
                Path(self.spool.name).unlink()


class _Digest:
    """A file that counts and hashes what is written to it.

    Writes to a closed file are ignored, because an encoder that is discarded early may try.
    """

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        if self._file.closed:
            return len(data)
        self.size += len(data)
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()
