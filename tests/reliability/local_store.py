"""A local directory in which every system call is a halting point."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from tests.reliability.seam import directory_of

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from tests.reliability.baton import Baton

_EVENTS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.scandir", "os.listdir"}


class LocalStore:
    """A directory of this machine: real files, and a halting point before every system call.

    Python tells of its system calls by audit events, for as long as the process lives; only
    ``os.stat`` has none and is wrapped.

    Args:
        lake: where directories can be made.
    """

    deletes = True
    baton: Baton

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._number = 0
        self._noting = False
        self.clear()
        sys.addaudithook(self._audit)
        self._stat, os.stat = os.stat, self._halting_stat  # type: ignore[assignment]

    def clear(self) -> None:
        """Turn to a directory that does not exist yet."""
        self._number += 1
        self.root = self._lake / str(self._number)

    def directory(self) -> ExportDirectory:
        """Return the directory for one attempt."""
        return directory_of(LocalFileSystem(), str(self.root))

    def files(self) -> dict[str, bytes]:
        """Return all that lies there."""
        if not os.path.lexists(self.root):
            return {}
        return {path.name: path.read_bytes() for path in self.root.iterdir()}

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS and not self._noting and self._is_here(arguments[0]):
            path = Path(arguments[0])
            self.baton.halt(f"{event} {path.name}")
            self._note(event, path, arguments)

    def _note(self, event: str, path: Path, arguments: tuple[Any, ...]) -> None:
        """Note a change that is about to be made."""
        self._noting = True
        if event in ("os.rename", "os.link") and os.path.lexists(path):
            self.baton.changed(Path(arguments[1]).name, path.read_bytes())
        elif event == "os.remove" and os.path.lexists(path):
            self.baton.changed(path.name, None)
        self._noting = False

    def _halting_stat(self, path: Any, **options: Any) -> os.stat_result:
        if not self._noting and self._is_here(path):
            self.baton.halt(f"stat {Path(path).name}")
        return self._stat(path, **options)

    def _is_here(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(str(self.root))
