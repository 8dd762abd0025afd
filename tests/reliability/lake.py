"""Lakes of every endpoint, damaged in every way: what an audit finds, and what it only thinks."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.lake.audit import Scope, audit
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.operators._plan import OutputOptions
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.reliability.children import in_lanes
from tests.reliability.lake_on_s3 import CachedLakeFiles, ListedTarget
from tests.reliability.sabotages import TABLE, TOGETHER, Sabotage
from tests.reliability.summary import Case
from tests.reliability.targets import S3
from tests.reliability.vandal import Vandal
from tests.support.lake import DAY, ENDPOINTS, LakeWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_docsanalytics.api.endpoint import Platform
    from airflow_provider_docsanalytics.lake.finding import Report

_QUICK_DAYS, _DAYS = 42, 400
_TURNS_A_DAY = 20
_START = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday, and so long ago that all days are past: Vyom has no tokens of the future."""
_FEW = [
    *((MINTLIFY, name) for name in MINTLIFY.endpoints if name != "threads"),
    *((VYOM, name) for name in ("calls_by_service", "calls_by_time", "dashboard")),
]
_MOST_LISTINGS = 3
"""That an audit requests of S3 for a thousand exports."""
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
        return audit(self.files, Scope(until=until, deep=deep, now=until))

    def clean(self) -> Case:
        """Audit it as it is."""
        report = self.audit(deep=True)
        broken = [f"{each.code}: {each.where}: {each.what}" for each in report.findings]
        saw = f"{report.exports:,} exports, {report.rows:,} rows: nothing found"
        if listings := getattr(self.vandal.writer.filesystem, "listings", 0):
            saw += f"; {listings} listings"
            if listings * 1000 > _MOST_LISTINGS * report.exports:
                broken.append(f"more than {_MOST_LISTINGS} listings for 1,000 exports")
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
    filesystem = fsspec.filesystem("file")
    end = _START + (days + 7) * DAY
    config = Config(
        rows=_TURNS_A_DAY * (days + 7), pages=60, start=f"{_START:%Y-%m-%d}", end=f"{end:%Y-%m-%d}"
    )
    options = OutputOptions(file_format, None, False, 10, "error")  # type: ignore[arg-type]
    try:
        with Simulator(config) as service:
            writer = LakeWriter(service, filesystem, root, options, _START)
            writer.days(days, endpoints)
            name = f"local, {file_format}, {days} days"
            files = LakeFiles(filesystem, root, "lake")
            yield Lake(name, Vandal(writer, days), files, file_format)
    finally:
        shutil.rmtree(root)


@contextmanager
def _on_s3(lake: Lake) -> Iterator[Lake]:
    """Give the same lake on S3: its files, byte for byte."""
    writer = lake.vandal.writer
    with S3(Path(writer.root)) as s3:
        target = ListedTarget(s3, Path(writer.root).name)
        filesystem = target.filesystem()
        vandal = Vandal(replace(writer, filesystem=filesystem, root=target.root), lake.vandal.days)
        files = CachedLakeFiles(filesystem, target.root, "lake")
        yield replace(lake, name=lake.name.replace("local", "S3"), vandal=vandal, files=files)


def quick() -> Iterator[Case]:
    """Yield the cases of small lakes."""
    with local_lake("jsonl", _QUICK_DAYS, _FEW) as lake:
        yield from _cases(lake)


def cases() -> Iterator[Case]:
    """Yield all cases."""
    lanes = in_lanes(partial(_in_lane, file_format) for file_format in ("jsonl", "parquet"))
    for found in itertools.chain.from_iterable(lanes):
        yield Case(**found | {"broken": tuple(found["broken"])})
    with local_lake("jsonl", _QUICK_DAYS, _FEW) as lake, _on_s3(lake) as copy:
        yield _uncached(copy).sabotaged(TOGETHER)


def _in_lane(file_format: str) -> list[dict[str, Any]]:
    """Return the cases of one format, on both storages."""
    with local_lake(file_format, _DAYS, ENDPOINTS) as lake:
        found = list(_cases(lake))
        with _on_s3(lake) as copy:
            found += _cases(copy)
    return [asdict(case) for case in found]


def _cases(lake: Lake) -> Iterator[Case]:
    yield lake.clean()
    for sabotage in TABLE:
        if lake.file_format in sabotage.formats:
            yield lake.sabotaged(sabotage)


def _uncached(lake: Lake) -> Lake:
    """Return a lake on S3 of which every audit fetches every object."""
    writer = lake.vandal.writer
    files = LakeFiles(writer.filesystem, writer.root, "lake")
    return replace(lake, name=f"{lake.name}, every object fetched", files=files)
