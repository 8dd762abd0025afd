"""One quota for many processes: the ledger against a service that counts.

The hour is two minutes here. The service's own log is the judge: how many requests it took in any
period, what it refused, and how long a place was free while somebody waited for it.
"""

from __future__ import annotations

import errno
import random
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import fsspec

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import RateLimited
from airflow_provider_docsanalytics.quota.account import Quota
from airflow_provider_docsanalytics.quota.ledger import Ledger
from airflow_provider_docsanalytics.storage import Storage
from tests.reliability.children import Child
from tests.reliability.stage import stage
from tests.reliability.summary import Case
from tests.reliability.targets import LocalTarget, S3Target
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.reliability.targets import S3, Target

_UNUSED = 0.01
"""Of the quota, that may stay free while somebody waits."""
_START_S = 5.0


@dataclass(frozen=True)
class Scale:
    """How much of it is tried."""

    processes: int = 20
    limit: int = 100
    period_s: float = 120.0
    periods: float = 2.2
    others: int = 0

    @property
    def quota(self) -> Quota:
        """The quota of the service."""
        return Quota(self.limit, self.period_s)

    @property
    def duration_s(self) -> float:
        """How long the processes send."""
        return self.periods * self.period_s


@dataclass
class Seen:
    """What the service has logged."""

    sent: list[float] = field(default_factory=list)
    refused: int = 0

    def most_in_a_period(self, period_s: float) -> int:
        """Return the most requests in any period."""
        return max(
            sum(start <= moment < start + period_s for moment in self.sent) for start in self.sent
        )

    def unused(self, scale: Scale) -> float:
        """Return the share of the quota that was free while processes waited: they always do."""
        pairs = zip(self.sent, self.sent[scale.limit :], strict=False)
        free_s = [later - earlier - scale.period_s for earlier, later in pairs]
        return sum(free_s) / len(free_s) / scale.period_s if free_s else 1.0


def cases() -> Iterator[Case]:
    """Use three kinds of storage, then ledgers that others spend beside, or that are broken."""
    with stage() as (lake, s3):
        scale = Scale()
        for where, make in _storages(lake, s3).items():
            yield shared(make, where, scale)
        yield shared(_storages(lake, s3)["local"], "local, others spend 30", Scale(others=30))
        yield from _broken(lake, Scale(processes=4, limit=20, period_s=10, periods=1.5))


def quick() -> Iterator[Case]:
    """Try a few seconds of each."""
    with stage() as (lake, s3):
        scale = Scale(processes=4, limit=10, period_s=5.0, periods=2.2)
        for where, make in _storages(lake, s3).items():
            yield shared(make, where, scale, unused=0.5)
        yield from _broken(lake, Scale(processes=2, limit=10, period_s=5, periods=1.2))


def _storages(lake: Path, s3: S3) -> dict[str, Callable[[], Storage]]:
    def on(target: Target) -> Storage:
        return Storage(target.filesystem(), target.root, "ledger")

    def slower() -> Storage:
        storage = _Broken(fsspec.filesystem("file"), str(lake / "slower"), "ledger")
        storage.delay_s = 0.05
        return storage

    return {
        "local": lambda: on(LocalTarget(lake / "local")),
        "S3": lambda: on(S3Target(s3, "quota")),
        "local, 50 ms slower": slower,
    }


def shared(make: Callable[[], Storage], where: str, scale: Scale, unused: float = _UNUSED) -> Case:
    """Let the processes send as much as the ledger lets them."""
    seen, waits = _run(make, scale)
    free = seen.unused(scale)
    most = seen.most_in_a_period(scale.period_s)
    broken = []
    if most > scale.limit:
        broken.append(f"{most} requests in one period of {scale.limit}")
    allowed = scale.processes if scale.others else 0
    if seen.refused > allowed:
        broken.append(f"{seen.refused} requests were refused")
    if not scale.others and free > unused:
        broken.append(f"{free:.1%} of the quota was free while processes waited")
    if len(seen.sent) <= scale.limit:
        broken.append("nobody ever waited")
    left = "" if scale.others else f", {free:.2%} free while somebody waits"
    return Case(
        f"{scale.processes} processes, {scale.limit} requests in {scale.period_s:g} s ({where})",
        len(seen.sent),
        f"at most {most} in a period, {seen.refused} refused{left}, {waits} waits",
        tuple(broken),
    )


def _broken(lake: Path, scale: Scale) -> Iterator[Case]:
    """Break the ledger: exports go on as without it."""
    for name, breaks in _BREAKS.items():
        root = lake / f"broken-{name.replace(' ', '-')}"
        make = partial(_break_storage, root, breaks)
        skew = partial(random.choice, (-60.0, 0.0, 60.0)) if name == "skewed by a minute" else None
        seen, _ = _run(make, scale, skew)
        least = scale.processes if breaks == "slow" else scale.limit / 2
        broken = [] if len(seen.sent) >= least else [f"only {len(seen.sent)} were sent"]
        yield Case(
            f"a ledger that is {name}",
            len(seen.sent),
            f"{len(seen.sent)} sent, {seen.refused} refused",
            tuple(broken),
        )


class _Broken(Storage):
    """A storage with a fault: see :data:`_BREAKS`."""

    fault = ""
    delay_s = 0.0

    def read(self, name: str) -> bytes | None:
        time.sleep(self.delay_s)
        if self.fault == "damaged":
            return b'{"ledger_version": 1, "serv'
        if self.fault == "lost":
            raise OSError(errno.ENOTCONN, "the storage is gone")
        return super().read(name)

    def replace(self, name: str, text: bytes, owner: str) -> bool:
        time.sleep(self.delay_s)
        if self.fault == "read-only":
            raise OSError(errno.EROFS, "read-only")
        return super().replace(name, text, owner)


_BREAKS = {
    "lost": "lost",
    "damaged": "damaged",
    "read-only": "read-only",
    "slow (2 s)": "slow",
    "skewed by a minute": "",
}


def _break_storage(root: Path, fault: str) -> Storage:
    target = LocalTarget(root)
    storage = _Broken(target.filesystem(), target.root, "ledger")
    storage.fault = fault
    storage.delay_s = 2.0 if fault == "slow" else 0.0
    return storage


def _run(
    make: Callable[[], Storage], scale: Scale, skew: Callable[[], float] | None = None
) -> tuple[Seen, int]:
    """Let processes send for a while; return what the service saw, and how often they waited."""
    options = ("--rows", "10", "--retry-after", "seconds")
    quota = ("--quota", str(scale.quota), "--others", str(scale.others))
    with Service(*options, *quota) as service:
        begin = time.time() + _START_S
        children = [
            Child(partial(_send, make, service.ready, scale, begin, skew() if skew else 0.0))
            for _ in range(scale.processes)
        ]
        waits = sum(int(child.wait().result or 0) for child in children)
        log = service.requests()
    return (
        Seen(
            sorted(each["at"] for each in log if each["status"] == 200),
            sum(each["status"] == 429 for each in log),
        ),
        waits,
    )


class _EndError(Exception):
    """The next request would be sent after the end."""


def _send(
    make: Callable[[], Storage],
    ready: dict[str, str],
    scale: Scale,
    begin: float,
    skew_s: float,
) -> int:
    """Send as many requests as the ledger allows; return how often that took a wait."""
    settings = Settings(
        ready["url"], ready["mintlify_key"], max_wait_s=scale.duration_s, max_attempts=1000
    )
    ledger = Ledger(
        make(),
        "ledger",
        service=settings.service,
        quota=scale.quota,
        by="docs.export",
        now=lambda: time.time() + skew_s,
    )
    waits = list[float]()

    def sleep(seconds: float) -> None:
        if time.time() + seconds > begin + scale.duration_s:
            raise _EndError
        waits.append(seconds)
        time.sleep(seconds)

    selection = MINTLIFY.select("caller_stats", project_id=ready["project_id"])
    time.sleep(max(0.0, begin - time.time()))
    with Client(settings, ledger=ledger, sleep=sleep) as client:
        while time.time() < begin + scale.duration_s:
            try:
                try:
                    for _ in client.iter_pages(selection):
                        pass
                except RateLimited as error:  # as a deferred task, which comes back then
                    sleep(error.retry_after_s or 1.0)
            except _EndError:
                break
    return sum(wait_s > 0 for wait_s in waits)
