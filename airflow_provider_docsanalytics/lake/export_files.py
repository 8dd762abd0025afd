"""The files of exports as a file system for DuckDB: those that it is given, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.settle import LakeExport

PROTOCOL = "docsanalytics"


def url_of(export: LakeExport, name: str) -> str:
    """Return the URL of an export's file: a number and a name, which SQL cannot misread."""
    return f"{PROTOCOL}://{export.number}/{name}"


class ExportFiles(AbstractFileSystem):  # type: ignore[misc]
    """Read-only; a file is opened as :class:`LakeFiles` opens it, so links are not followed."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, files: LakeFiles, exports: Iterable[LakeExport]) -> None:
        super().__init__()
        self._files = files
        self._at = {
            f"{each.number}/{file.name}": (each.path, file.name, file.bytes)
            for each in exports
            for file in each.files
        }

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return name and size, as the manifest has it."""
        key = self._strip_protocol(path)
        if key not in self._at:
            raise FileNotFoundError(path)
        return {"name": key, "size": self._at[key][2], "type": "file"}

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the one file of that name."""
        return [self._strip_protocol(path)]

    def modified(self, _path: str) -> datetime:
        """Return one instant for all: published files do not change."""
        return datetime.fromtimestamp(0, UTC)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{path} is read only")
        directory, name, _size = self._at[path]
        return self._files.open(directory, name)
