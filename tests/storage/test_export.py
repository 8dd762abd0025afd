"""Whole exports on stores that only list and write: nothing of the storage's own stays behind."""

from __future__ import annotations

import errno
import fcntl
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from tests.storage.places import Listed, Place, memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAN = Plan(Identity("mintlify", "views", "p", None, None, {}, "jsonl", None), {}, 1)


class Page:
    totals: dict[str, Any] = {}  # noqa: RUF012 - never written to
    missing = ()

    def __init__(self, number: int) -> None:
        self.rows = (b'{"n":%d}' % number,)
        self.next_cursor = str(number + 1) if number < 3 else None


def _pages(cursor: str | None) -> Iterator[Page]:
    for number in range(int(cursor or 0), 4):
        yield Page(number)


@pytest.mark.parametrize("store", ["local", "local without locks", "listed", "memory"])
def test_an_export_and_its_repetition_leave_the_manifest_and_its_files(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if store == "local without locks":
        monkeypatch.setattr(fcntl, "flock", no_locks)
    make = {"listed": Listed, "memory": memory}.get(store, LocalFileSystem)
    root = f"/{uuid.uuid4()}" if store == "memory" else str(tmp_path / "out")
    place = Place(make, root)
    for _ in range(2):
        directory = ExportDirectory(make(), root, f"uri:{root}")
        manifest = export(PLAN, directory, Source("https://service", _pages, lambda: 4))
        assert manifest.rows == 4
        assert place.names() == ["_manifest.json", *(file.name for file in manifest.files)]
