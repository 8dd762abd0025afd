"""Clocks that are set while an export runs, days of 23 and 25 hours, and windows still to come."""

from __future__ import annotations

import json
import os
import random
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from itertools import pairwise, product
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow_provider_docsanalytics.operators._window import resolve_window
from tests.reliability.boundaries import Boundaries
from tests.reliability.children import run
from tests.reliability.exports import KINDS, PAGES_PER_FILE, Exports
from tests.reliability.stage import play, stage
from tests.reliability.summary import Case, Summary, listed_rows
from tests.reliability.targets import LocalTarget, S3Target
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.reliability.targets import Target

_STEPS = tuple(
    timedelta(**{unit: sign * amount})
    for unit, amount in (("seconds", 90), ("hours", 1), ("days", 2), ("days", 400))
    for sign in (1, -1)
)
_DAY = timedelta(days=1)
_COMES_BACK = ("AirflowRescheduleException", "TaskDeferred")
_DAYS = (
    ("Europe/Berlin", datetime(2026, 3, 28), 23),  # noqa: DTZ001 - the zone stands beside it
    ("Europe/Berlin", datetime(2026, 10, 24), 25),  # noqa: DTZ001
    ("America/New_York", datetime(2026, 3, 7), 23),  # noqa: DTZ001
    ("America/New_York", datetime(2026, 10, 31), 25),  # noqa: DTZ001
    ("Australia/Lord_Howe", datetime(2026, 4, 4), 24.5),  # noqa: DTZ001
    ("UTC", datetime(2024, 2, 28), 24),  # noqa: DTZ001 - the leap day
    ("Pacific/Kiritimati", datetime(2024, 2, 28), 24),  # noqa: DTZ001
)


def cases() -> Iterator[Case]:
    """Set clocks; export days of all lengths; export what has not happened yet."""
    with stage() as (lake, s3):
        works: list[Callable[[], Case]] = [
            partial(stepped, LocalTarget(lake / "stepped"), "local", 3),
            partial(stepped, S3Target(s3, "stepped"), "S3", 1),
            partial(odd_days, LocalTarget(lake / "days")),
            partial(in_the_future, lake),
        ]
        yield from play(works)


def quick() -> Iterator[Case]:
    """Try a few of them."""
    with stage() as (lake, _):
        yield stepped(LocalTarget(lake / "stepped"), "local", 1)
        yield odd_days(LocalTarget(lake / "days"))


def stepped(target: Target, where: str, runs: int) -> Case:
    """Set the clock by seconds to a year at every page, stop half-way, and resume on another."""
    with Exports(KINDS[0], target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(
            f"clock set forward and back, half-way and on resuming ({where})", rows, None
        )
        for number in range(runs):
            for step in _STEPS:
                exports.fresh(old)
                refused = {"kind": "status", "status": 429, "match": {"nth": 4}}
                exports.service.set_faults(refused)
                run(partial(_with_clock, exports, step, number))
                exports.service.set_faults()
                ended = run(partial(_with_clock, exports, step, number + 100))
                what = f"set by {step}"
                if abs(step) < _DAY / 2 and exports.asked_again() > PAGES_PER_FILE:
                    summary.complain(f"{what}: {exports.asked_again()} pages asked again")
                manifest = json.loads(target.read("_manifest.json"))
                if manifest["finished_at"] < manifest["started_at"]:
                    summary.complain(f"{what}: finished before it was started")
                summary.finish(ended, exports, what)
        return summary.case()


def _with_clock(exports: Exports, step: timedelta, seed: int) -> int:
    """Export on a clock that is set by ``step``, or set right again, at random boundaries."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    off = timedelta(0)

    def set_clock(_number: int, _what: str) -> None:
        nonlocal off
        if chance.random() < 0.1:
            off = step - off

    def now() -> datetime:
        return datetime.now(UTC) + off

    return exports.export(Boundaries(set_clock), now=now)


def odd_days(target: Target) -> Case:
    """Export three days in a row as a Dag in their zone does, and all three at once."""
    lost = doubled = 0
    broken = []
    for name, first, hours in _DAYS:
        zone = ZoneInfo(name)
        midnights = [(first + n * _DAY).replace(tzinfo=zone).astimezone(UTC) for n in range(4)]
        lengths = {(end - start) / timedelta(hours=1) for start, end in _pairs(midnights)}
        if hours not in lengths:
            broken.append(f"{name}: no day of {hours} h among {sorted(lengths)}")
        window = {"start": midnights[0].isoformat(), "end": midnights[-1].isoformat()}
        with Exports(KINDS[0], target, **window) as exports:
            whole = _rows(exports, midnights[0], midnights[-1], zone)
            parts = [row for pair in _pairs(midnights) for row in _rows(exports, *pair, zone)]
        lost += len(set(whole) - set(parts))
        doubled += len(parts) - len(set(parts))
        if len(whole) != 55:
            broken.append(f"{name}: {len(whole)} rows over all days")
    return Case(
        "days of 23, 24.5 and 25 h, and 29 February: day by day and at once",
        len(_DAYS),
        f"{len(_DAYS)} complete",
        tuple(broken),
        lost,
        doubled,
    )


def _pairs(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    return list(pairwise(moments))


def _rows(exports: Exports, start: datetime, end: datetime, zone: ZoneInfo) -> list[str]:
    """Return the rows of a Dag run's data interval, without the window that is put into each."""
    interval = {
        "data_interval_start": start.astimezone(zone),
        "data_interval_end": end.astimezone(zone),
    }
    window = resolve_window(interval, None, None, None)
    exports.fresh()
    run(partial(exports.export, window=window))
    rows, _ = listed_rows(exports.target)
    return [json.dumps(json.loads(row), sort_keys=True) for row in rows]


def in_the_future(lake: Path) -> Case:
    """Run the operator for windows that have not ended: it comes back later, and asks nothing."""
    with Exports(KINDS[0], LocalTarget(lake / "future")) as exports:
        exports.fresh()
        ended = run(partial(_operate, exports, lake / "home"))
        saw = list(ended.result or [])
        broken = [each for each in saw if each not in _COMES_BACK]
        if ended.error:
            broken.append(f"{ended.saw} {ended.text}")
        if exports.service.requests() or exports.target.names():
            broken.append("something was asked or written")
    told = ", ".join(f"{saw.count(each)} {each}" for each in sorted(set(saw)))
    return Case("windows that end in the future", len(saw), told, tuple(broken))


def _operate(exports: Exports, home: Path) -> list[str]:
    """Run the operator for windows that end in minutes, days and years; return what it raised."""
    connection = json.dumps(exports.service.connection())
    os.environ.update(airflow_environment(home, AIRFLOW_CONN_MINTLIFY_DEFAULT=connection))
    with redirect_stdout(StringIO()):  # Airflow's log
        from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

        raised = []
        for days, deferrable in product((0.004, 3, 4000), (False, True)):
            end = datetime.now(UTC) + days * _DAY
            operator = MintlifyExportOperator(
                task_id="export",
                endpoint="conversations",
                path=f"file://{exports.target.root}",
                date_from=end - _DAY,
                date_to=end,
                deferrable=deferrable,
            )
            try:
                operator.execute({})
            except BaseException as error:  # noqa: BLE001 - Airflow's way to say what comes next
                raised.append(type(error).__name__)
            else:
                raised.append("complete")
    return raised
