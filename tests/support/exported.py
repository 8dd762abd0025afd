"""An export read back from where it lies, past the code under test, and proved by its manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

MANIFEST = "_manifest.json"


class Directory(Protocol):
    """A local path, or one of an object store."""

    def __truediv__(self, name: str, /) -> Any: ...


@dataclass(frozen=True)
class Exported:
    """One export.

    Attributes:
        manifest: as it lies there.
        parts: the bytes of each file that it lists, in its order.
        wrong: where the files are not what the manifest says of them, one sentence each.
    """

    manifest: dict[str, Any]
    parts: tuple[bytes, ...]
    wrong: tuple[str, ...]

    @classmethod
    def read(cls, read: Callable[[str], bytes]) -> Self:
        """Return the export of a directory whose files ``read`` gives by name."""
        manifest: dict[str, Any] = json.loads(read(MANIFEST))
        parts = tuple(read(file["name"]) for file in manifest["files"])
        wrong = [
            each
            for part, file in zip(parts, manifest["files"], strict=True)
            for each in differences(part, file)
        ]
        rows = sum(file["rows"] for file in manifest["files"])
        if rows != manifest["rows"]:
            wrong.append(f"the manifest says {manifest['rows']} rows, and its files {rows}")
        return cls(manifest, parts, tuple(wrong))

    @property
    def names(self) -> set[str]:
        """The names of all files that belong to it."""
        return {MANIFEST, *(file["name"] for file in self.manifest["files"])}

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts put together."""
        return hashlib.sha256(b"".join(self.parts)).hexdigest()

    @property
    def lines(self) -> list[bytes]:
        """The rows of JSON lines, as they lie there."""
        return [line for part in self.parts for line in unpacked(part).split(b"\n")[:-1]]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of JSON lines."""
        return [json.loads(line) for line in self.lines]


def read_export(directory: Directory) -> Exported:
    """Return the export of a directory, which is what its manifest says."""
    found = Exported.read(lambda name: (directory / name).read_bytes())
    assert not found.wrong
    return found


def unpacked(part: bytes) -> bytes:
    """Return a part's content without its compression, if it has one."""
    if part.startswith(b"\x1f\x8b"):
        return gzip.decompress(part)
    if part.startswith(zstandard.FRAME_HEADER):
        return zstandard.ZstdDecompressor().decompressobj().decompress(part)
    return part


def differences(part: bytes, file: Mapping[str, Any]) -> list[str]:
    """Return in what a part is not what the manifest says; rows are counted in JSON lines only."""
    actual: dict[str, Any] = {"bytes": len(part), "sha256": hashlib.sha256(part).hexdigest()}
    if ".jsonl" in file["name"]:
        actual["rows"] = unpacked(part).count(b"\n")
    return [
        f"{file['name']}: its {field} is {value}, and the manifest says {file[field]}"
        for field, value in actual.items()
        if file[field] != value
    ]
