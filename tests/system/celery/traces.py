"""What a distributed export leaves behind: on the workers' disks, in logs, database and broker."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from typing import TYPE_CHECKING

from tests.system.celery.cluster import HOME, WORKERS, lost
from tests.system.celery.exports import KILLED, RUN, SURVIVOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.report import Report
    from tests.support.stores import Lake
    from tests.system.celery.cluster import CeleryCluster

_AIRFLOWS_OWN = re.compile(r"airflow/(airflow\.cfg|logs/dag_id=.+/attempt=\d+\.log)")
_RECEIVED = re.compile(r"execute_workload\[([0-9a-f-]+)\] received")
_ENDED = re.compile(r"execute_workload\[([0-9a-f-]+)\] (?:succeeded|ignored|raised)")
_ID = re.compile(rb"01[0-9A-Z]{24}")
_BODY = re.compile(rb'"body": "([A-Za-z0-9+/=]+)"')
_BYTEA = re.compile(rb"\\\\x([0-9a-f]+)")
_DATABASE, _BROKER = "PostgreSQL", "Redis"
_NOT_SEARCHED = ("dags", "postgres", "redis")
"""What is in the two databases is read through their own doors."""


def verify(report: Report, airflow: CeleryCluster, lake: Lake, secrets: tuple[str, ...]) -> None:
    """Check every promise about what is left."""
    _verify_disks(report)
    _verify_messages(report, airflow)
    objects = lake.read("")
    texts = dict(_texts(airflow))
    row_ids = {each for content in objects.values() for each in _ID.findall(content)}
    told = [name for name, text in texts.items() if row_ids.intersection(_ID.findall(text))]
    report.check(
        f"no row of {len(row_ids)} went anywhere but from the service to S3: not one ID in "
        f"{len(texts)} logs and dumps{_where(told)}",
        holds=not told and bool(row_ids),
    )
    texts |= {f"S3: {key}": content for key, content in objects.items()}
    told = [
        name for name, text in texts.items() if any(secret.encode() in text for secret in secrets)
    ]
    report.check(
        f"no key in {len(texts)} logs, dumps and S3 objects{_where(told)}",
        holds=not told and all(RUN.encode() in texts[name] for name in (_DATABASE, _BROKER)),
    )


def _verify_disks(report: Report) -> None:
    for name in WORKERS:
        disk = lost(HOME / name) if name == KILLED else HOME / name
        files = [path.relative_to(disk) for path in _files(disk)]
        foreign = [str(path) for path in files if not _AIRFLOWS_OWN.fullmatch(str(path))]
        what = "which nobody has seen since the kill" if name == KILLED else "at the end"
        report.check(
            f"the disk of {name}, {what}: {len(files)} files, all of them Airflow's "
            f"configuration and task logs{_where(foreign)}",
            holds=bool(files) and not foreign,
        )


def _verify_messages(report: Report, airflow: CeleryCluster) -> None:
    logs = {name: each.log.read_text(errors="replace") for name, each in airflow.workers.items()}
    received = {name: _RECEIVED.findall(log) for name, log in logs.items()}
    owed = set(received[KILLED]) - set(_ENDED.findall(logs[KILLED]))
    times = Counter(each for ids in received.values() for each in ids)
    early = {each for each in times if times[each] > 1} - owed
    report.check(
        f"Redis gave all {len(owed)} messages that {KILLED} owed to {SURVIVOR}, and "
        f"{len(early)} more a second time, since exports took longer than it waits: all of the "
        "above holds nonetheless",
        holds=bool(owed) and bool(early) and owed <= set(received[SURVIVOR]),
    )


def _texts(airflow: CeleryCluster) -> Iterator[tuple[str, bytes]]:
    """Yield all that was written, by name; what is packed is unpacked."""
    for path in _files(HOME):
        if path.relative_to(HOME).parts[0] not in _NOT_SEARCHED:
            yield str(path), path.read_bytes()
    dump = airflow.dump()
    yield _DATABASE, b"".join([dump, *map(_from_hex, _BYTEA.findall(dump))])
    commands = b"".join(path.read_bytes() for path in _files(HOME / "redis"))
    yield _BROKER, b"".join([commands, *map(b64decode, _BODY.findall(commands))])


def _from_hex(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode())


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _where(names: list[str]) -> str:
    return f"; but {', '.join(names[:5])}" if names else ""
