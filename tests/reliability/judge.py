"""The judgement over a directory after a trouble: is it an undisturbed export's, to the row?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.exported import MANIFEST, Exported

if TYPE_CHECKING:
    from tests.reliability.places import Place


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rows lost and doubled, and what else is wrong, in words."""

    lost: int
    doubled: int
    wrong: tuple[str, ...]


def judge(place: Place, expected: list[bytes], temporary: str) -> Verdict:
    """Compare a directory with what it should hold.

    Args:
        place: the directory.
        expected: the rows, in order.
        temporary: a directory that only this export's process has used for temporary files.
    """
    names = place.names()
    if MANIFEST not in names:
        return Verdict(len(expected), 0, ("there is no manifest",))
    export = _read(place, names)
    found, wrong = export.lines, list(export.wrong)
    wrong += [f"stray: {name}" for name in names if name not in export.names]
    wrong += [f"in the temporary directory: {name}" for name in Path(temporary).iterdir()]
    there, should = Counter(found), Counter(expected)
    lost, doubled = (should - there).total(), (there - should).total()
    if not lost and not doubled and found != expected:
        wrong.append("the rows are in another order")
    return Verdict(lost, doubled, tuple(wrong))


def listed_rows(place: Place) -> tuple[list[bytes], list[str]]:
    """Return the rows that the manifest lists, and where it does not say what lies there."""
    export = _read(place, place.names())
    return export.lines, list(export.wrong)


def _read(place: Place, names: list[str]) -> Exported:
    """Return the export; a file that is gone is one without content."""
    return Exported.read(lambda name: place.read(name) if name in names else b"")
