"""The judgement over a directory after a trouble: is it an undisturbed export's, to the row?"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reliability.places import Place

_READ: dict[str, Callable[[bytes], bytes]] = {
    "jsonl": bytes,
    "gz": gzip.decompress,
    "zst": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
}


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
    if "_manifest.json" not in names:
        return Verdict(len(expected), 0, ("there is no manifest",))
    listed = [file["name"] for file in _manifest(place)["files"]]
    found, wrong = listed_rows(place)
    wrong += [f"stray: {name}" for name in names if name not in (*listed, "_manifest.json")]
    wrong += [f"in the temporary directory: {name}" for name in Path(temporary).iterdir()]
    there, should = Counter(found), Counter(expected)
    lost, doubled = (should - there).total(), (there - should).total()
    if not lost and not doubled and found != expected:
        wrong.append("the rows are in another order")
    return Verdict(lost, doubled, tuple(wrong))


def listed_rows(place: Place) -> tuple[list[bytes], list[str]]:
    """Return the rows that the manifest lists, and where it does not say what lies there."""
    manifest, names = _manifest(place), place.names()
    found: list[bytes] = []
    wrong = []
    for file in manifest["files"]:
        if file["name"] not in names:
            wrong.append(f"missing: {file['name']}")
            continue
        rows = _rows(place, file["name"])
        found += rows
        wrong += _unlike(place.read(file["name"]), len(rows), file)
    if manifest["rows"] != len(found):
        wrong.append(f"the manifest says {manifest['rows']} rows, there are {len(found)}")
    return found, wrong


def _manifest(place: Place) -> Any:
    return json.loads(place.read("_manifest.json"))


def _rows(place: Place, name: str) -> list[bytes]:
    return _READ[name.rsplit(".", 1)[-1]](place.read(name)).splitlines()


def _unlike(content: bytes, rows: int, file: dict[str, Any]) -> list[str]:
    actual = {"rows": rows, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return [
        f"{file['name']}: its {field} is not the manifest's"
        for field, value in actual.items()
        if file[field] != value
    ]
