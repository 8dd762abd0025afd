"""One quota for many processes: the ledger against a service that counts.

The hour is an hour, in :mod:`.virtual_time`. The service's own account is the judge: how many
requests it took in any hour, what it refused, and how long a place was free while somebody waited.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import RateLimited
from airflow_provider_docsanalytics.quota.account import Quota
from airflow_provider_docsanalytics.simulator import Config
from tests.reliability import quota_fairness, quota_plan
from tests.reliability.quota_rig import (
    FAULTS,
    HOUR_S,
    SLOW,
    CountingLedger,
    CountingService,
    Store,
    gcs,
    local,
    on_s3,
    resumes_in,
)
from tests.reliability.stage import play, stage
from tests.reliability.summary import Case
from tests.reliability.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.virtual_time import Clock

_UNUSED = 0.01
"""Of the quota, that may stay free while somebody waits."""
_OTHERS = (10, 30, 60)


@dataclass(frozen=True)
class Scale:
    """How much of it is tried."""

    processes: int = 20
    limit: int = 100
    hours: float = 4.2
    others: int = 0
    skews_s: tuple[float, ...] = (0.0,)

    @property
    def quota(self) -> Quota:
        """The quota of the service."""
        return Quota(self.limit, HOUR_S)


def cases() -> Iterator[Case]:
    """Use three kinds of storage; then others who spend, and ledgers that are broken."""
    with stage() as (lake, s3), gcs() as third:
        disk, first = local(lake), on_s3(s3)
        usual, skewed = Scale(), Scale(skews_s=(-60.0, 0.0, 60.0))
        yield from play(
            [
                *(partial(shared, store, usual) for store in (disk, first, third)),
                partial(shared, first, skewed, "clocks a minute off"),
                partial(shared, replace(first, fault=SLOW), usual, "each call takes 2 s"),
                *(
                    partial(shared, first, Scale(others=others), f"others spend {others}")
                    for others in _OTHERS
                ),
                *(partial(as_without, replace(disk, fault=fault), usual) for fault in FAULTS),
                partial(as_without, disk, skewed),
            ]
        )
    yield from quota_fairness.cases()
    yield from quota_plan.cases()


def quick() -> Iterator[Case]:
    """Try a few processes."""
    small = Scale(processes=4, limit=20, hours=2.2)
    with stage() as (lake, s3):
        disk = local(lake)
        works = [partial(shared, store, small) for store in (disk, on_s3(s3))]
        works += [partial(as_without, replace(disk, fault=fault), small) for fault in FAULTS]
        yield from play(works)


def shared(store: Store, scale: Scale, what: str = "") -> Case:
    """Let the processes send as much as the ledger lets them."""
    service, spent, refusals = _run(store, scale)
    most, free = service.most_in_an_hour(), service.unused()
    broken = []
    if most > scale.limit:
        broken.append(f"{most} requests in one hour of {scale.limit}")
    if service.refused and not scale.others:
        broken.append(f"{len(service.refused)} requests were refused")
    worst = max(refusals) / scale.hours
    if scale.others and worst > 1:
        broken.append(f"a process was refused {worst:.1f} times an hour")
    if not scale.others and free > _UNUSED:
        broken.append(f"{free:.1%} of the quota was free while processes waited")
    if len(service.sent) <= 2 * scale.limit:
        broken.append("nobody ever waited")
    saw = f"at most {most} in an hour, {len(service.refused)} refused"
    if scale.others:
        saw += f", {len(service.refused) / scale.hours:.1f} an hour of all processes together"
    else:
        saw += f", {free:.2%} free while somebody waits"
    saw += f", {spent / len(service.sent):.1f} calls of the storage a request"
    name = f"{scale.processes} processes, {scale.limit} requests an hour"
    return Case(
        f"{name} ({', '.join(filter(None, (store.name, what)))})",
        len(service.sent),
        saw,
        tuple(broken),
    )


def as_without(store: Store, scale: Scale) -> Case:
    """Break the ledger: exports go on as without it."""
    service, _, _ = _run(store, scale)
    least = int(scale.hours) * scale.limit
    broken = []
    if len(service.sent) < least:
        broken.append(f"only {len(service.sent)} were sent, {least} are possible")
    fault = f"a ledger that is {store.fault}" if store.fault else "clocks a minute off"
    return Case(
        f"{scale.processes} processes, {fault} ({store.name})",
        len(service.sent),
        f"{len(service.sent)} sent, {len(service.refused)} refused",
        tuple(broken),
    )


def _run(store: Store, scale: Scale) -> tuple[CountingService, int, list[int]]:
    """Let processes send for some hours; return what the service saw.

    And how many calls of the storage that took, and how often each process was refused.
    """
    service = CountingService(Config(rows=10), scale.quota, scale.others)
    skews = [scale.skews_s[number % len(scale.skews_s)] for number in range(scale.processes)]
    time = VirtualTime(partial(_send, store, service, scale, skew_s) for skew_s in skews)
    with service.serve(time.clock):
        results = time.run()
    return service, sum(calls for calls, _ in results), [refused for _, refused in results]


class _EndError(Exception):
    """The next request would be sent after the end."""


def _send(
    store: Store, service: CountingService, scale: Scale, skew_s: float, clock: Clock
) -> tuple[int, int]:
    """Send as many requests as the ledger allows; return the storage's calls, and refusals."""
    settings = Settings(service.url, service.key)
    storage = store.open(clock)
    ledger = CountingLedger(
        storage,
        "ledger",
        service=settings.service,
        quota=scale.quota,
        by="docs.export",
        now=lambda: clock.now() + skew_s,
        sleep=clock.sleep,
    )

    def sleep(seconds: float) -> None:
        if clock.passed_s + seconds > scale.hours * HOUR_S:
            raise _EndError
        clock.sleep(seconds)

    selection = MINTLIFY.select("caller_stats", project_id=service.project_id)
    with Client(settings, ledger=ledger, sleep=sleep) as client, suppress(_EndError):
        while True:
            try:
                for _ in client.iter_pages(selection):
                    pass
            except RateLimited as error:
                sleep(resumes_in(error))
    return storage.calls, ledger.refusals
