"""A service that counts, and storages for a ledger, both by one clock: see :mod:`.virtual_time`."""

from __future__ import annotations

import errno
import os
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import fsspec
import requests
from s3fs import S3FileSystem

from airflow_provider_docsanalytics._retry import decide
from airflow_provider_docsanalytics.quota.ledger import Ledger
from airflow_provider_docsanalytics.simulator import Quota as ServiceQuota
from airflow_provider_docsanalytics.simulator import Simulator
from airflow_provider_docsanalytics.simulator.request import RefusedError
from airflow_provider_docsanalytics.storage import Storage
from tests.reliability.targets import LocalTarget
from tests.support.processes import free_ports
from tests.support.stores import BUCKET, gcs_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_docsanalytics.errors import RateLimited
    from airflow_provider_docsanalytics.quota.account import Quota
    from airflow_provider_docsanalytics.simulator import Config
    from tests.reliability.targets import S3
    from tests.reliability.virtual_time import Clock

HOUR_S = 3600.0
_DELAY_S = 0.5
"""A call of the storage takes up to so long."""
_RESUMES_S = 5.0
"""A deferred task needs up to so long to run again, once its trigger has fired."""
SLOW = "slow (2 s)"
FAULTS = ("lost", "damaged", "read-only", SLOW)
_SLOW_S = 2.0
_TIMEOUT_S = 10


class _CountingQuota(ServiceQuota):
    """A quota that keeps the moments of what it takes and of what it refuses."""

    def __init__(self, quota: Quota, others: int, clock: Clock) -> None:
        super().__init__(quota.limit, quota.period_s, others=others, now=clock.now)
        self.taken = list[float]()
        self.refused = list[float]()

    def spend(self) -> None:
        """Count a request."""
        try:
            super().spend()
        except RefusedError:
            self.refused.append(self._now())
            raise
        self.taken.append(self._now())


@dataclass
class CountingService:
    """A service, and what it has seen once it has served.

    Attributes:
        sent: when it took a request.
        refused: when it refused one.
    """

    config: Config
    quota: Quota
    others: int = 0
    port: int = field(default_factory=lambda: free_ports(1)[0])
    sent: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    key = Simulator.mintlify_key
    project_id = Simulator.project_id

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serve(self, clock: Clock) -> Iterator[None]:
        """Serve, by this clock."""
        quota = _CountingQuota(self.quota, self.others, clock)
        with Simulator(self.config, port=self.port, quota=quota):
            yield
        self.sent, self.refused = quota.taken, quota.refused

    def most_in_an_hour(self) -> int:
        """Return the most requests that it took in any hour."""
        return max(
            sum(start <= moment < start + HOUR_S for moment in self.sent) for start in self.sent
        )

    def unused(self) -> float:
        """Return the share of the quota that was free while processes waited: they always do."""
        pairs = zip(self.sent, self.sent[self.quota.limit :], strict=False)
        free_s = [later - earlier - HOUR_S for earlier, later in pairs]
        return sum(free_s) / len(free_s) / HOUR_S if free_s else 1.0


class RigStorage(Storage):
    """A storage that takes its time, tells the time or does not, and may have a fault."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store.filesystem(), store.root, store.name)
        self.calls = 0
        self._store = store
        self._clock = clock

    def now(self) -> float | None:
        """Return the time of the store, which is right."""
        return self._clock.now() if self._store.has_clock else None

    def read(self, name: str) -> bytes | None:
        """Read, or fail."""
        self.calls += 1
        self._take(1)
        if self._store.fault == "damaged":
            return b'{"ledger_version": 1, "serv'
        if self._store.fault == "lost":
            raise OSError(errno.ENOTCONN, "the storage is gone")
        return super().read(name)

    def replace(self, name: str, text: bytes, owner: str) -> bool:
        """Write, or fail; the response takes as long as the request."""
        self.calls += 1
        self._take(0.5)
        if self._store.fault == "read-only":
            raise OSError(errno.EROFS, "read-only")
        written = super().replace(name, text, owner)
        self._take(0.5)
        return written

    def _take(self, share: float) -> None:
        delay_s = _SLOW_S if self._store.fault == SLOW else random.uniform(0, _DELAY_S)  # noqa: S311 - to spread
        self._clock.sleep(share * delay_s)


@dataclass(frozen=True)
class Store:
    """Where a ledger lies.

    Attributes:
        has_clock: whether it tells the time.
        fault: one of :data:`FAULTS`, or none.
    """

    name: str
    filesystem: Callable[[], Any]
    root: str
    has_clock: bool = True
    fault: str = ""

    def open(self, clock: Clock) -> RigStorage:
        """Return it for one process."""
        return RigStorage(self, clock)


@contextmanager
def gcs() -> Iterator[Store]:
    """Give a ledger's directory on Google Cloud Storage, as its emulator serves it."""
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # it speaks gRPC, as no emulator does
    fsspec.get_filesystem_class("gs")  # whoever forks has it loaded
    with gcs_server() as url:
        requests.post(f"{url}/storage/v1/b", json={"name": BUCKET}, timeout=_TIMEOUT_S)
        options = {"token": "anon", "endpoint_url": url, "project": "made-up"}
        yield Store("GCS", partial(fsspec.filesystem, "gs", **options), f"{BUCKET}/quota")


def local(lake: Path) -> Store:
    """Return a ledger's directory on this disk, which has no clock of its own."""
    target = LocalTarget(lake / "quota")
    return Store("local", target.filesystem, target.root, has_clock=False)


def on_s3(s3: S3) -> Store:
    """Return a ledger's directory on S3."""
    options = {"client_kwargs": {"endpoint_url": s3.url, "region_name": "eu-west-1"}}
    keys = {"key": "k", "secret": "s"}
    return Store("S3", partial(S3FileSystem, **keys, **options, session=s3.session), "lake/quota")


class CountingLedger(Ledger):
    """A ledger that counts the refusals that it is told of."""

    refusals = 0

    def refused(self, retry_after_s: float | None) -> None:
        """Count it."""
        self.refusals += 1
        super().refused(retry_after_s)


def resumes_in(error: RateLimited) -> float:
    """Return the seconds until a task runs again that this error has deferred."""
    return (decide(error, 1).delay_s or 0.0) + random.uniform(0, _RESUMES_S)  # noqa: S311 - to spread
