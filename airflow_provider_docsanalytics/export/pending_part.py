"""Pages that were read and are not yet published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from airflow_provider_docsanalytics.export.drift import Drift, DriftFinding
from airflow_provider_docsanalytics.export.readable import Readable
from airflow_provider_docsanalytics.export.row_keys import stored
from airflow_provider_docsanalytics.export.store import File

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.export.drift import RowSchema
    from airflow_provider_docsanalytics.export.part import Part
    from airflow_provider_docsanalytics.export.plan import PageLike
    from airflow_provider_docsanalytics.export.row_keys import Taken
    from airflow_provider_docsanalytics.export.store import Progress


class PendingPart:
    """The pages of the next part.

    Attributes:
        part: their rows; ``None`` as long as there is none.
        file: how the part is listed, once it is sealed.
        published: whether the part is in place.
        after: the progress once the part is in place and listed.
    """

    def __init__(self, before: Progress, new_part: Callable[[], Part], contract: RowSchema) -> None:
        self._new_part = new_part
        self._contract = contract
        self.part: Part | None = None
        self.file: File | None = None
        self.published = False
        self.after = before
        self._keys = b""

    def begin(self) -> Part:
        """Return the part, which is made if there is none: it may stay without rows."""
        self.part = self.part or self._new_part()
        return self.part

    def add(self, page: PageLike, taken: Taken, fingerprints: tuple[str, ...]) -> None:
        """Add one page, the rows that are taken of it, and the loop guard's fingerprints."""
        written = self.begin().write(taken.rows) if taken.rows else Readable(())
        self._keys += taken.keys
        before = self.after
        twice = [DriftFinding("values", "two rows of a page have one key")] if taken.twice else []
        self.after = structs.replace(
            before,
            rows=before.rows + len(taken.rows),
            pages=before.pages + 1,
            totals=dict(page.totals) or before.totals,
            missing=before.missing + page.missing,
            repaired=before.repaired + written.repaired,
            drift=(
                before.drift
                | written.drift
                | self._contract.check(taken.rows)
                | _beside_rows(page)
                | Drift.of(twice)
            ),
            cursor=page.next_cursor,
            complete=page.next_cursor is None,
            fingerprints=fingerprints,
            last_row=taken.last_row,
            repeated=before.repeated + taken.repeated,
            # Not every source knows of such.
            page_size=getattr(page, "page_size", None) or before.page_size,
        )

    def seal(self) -> None:
        """End the part's file, if there is one; no page can be added any more."""
        if self.part is None or self.file is not None:
            return
        size, sha256 = self.part.finish()
        self.file = File(self.part.name, self.part.rows, size, sha256)
        before = self.after
        self.after = structs.replace(
            before, files=(*before.files, self.file), keys=stored(before.keys, self._keys)
        )

    def close(self) -> None:
        """Remove the spool."""
        if self.part is not None:
            self.part.close()


def _beside_rows(page: PageLike) -> Drift:
    """Return what is new in the answer, outside its rows; not every source knows of such."""
    names = getattr(page, "unknown", ())
    return Drift.of(DriftFinding("new", f"(response) {name}") for name in names)
