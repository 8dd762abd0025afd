"""Dates in paths and partition keys when clocks change, by Airflow's own timetables."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_docsanalytics._run_interval import zone_of
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._asset_events import partition_key
from airflow_provider_docsanalytics.operators._path import fields_of, fill
from airflow_provider_docsanalytics.operators._window import resolve_window

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.window import DateWindow

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ZONES = [
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "UTC",
]
CHANGES = [datetime(2025, month, 1, tzinfo=UTC) for month in (3, 4, 10, 11)]
"""Months in which one of these zones sets its clocks."""


def _dag(schedule: Any, zone: str = "UTC") -> DAG:
    start = pendulum.datetime(2025, 1, 1, tz=zone)
    return DAG("labels", schedule=schedule, start_date=start, catchup=False)


def _window(dag: DAG, start: datetime, end: datetime) -> DateWindow:
    """Return the window of a run as a worker of Airflow 3 sees it: its interval is in UTC."""
    interval = {
        "data_interval_start": pendulum.instance(start).in_timezone("UTC"),
        "data_interval_end": pendulum.instance(end).in_timezone("UTC"),
    }
    return resolve_window({"dag": dag, **interval}, None, None, None)


def _days(zone: str, month: datetime) -> list[DateWindow]:
    """Return the windows of a daily Dag's runs, as Airflow plans them."""
    timetable = CronDataIntervalTimetable("0 0 * * *", timezone=zone)
    dag, windows = _dag(timetable), []
    due = TimeRestriction(earliest=pendulum.instance(month), latest=None, catchup=True)
    run = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=due)
    while run is not None and run.data_interval.end < month + 31 * DAY:
        interval = run.data_interval
        windows.append(_window(dag, interval.start, interval.end))
        run = timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=due)
    return windows


def _hours(zone: str, month: datetime) -> list[DateWindow]:
    """Return hours of a month. Airflow's own hourly timetable stops where half an hour is set."""
    dag = _dag(CronDataIntervalTimetable("0 * * * *", timezone=zone))
    first = month.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    starts = [first + number * HOUR for number in range(30 * 24)]
    return [_window(dag, start, start + HOUR) for start in starts]


def _path(path: str, window: DateWindow) -> str:
    selection = MINTLIFY.select("views", window=window, project_id="acme")
    return fill(path, fields_of(selection))


@pytest.mark.parametrize("month", CHANGES)
@pytest.mark.parametrize("zone", ZONES)
def test_each_day_of_a_dag_is_one_directory_and_one_partition_named_by_its_local_day(
    zone: str, month: datetime
) -> None:
    windows = _days(zone, month)
    assert len(windows) >= 29
    for before, after in pairwise(windows):
        assert before.end == after.start
    days = [_path("/lake/dt={date_from:%Y-%m-%d}", window) for window in windows]
    keys = [partition_key(window) for window in windows]
    first = windows[0].start.astimezone(ZoneInfo(zone)).date()
    local_days = [f"{first + number * DAY}" for number in range(len(windows))]
    assert days == [f"/lake/dt={day}" for day in local_days]
    assert keys == [f"{day}T00:00:00" for day in local_days]
    ends = [_path("/lake/until={date_to:%Y-%m-%d}", window) for window in windows]
    assert ends[:-1] == [f"/lake/until={day}" for day in local_days[1:]]


@pytest.mark.parametrize("month", CHANGES)
@pytest.mark.parametrize("zone", ZONES)
def test_only_a_repeated_hour_gives_two_hours_one_name_and_an_offset_tells_them_apart(
    zone: str, month: datetime
) -> None:
    windows = _hours(zone, month)
    offsets = [window.start.astimezone(ZoneInfo(zone)).utcoffset() for window in windows]
    set_back = any(after < before for before, after in pairwise(offsets))  # type: ignore[operator]
    for name in (
        Counter(_path("/lake/h={date_from:%Y-%m-%dT%H}", window) for window in windows),
        Counter(partition_key(window)[:13] for window in windows),
    ):
        shared = [count for count in name.values() if count > 1]
        assert shared == ([2] if set_back else [])
    for path in ("/lake/{date_from}", "/lake/{date_from:%Y-%m-%dT%H%M%z}"):
        assert len({_path(path, window) for window in windows}) == len(windows)


def test_a_date_without_a_format_names_its_offset_and_utc_by_z() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    context = {
        "data_interval_start": datetime(2026, 3, 29, tzinfo=berlin),
        "data_interval_end": datetime(2026, 3, 30, tzinfo=berlin),
    }
    window = resolve_window(context, None, None, None)
    named = _path("/x/{date_from}-{date_to}", window)
    assert named == "/x/20260329T000000+0100-20260330T000000+0200"
    for utc in (UTC, timezone(timedelta(0)), ZoneInfo("Etc/UTC"), pendulum.UTC):
        window = resolve_window({}, datetime(2026, 3, 29, tzinfo=utc), "2026-03-30", None)
        assert _path("/x/{date_from}-{date_to}", window) == "/x/20260329T000000Z-20260330T000000Z"


@pytest.mark.parametrize(
    ("date_from", "label"),
    [
        ("2026-03-29T23:00:00Z", "2026-03-29T23"),
        ("2026-03-29T23:00:00", "2026-03-29T23"),
        ("2026-03-30T00:00:00+01:00", "2026-03-30T00"),
        (datetime(2026, 3, 30, tzinfo=ZoneInfo("Europe/London")), "2026-03-30T00"),
        (pendulum.datetime(2026, 3, 30, tz="Europe/London"), "2026-03-30T00"),
        (datetime(2026, 3, 30, tzinfo=timezone(HOUR)), "2026-03-30T00"),
    ],
)
def test_a_given_date_is_written_in_its_own_zone_and_each_end_in_its_own(
    date_from: object, label: str
) -> None:
    context = {"dag": _dag(CronDataIntervalTimetable("@daily", timezone="Asia/Tokyo"))}
    interval = {
        "data_interval_start": datetime(2026, 3, 29, 15, tzinfo=UTC),
        "data_interval_end": datetime(2026, 3, 30, 15, tzinfo=UTC),
    }
    window = resolve_window(context | interval, date_from, None, None)
    assert window.date_from == "2026-03-29T23:00:00.000Z"
    assert _path("/x/{date_from:%Y-%m-%dT%H}", window) == f"/x/{label}"
    assert _path("/x/{date_to:%Y-%m-%dT%H}", window) == "/x/2026-03-31T00"
    assert window.date_to == "2026-03-30T15:00:00.000Z"


@pytest.mark.parametrize(
    ("schedule", "of_start_date", "zone"),
    [
        ("@daily", "Europe/London", "Europe/London"),
        (CronDataIntervalTimetable("@daily", timezone="Asia/Tokyo"), "UTC", "Asia/Tokyo"),
        (CronTriggerTimetable("@daily", timezone="Asia/Tokyo"), "UTC", "Asia/Tokyo"),
        (DeltaDataIntervalTimetable(DAY), "Asia/Tokyo", "Asia/Tokyo"),
        (None, "America/New_York", "America/New_York"),
        ("@daily", "UTC", "UTC"),
    ],
)
def test_the_dags_zone_is_its_timetables_else_its_start_dates(
    schedule: Any, of_start_date: str, zone: str
) -> None:
    found = zone_of(_dag(schedule, of_start_date))
    assert found is not None
    for month in CHANGES:
        assert month.astimezone(found).utcoffset() == month.astimezone(ZoneInfo(zone)).utcoffset()


def test_a_timetable_that_holds_others_has_their_zone() -> None:
    class Outer:
        timetables = (CronTriggerTimetable("@daily", timezone="Asia/Tokyo"),)

    class Dag:
        timetable = Outer()
        timezone = "UTC"

    class Named:
        timezone = "Europe/Berlin"

    assert str(zone_of(Dag())) == "Asia/Tokyo"
    assert zone_of(Named()) == ZoneInfo("Europe/Berlin")
    assert zone_of(None) is None


@pytest.mark.parametrize("zone", ZONES)
def test_a_lookback_of_days_from_midnight_is_midnight_and_days_lie_end_to_end(zone: str) -> None:
    dag = _dag(CronTriggerTimetable("@daily", timezone=zone))
    midnights = [
        datetime(2025, 1, 1, tzinfo=ZoneInfo(zone)) + number * DAY for number in range(365)
    ]
    windows = []
    for due in midnights:
        at = due.astimezone(UTC)
        context = {
            "dag": dag,
            "data_interval_start": at,
            "data_interval_end": at,
            "logical_date": at,
        }
        windows.append(resolve_window(context, None, None, DAY))
    assert all(before.end == after.start for before, after in pairwise(windows))
    labels = [_path("/{date_from:%Y-%m-%dT%H:%M}", window) for window in windows]
    assert labels == [f"/{due - DAY:%Y-%m-%d}T00:00" for due in midnights]


@pytest.mark.parametrize("second", [False, True])
def test_a_lookback_of_hours_is_exact_also_in_a_repeated_hour(second: bool) -> None:  # noqa: FBT001 - a case
    due = datetime(2026, 10, 25, 1, fold=second, tzinfo=ZoneInfo("Europe/London"))
    window = resolve_window({}, due, datetime(2026, 11, 1, tzinfo=UTC), timedelta(minutes=30))
    assert due.astimezone(UTC) - window.start == timedelta(minutes=30)
    window = resolve_window({}, due, datetime(2026, 11, 1, tzinfo=UTC), None)
    assert window.start == due.astimezone(UTC)


def test_a_lookback_beyond_the_first_year_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lookback=.* out of the range of dates"):
        resolve_window({}, "0001-01-02", "2026-01-01", timedelta(days=3))


def test_two_hours_with_one_local_time_are_not_one_instant() -> None:
    """Compared by their clocks they would be equal, and the window between them empty."""
    london = ZoneInfo("Europe/London")
    first, second = (datetime(2026, 10, 25, 1, fold=fold, tzinfo=london) for fold in (0, 1))
    context = {"data_interval_start": first, "data_interval_end": second}
    window = resolve_window(context, None, None, None)
    assert window.end - window.start == HOUR


@pytest.mark.parametrize("month", [*CHANGES, datetime(2025, 9, 1, tzinfo=UTC)])
@pytest.mark.parametrize("zone", [*ZONES, "Africa/Cairo", "Asia/Beirut", "America/Santiago"])
def test_the_days_of_a_wide_window_are_those_of_a_daily_dag(zone: str, month: datetime) -> None:
    """Also where the clock is set at midnight, as in Cairo, Beirut and Santiago."""
    windows = _days(zone, month)
    wide = _window(_dag(None, zone), windows[0].start, windows[-1].end)
    days = wide.days()
    assert list(days) == windows
    path = "/lake/{date_from:%Y-%m-%d}/{date_to:%Y-%m-%d}"
    assert [_path(path, day) for day in days] == [_path(path, window) for window in windows]
