"""Exports of an object store, read before their turn: requests wait for each other otherwise."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from airflow_provider_docsanalytics.export.documents import MANIFEST
from airflow_provider_docsanalytics.lake.catalog import READERS, read_directory
from airflow_provider_docsanalytics.lake.files import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles

_AHEAD_BYTES = 2 * 2**20
"""Of one export; what is larger is read in its turn. So all that is read ahead is 32 MiB."""


@dataclass(frozen=True, slots=True)
class ReadExport:
    """An export whose manifest, and perhaps files, were read.

    Attributes:
        manifest: ``None`` if it was deleted since it was listed, or cannot be read.
        contents: of the files that were read ahead, by name.
    """

    manifest: Manifest | None
    contents: dict[str, bytes] = field(default_factory=dict)

    def open(self, files: LakeFiles, export: Export, name: str) -> IO[bytes]:
        """Open a file of it; what was read ahead is then no longer kept."""
        content = self.contents.pop(name, None)
        return files.open(export.path, name) if content is None else io.BytesIO(content)


def read_export(files: LakeFiles, export: Export) -> ReadExport:
    """Read the manifest of an export, as it is now."""
    return ReadExport(read_directory(files, Listing(export.path, {MANIFEST: 0})).manifest)


def read_ahead(files: LakeFiles, exports: Iterable[Export]) -> Iterator[ReadExport]:
    """Yield the exports in their order; on an object store some are read at the same time."""
    if files.local:
        yield from (read_export(files, export) for export in exports)
        return
    waiting: deque[Future[ReadExport]] = deque()
    with ThreadPoolExecutor(READERS) as readers:
        for export in exports:
            waiting.append(readers.submit(_with_contents, files, export))
            if len(waiting) == READERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _with_contents(files: LakeFiles, export: Export) -> ReadExport:
    read = read_export(files, export)
    left = _AHEAD_BYTES
    for file in read.manifest.files if read.manifest else ():
        if 0 < file.bytes <= left:
            left -= file.bytes
            try:
                content = files.read_part(export.path, file.name, file.bytes)
            except Exception:  # noqa: BLE001, S112 - it is opened in its turn, and says so again
                continue
            read.contents[file.name] = content
    return read
