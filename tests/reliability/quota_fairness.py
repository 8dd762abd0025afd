"""A backfill beside daily exports and a sensor, with the ledger and without: who waits for whom.

In :mod:`.virtual_time`: each lane of a Dag is a process, as a deferrable task is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import RateLimited
from airflow_provider_docsanalytics.quota.account import Quota
from airflow_provider_docsanalytics.quota.ledger import Ledger
from airflow_provider_docsanalytics.simulator import Config
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability.quota_rig import HOUR_S, CountingService, local, resumes_in
from tests.reliability.stage import play, stage
from tests.reliability.summary import Case
from tests.reliability.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_docsanalytics.api.endpoint import Selection
    from tests.reliability.quota_rig import Store
    from tests.reliability.virtual_time import Clock

_QUOTA = Quota(100, HOUR_S)
_SHARE = 0.6
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_RUNS_AT_ONCE = 2
"""Of the backfill; each has a task for each endpoint."""
_DAILY_AT_S = tuple(hour * HOUR_S for hour in (1.5, 4.75, 8, 11.25, 14.5))
"""When daily exports are due, each of another team, at another part of the hour."""
_POKE_S = 900.0
_ENDPOINTS = tuple(name for name, row in MINTLIFY.endpoints.items() if row.windowed)


@dataclass(frozen=True)
class Scale:
    """How much of it is tried."""

    days: int = 90
    daily_at_s: tuple[float, ...] = _DAILY_AT_S
    rows_a_day: int = 300


class _Seen(NamedTuple):
    """What a run came to: requests, refusals, hours of the backfill, and how late the others were.

    The latter in seconds after they were due, in one order for all runs.
    """

    requests: int
    refused: int
    hours: float
    daily_s: list[float]
    pokes_s: list[float]


def cases(scale: Scale | None = None) -> Iterator[Case]:
    """Run the daily exports and the sensor alone; then the backfill beside them, in two ways."""
    scale = scale or Scale()
    with stage() as (lake, _):
        store = local(lake)
        yield from play(
            [partial(_compare, store, scale, has_ledger) for has_ledger in (True, False)]
        )


def _compare(store: Store, scale: Scale, has_ledger: bool) -> Case:  # noqa: FBT001 - of play
    """Return how the backfill changes what the others see."""
    alone = _run(store, scale, has_ledger=has_ledger, days=0)
    seen = _run(store, scale, has_ledger=has_ledger, days=scale.days)
    later_s = max(
        beside - before for beside, before in zip(seen.daily_s, alone.daily_s, strict=True)
    )
    broken = []
    if has_ledger and later_s > HOUR_S:
        broken.append(f"a daily export was {later_s / 60:.0f} minutes later than alone")
    if has_ledger and seen.refused:
        broken.append(f"{seen.refused} requests were refused")
    how = f"with the ledger, the backfill at {_SHARE:g}" if has_ledger else "without a ledger"
    return Case(
        f"a backfill of {scale.days} days beside daily exports and a sensor, {how}",
        seen.requests,
        f"{seen.requests:,} requests, {seen.refused:,} refused, {seen.hours:.1f} hours; daily "
        f"exports at most {max(alone.daily_s) / 60:.0f} min after they are due alone, "
        f"{max(seen.daily_s) / 60:.0f} min beside it; pokes {max(seen.pokes_s) / 60:.0f} min",
        tuple(broken),
    )


def _run(store: Store, scale: Scale, *, has_ledger: bool, days: int) -> _Seen:
    """Let all lanes run; ``days`` of the backfill."""
    end = _START + scale.days * _DAY
    rows = scale.days * scale.rows_a_day
    config = Config(rows=rows, start=_START.isoformat(), end=(end + _DAY).isoformat())
    service = CountingService(config, _QUOTA)
    line = partial(_Line, store if has_ledger else None, service)
    backfill = [
        [_select(service, name, end - (day + 1) * _DAY) for day in range(run, days, _RUNS_AT_ONCE)]
        for run in range(_RUNS_AT_ONCE)
        for name in _ENDPOINTS
    ]
    daily = [[_select(service, name, end)] for name in _ENDPOINTS]
    works: list[Callable[[Clock], Any]] = [
        *(partial(_export, line("backfill", _SHARE), [0.0], lane) for lane in backfill),
        *(partial(_export, line("daily"), scale.daily_at_s, lane) for lane in daily),
        partial(
            _poke, line("sensor"), scale.daily_at_s[-1], _select(service, "conversations", end)
        ),
    ]
    time = VirtualTime(works)
    with service.serve(time.clock):
        results = time.run()
    filled, exported, pokes = results[: len(backfill)], results[len(backfill) : -1], results[-1]
    return _Seen(
        len(service.sent),
        len(service.refused),
        max(late_s for (late_s,) in filled) / HOUR_S,
        [max(late_s) for late_s in zip(*exported, strict=True)],
        pokes,
    )


class _Line(NamedTuple):
    """One process's way to the service."""

    store: Store | None
    service: CountingService
    by: str
    share: float = 1.0

    def client(self, clock: Clock, **settings: Any) -> Client:
        """Return its client, behind the ledger if there is one."""
        checked = Settings(self.service.url, self.service.key, **settings)
        ledger = self.store and Ledger(
            self.store.open(clock),
            "ledger",
            service=checked.service,
            quota=_QUOTA,
            share=self.share,
            by=self.by,
            now=clock.now,
            sleep=clock.sleep,
        )
        return Client(checked, ledger=ledger, sleep=clock.sleep)


def _select(service: CountingService, endpoint: str, day: datetime) -> Selection:
    window = DateWindow.between(day, day + _DAY)
    return MINTLIFY.select(endpoint, window=window, project_id=service.project_id)


def _export(
    line: _Line, due_s: Sequence[float], selections: Sequence[Selection], clock: Clock
) -> list[float]:
    """Read all selections each time they are due; return how much later that was done, in s."""
    late_s = list[float]()
    with line.client(clock) as client:
        for due in due_s:
            clock.sleep(due - clock.passed_s)
            for selection in selections:
                _read(client, selection, clock)
            late_s.append(clock.passed_s - due)
    return late_s


def _read(client: Client, selection: Selection, clock: Clock) -> None:
    """Read a selection as a deferrable task does: it comes back, and resumes."""
    cursor: str | None = None
    while True:
        try:
            for page in client.iter_pages(selection, cursor):
                cursor = page.next_cursor
        except RateLimited as error:
            clock.sleep(resumes_in(error))
        else:
            return


def _poke(line: _Line, until_s: float, selection: Selection, clock: Clock) -> list[float]:
    """Send one request each quarter of an hour; return how late each came through, in seconds."""
    late_s = list[float]()
    due = 0.0
    with line.client(clock, max_attempts=1) as client:
        while due < until_s:
            clock.sleep(due - clock.passed_s)
            while True:
                try:
                    next(client.iter_pages(selection))
                except RateLimited as error:
                    clock.sleep(resumes_in(error))
                else:
                    break
            late_s.append(clock.passed_s - due)
            due = max(due, clock.passed_s) + _POKE_S
    return late_s
