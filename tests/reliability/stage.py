"""Where the parts play: a directory in memory, an S3, and processes that need not warm up."""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.reliability.children import in_lanes
from tests.reliability.exports import KINDS, Exports
from tests.reliability.summary import Case
from tests.reliability.targets import S3, LocalTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MEMORY = Path("/dev/shm")


@contextmanager
def stage() -> Iterator[tuple[Path, S3]]:
    """Give an empty local directory and an S3, for as long as the block lasts."""
    logging.disable(logging.ERROR)  # what goes wrong here is made to
    where = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="reliability-", dir=where) as lake, S3() as s3:
        _warm_up(Path(lake))
        yield Path(lake), s3


def play(works: Iterable[Callable[[], Case]]) -> Iterator[Case]:
    """Run the cases, two at once, each in a process of its own; yield them in order."""
    for fields in in_lanes(partial(_fields, work) for work in works):
        fields["broken"] = tuple(fields["broken"])
        yield Case(**fields)


def _fields(work: Callable[[], Case]) -> dict[str, Any]:
    return asdict(work())


def _warm_up(lake: Path) -> None:
    """Export once in this process: what is loaded and compiled then, every fork of it has."""
    with Exports(KINDS[0], LocalTarget(lake / "warm")) as exports:
        exports.export()
    tempfile.tempdir = None
