"""Writes on condition, raced against the real server of each storage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.storage import Storage
    from tests.support.report import Report
    from tests.support.stores import ConnectionStyle, Lake

_WRITERS = 6
_ROUNDS = 40
_NAME = "_checkpoint.json"
_REMOVALS_UNCHECKED = ("S3", "GCS")
"""S3 is never asked for a conditional removal; fake-gcs-server ignores the condition."""


def run(report: Report, lake: Lake) -> None:
    """Let several write at once, round after round; then try what is no longer as it was seen."""
    for style in lake.styles():
        writers = [_storage(style) for _ in range(_WRITERS)]
        for writer in writers:
            writer.make()
        wins = _race(writers)
        report.check(
            f"{lake.name}, {style.name}: of {_WRITERS} writers at once exactly one wins, "
            f"in each of {_ROUNDS} rounds",
            holds=wins == [1] * _ROUNDS,
        )
        one, other = writers[:2]
        one.read(_NAME)
        other.read(_NAME)
        report.check(
            f"{lake.name}, {style.name}: a write needs no second read, and a stale one is refused",
            holds=one.replace(_NAME, b"1", "1")
            and one.replace(_NAME, b"2", "1")
            and not other.replace(_NAME, b"x", "2")
            and other.read(_NAME) == b"2",
        )
        one.replace(_NAME, b"3", "1")
        if lake.name not in _REMOVALS_UNCHECKED:
            report.check(
                f"{lake.name}, {style.name}: what has changed is not removed",
                holds=not other.remove(_NAME) and one.read(_NAME) == b"3",
            )
        report.check(
            f"{lake.name}, {style.name}: what is as it was seen is removed, once",
            holds=one.remove(_NAME) and one.read(_NAME) is None and other.remove(_NAME),
        )


def _race(writers: list[Storage]) -> list[int]:
    """Return how many have won each round. Every other round starts with no file."""
    together = Barrier(len(writers))
    wins = list[int]()

    def write(number: int) -> bool:
        writers[number].read(_NAME)
        together.wait()
        text = f"{len(wins)} {number}"  # an ETag of S3 is the content's: never the same twice
        return writers[number].replace(_NAME, text.encode(), f"{number:08x}")

    with ThreadPoolExecutor(len(writers)) as threads:
        for each in range(_ROUNDS):
            wins.append(sum(threads.map(write, range(len(writers)))))
            if each % 2:
                writers[0].read(_NAME)
                writers[0].remove(_NAME)
    return wins


def _storage(style: ConnectionStyle) -> Storage:
    """Return the storage that the operator would write to."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_docsanalytics.storage import Storage

    conn_id = style.arguments.get("storage_conn_id")
    path = ObjectStoragePath(f"{style.url}/conditions", **({"conn_id": conn_id} if conn_id else {}))
    return Storage(path.fs, path.path, str(path))
