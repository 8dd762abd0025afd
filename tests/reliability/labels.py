"""Names of windows: zones, both changes of the clock, daily and hourly Dags, and ``if_exists``."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider_docsanalytics.operators._window import resolve_window
from tests.reliability.children import run
from tests.reliability.summary import Case
from tests.reliability.tasks import context, execute, in_airflow
from tests.support.exported import read_export
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.reliability.tasks import Warnings

ZONES = (
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "UTC",
)
_CHANGES_ELSEWHERE = (datetime(2026, 3, 29), datetime(2026, 10, 25))  # noqa: DTZ001 - days
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_FORMATS = {_DAY: "%Y-%m-%d", _HOUR: "%Y-%m-%dT%H"}
_STEPS = {"daily": _DAY, "hourly": _HOUR}


def cases(zones: Sequence[str] = ZONES) -> Iterator[Case]:
    """Export the days and hours around each change of the clock, as Dags in each zone do."""
    data = ("--start", "2026-03-01", "--end", "2026-11-30", "--rows", "6000")
    kinds = list(product(_STEPS, ("error", "replace")))
    with Service(*data) as service, tempfile.TemporaryDirectory() as lake:
        ended = run(partial(_all_kinds, service, Path(lake), zones, kinds))
    for (often, if_exists), told in zip(kinds, ended.result or [None] * len(kinds), strict=True):
        name = f"{often} Dags in {len(zones)} zones, both changes of the clock"
        name += f" (if_exists={if_exists})"
        if told is None:
            yield Case(name, 0, ended.saw, (f"{ended.saw} {ended.text}",))
            continue
        seen = ", ".join(f"{count:,} {what}" for what, count in told["saw"].items())
        broken = tuple(told["broken"])
        yield Case(name, told["runs"], seen, broken, told["lost"], told["doubled"])


def quick() -> Iterator[Case]:
    """Try a zone."""
    yield from cases(("Europe/London",))


def _all_kinds(
    service: Service, lake: Path, zones: Sequence[str], kinds: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Run Dags of every kind in this process, so that Airflow is imported once."""
    warnings = in_airflow(service, lake / "home")
    return [_all_zones(service, lake.joinpath(*kind), zones, kind, warnings) for kind in kinds]


def _all_zones(
    service: Service, lake: Path, zones: Sequence[str], kind: tuple[str, str], warnings: Warnings
) -> dict[str, Any]:
    told = _Told()
    step, if_exists = _STEPS[kind[0]], kind[1]
    for zone, number in product(zones, (0, 1)):
        target = lake / zone.replace("/", "-") / str(number)
        dag = _Dag(ZoneInfo(zone), step, f"file://{target}", if_exists, warnings, told)
        windows = _windows(dag.zone, _changes(zone)[number], step)
        for start, end in windows:
            dag.export(start, end)
        dag.verify(service, windows)
    return vars(told)


@dataclass
class _Told:
    """What became of the rows and the names."""

    runs: int = 0
    lost: int = 0
    doubled: int = 0
    saw: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def _changes(zone: str) -> tuple[datetime, datetime]:
    """Return the two days of 2026 on which the zone's clocks are set, else Europe's."""
    midnights = [datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)) + n * _DAY for n in range(365)]
    days = [
        a.replace(tzinfo=None) for a, b in pairwise(midnights) if a.utcoffset() != b.utcoffset()
    ]
    return (days[0], days[1]) if days else _CHANGES_ELSEWHERE


def _windows(zone: ZoneInfo, day: datetime, step: timedelta) -> list[tuple[datetime, datetime]]:
    """Return the runs' data intervals, in UTC: four days, or the hours of the one day."""
    if step == _DAY:
        bounds = [(day + n * _DAY).replace(tzinfo=zone).astimezone(UTC) for n in range(-1, 4)]
    else:
        first, last = (each.replace(tzinfo=zone).astimezone(UTC) for each in (day, day + _DAY))
        bounds = [first + n * _HOUR for n in range((last - first) // _HOUR + 1)]
    return list(pairwise(bounds))


@dataclass
class _Dag:
    """One Dag of one zone, and what stands in the directories that it has written."""

    zone: ZoneInfo
    step: timedelta
    lake: str
    if_exists: str
    warnings: Warnings
    told: _Told
    standing: dict[str, str] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)

    def export(self, start: datetime, end: datetime) -> None:
        """Run the task of one window."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        from airflow_provider_docsanalytics.errors import ConfigError
        from airflow_provider_docsanalytics.operators._asset_events import partition_key

        dag = SimpleNamespace(timezone=self.zone, timetable=None)
        interval = {"data_interval_start": start, "data_interval_end": end, "dag": dag}
        self.keys[partition_key(resolve_window(interval, None, None, None))] += 1
        self.warnings.said.clear()
        self.told.runs += 1
        try:
            done = execute(
                context(f"scheduled__{start}", **interval),
                endpoint="conversations",
                path=f"{self.lake}/{{date_from:{_FORMATS[self.step]}}}",
                if_exists=self.if_exists,
            )
        except (ConfigError, AirflowFailException) as error:  # the second: Airflow before 3.3
            self._refused(start, str(error))
        else:
            self._complete(start.astimezone(self.zone), done)

    def verify(self, service: Service, windows: list[tuple[datetime, datetime]]) -> None:
        """Compare what stands with the rows of its windows."""
        for path, date_from in self.standing.items():
            lost, doubled = _verify(Path(path.removeprefix("file://")), windows, date_from, service)
            self.told.lost += lost
            self.told.doubled += doubled
        if self.step == _DAY and set(self.keys.values()) != {1}:
            self.told.broken.append(f"{self.zone}: partition keys that come twice: {self.keys}")

    def _refused(self, start: datetime, error: str) -> None:
        self.told.saw["refused"] += 1
        if f"{start:%Y-%m-%dT%H:%M}" not in error or not self._comes_twice(start):
            self.told.broken.append(f"{self.zone}, {start}: {error}")

    def _complete(self, local: datetime, done: dict[str, Any]) -> None:
        self.told.saw["complete"] += 1
        path, label = done["path"], f"{local:{_FORMATS[self.step]}}"
        if path != f"{self.lake}/{label}":
            self.told.broken.append(f"{local} is named {path}")
        if before := self.standing.get(path):
            self.told.saw["replaced with a warning"] += 1
            said = " ".join(self.warnings.said)
            if before not in said or done["date_from"] not in said or not self._comes_twice(local):
                self.told.broken.append(f"{local}: replaced {before} in silence: {said}")
        self.standing[path] = done["date_from"]

    def _comes_twice(self, start: datetime) -> bool:
        """Whether the hour before may have the name of this one: the clock was set back."""
        local = start.astimezone(self.zone)
        before = (start.astimezone(UTC) - self.step).astimezone(self.zone)
        return self.step == _HOUR and before.utcoffset() != local.utcoffset()


def _verify(
    directory: Path, windows: list[tuple[datetime, datetime]], date_from: str, service: Service
) -> tuple[int, int]:
    """Return how many rows of the window that stands there are missing, and how many doubled."""
    start, end = next(w for w in windows if w[0] == datetime.fromisoformat(date_from))
    found = Counter(_key(row) for row in read_export(directory).rows)
    truth = Counter(
        _key(row) for row in service.truth("conversations", _written(start), _written(end))
    )
    return (truth - found).total(), (found - truth).total()


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _key(row: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in row.items() if not k.startswith("_")}, sort_keys=True)
