"""Lakes of every endpoint, damaged in every way: what an audit finds, and what it only thinks."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.lake.audit import Scope, audit
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.operators._plan import OutputOptions
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.reliability.sabotages import TABLE, Sabotage
from tests.reliability.summary import Case
from tests.reliability.targets import S3, S3Target
from tests.reliability.vandal import Vandal
from tests.support.lake import DAY, ENDPOINTS, LakeWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_docsanalytics.api.endpoint import Platform
    from airflow_provider_docsanalytics.lake.finding import Report

_QUICK_DAYS, _S3_DAYS, _DAYS = 42, 56, 400
_TURNS_A_DAY = 20
_START = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday, and so long ago that all days are past: Vyom has no tokens of the future."""
_FEW = [
    *((MINTLIFY, name) for name in MINTLIFY.endpoints if name != "threads"),
    *((VYOM, name) for name in ("calls_by_service", "calls_by_time", "dashboard")),
]
_MEMORY_DISK = Path("/dev/shm")


@dataclass(frozen=True)
class Lake:
    """A lake that was written by real exports, without a fault."""

    name: str
    vandal: Vandal
    files: LakeFiles
    file_format: str

    def audit(self, *, deep: bool) -> Report:
        """Return what an audit finds, on the day after the last."""
        until = self.vandal.date(self.vandal.days)
        return audit(self.files, Scope(until=until, deep=deep))

    def clean(self) -> Case:
        """Audit it as it is."""
        report = self.audit(deep=True)
        broken = [f"{each.code}: {each.where}: {each.what}" for each in report.findings]
        saw = f"{report.exports:,} exports, {report.rows:,} rows: nothing found"
        return Case(f"audit of a lake ({self.name})", 1, saw, tuple(broken))

    def sabotaged(self, sabotage: Sabotage) -> Case:
        """Damage it, audit it, make it whole again."""
        with self.vandal.undoing():
            sabotage.does(self.vandal)
            report = self.audit(deep=sabotage.deep)
            touched = set(self.vandal.touched)
        found = {each.code for each in report.findings}
        broken = [
            f"{each.code} at {each.where}: {each.what}"
            for each in report.findings
            if each.code not in sabotage.found or not _is_at(each.where, each.what, touched)
        ]
        broken += [f"not found: {code}" for code in sorted(sabotage.found - found)]
        saw = ", ".join(sorted(found)) or "nothing found"
        return Case(f"audit: {sabotage.name} ({self.name})", 1, saw, tuple(broken))


def _is_at(where: str, what: str, touched: set[str]) -> bool:
    """Return whether a finding is about a directory that was damaged.

    A gap is at the directory above, an overlap names one of two, and of two endpoints that should
    count the same nobody knows which one is wrong.
    """
    return any(
        directory in f"{where} {what}"
        or where.endswith((directory.rpartition("/")[0], directory.rpartition("/")[2]))
        for directory in touched
    )


@contextmanager
def local_lake(
    file_format: str, days: int, endpoints: Sequence[tuple[Platform, str]]
) -> Iterator[Lake]:
    """Give a lake on this machine: in memory where possible, because exports sync their files."""
    in_memory = _MEMORY_DISK if _MEMORY_DISK.is_dir() else None
    root = tempfile.mkdtemp(prefix="lake-", dir=in_memory)
    try:
        with _lake((fsspec.filesystem("file"), root), file_format, days, endpoints) as lake:
            yield lake
    finally:
        shutil.rmtree(root)


@contextmanager
def _lake(
    place: tuple[object, str],
    file_format: str,
    days: int,
    endpoints: Sequence[tuple[Platform, str]],
) -> Iterator[Lake]:
    filesystem, root = place
    end = _START + (days + 7) * DAY
    config = Config(
        rows=_TURNS_A_DAY * (days + 7), pages=60, start=f"{_START:%Y-%m-%d}", end=f"{end:%Y-%m-%d}"
    )
    options = OutputOptions(file_format, None, False, 10, "error")  # type: ignore[arg-type]
    with Simulator(config) as service:
        writer = LakeWriter(service, filesystem, root, options, _START)
        writer.days(days, endpoints)
        where = "local" if root.startswith("/") else "S3"
        name = f"{where}, {file_format}, {days} days"
        yield Lake(name, Vandal(writer, days), LakeFiles(filesystem, root, "lake"), file_format)


def quick() -> Iterator[Case]:
    """Yield the cases of small lakes."""
    with local_lake("jsonl", _QUICK_DAYS, _FEW) as lake:
        yield from _cases(lake)


def cases() -> Iterator[Case]:
    """Yield all cases."""
    for file_format in ("jsonl", "parquet"):
        with local_lake(file_format, _DAYS, ENDPOINTS) as lake:
            yield from _cases(lake)
    with S3() as s3:
        for file_format in ("jsonl", "parquet"):
            target = S3Target(s3, file_format)
            place = target.filesystem(), target.root
            with _lake(place, file_format, _S3_DAYS, _FEW) as lake:
                yield from _cases(lake)


def _cases(lake: Lake) -> Iterator[Case]:
    yield lake.clean()
    for sabotage in TABLE:
        if lake.file_format in sabotage.formats:
            yield lake.sabotaged(sabotage)
