"""How schedules reach what they test: a directory for each attempt, on a store that halts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.storage import Storage

if TYPE_CHECKING:
    from tests.reliability.baton import Baton


class Store(Protocol):
    """One directory, reached by attempts through what is tested, and by the checks past it."""

    baton: Baton
    deletes: bool
    """Whether anything may be deleted there."""

    def directory(self) -> ExportDirectory:
        """Return the directory for one attempt."""

    def files(self) -> dict[str, bytes]:
        """Return all that lies there."""

    def clear(self) -> None:
        """Begin with an empty directory."""


def directory_of(filesystem: Any, root: str, objects: Any = None) -> ExportDirectory:
    """Return an attempt's directory on a file system: the seam to what is tested.

    Args:
        filesystem: as fsspec has them.
        root: the directory.
        objects: the model of what reads and writes on condition; ``None``: the real one.
    """
    directory = ExportDirectory(filesystem, root, root)
    storage = Storage(filesystem, root, root, sleep=time.sleep)  # as the schedule has it now
    storage._objects = objects or storage._objects
    for waits in (storage._objects, getattr(storage._objects, "_lock", None)):
        if hasattr(waits, "_clock"):
            waits._clock = time.monotonic
    directory._storage = storage
    directory.make, directory.open_spool = storage.make, storage.open_spool
    return directory
