"""The interval of a run without a logical date: a cron schedule's last moment, not any moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.timetables.events import EventsTimetable
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.simple import NullTimetable
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_docsanalytics._run_interval import run_interval
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS

pytestmark = pytest.mark.skipif(
    not AIRFLOW_V_3_0_PLUS, reason="every run of Airflow 2 has a logical date"
)
DUE = "2026-03-29T14:03:27.5+00:00"  # in Europe, a day of 23 hours
BERLIN = "Europe/Berlin"


def _interval(timetable: Any, due: str = DUE) -> tuple[str, str]:
    start, end = run_interval(
        {
            "dag": SimpleNamespace(timetable=timetable, timezone=None),
            "dag_run": SimpleNamespace(run_after=datetime.fromisoformat(due)),
        }
    )
    assert start is not None
    assert end is not None
    return start.isoformat(), end.isoformat()


@pytest.mark.parametrize(
    ("cron", "last"),
    [
        ("@daily", "2026-03-29T00:00:00+01:00"),
        ("* * * * *", "2026-03-29T16:03:00+02:00"),
        ("3 16 * * *", "2026-03-29T16:03:00+02:00"),
        ("*/5 6-8 * * 1-5", "2026-03-27T08:55:00+01:00"),
        ("0 0 1 * *", "2026-03-01T00:00:00+01:00"),
        ("0 0 29 2 *", "2024-02-29T00:00:00+01:00"),
    ],
)
def test_a_run_by_hand_has_the_last_moment_of_a_cron_schedule(cron: str, last: str) -> None:
    assert _interval(CronTriggerTimetable(cron, timezone=BERLIN)) == (last, last)


def test_a_run_that_is_due_as_the_schedule_is_has_this_moment() -> None:
    midnight = "2026-03-29T00:00:00+01:00"
    assert _interval(CronTriggerTimetable("@daily", timezone=BERLIN), midnight)[1] == midnight


def test_several_crons_have_the_last_moment_of_any() -> None:
    from airflow.timetables.trigger import MultipleCronTriggerTimetable

    timetable = MultipleCronTriggerTimetable("@monthly", "30 9 * * *", timezone="UTC")
    assert _interval(timetable)[1] == "2026-03-29T09:30:00+00:00"


def test_an_interval_of_a_cron_schedule_ends_at_its_last_moment() -> None:
    timetable = CronTriggerTimetable("@daily", timezone="UTC", interval=timedelta(days=1))
    assert _interval(timetable) == ("2026-03-28T00:00:00+00:00", "2026-03-29T00:00:00+00:00")


def test_a_schedule_with_intervals_decides_itself() -> None:
    timetable = CronDataIntervalTimetable("@daily", timezone="UTC")
    assert _interval(timetable) == ("2026-03-28T00:00:00+00:00", "2026-03-29T00:00:00+00:00")


@pytest.mark.parametrize(
    "timetable",
    [
        NullTimetable(),
        CronTriggerTimetable("0 0 30 2 *", timezone="UTC"),
        CronTriggerTimetable("0 0 1 1 * 0 2030", timezone="UTC"),
    ],
    ids=["no schedule", "never due", "due for the first time in 2030"],
)
def test_where_a_schedule_gives_no_moment_the_run_has_its_own(timetable: Any) -> None:
    assert _interval(timetable) == (DUE.replace(".5", ".500000"), DUE.replace(".5", ".500000"))


def test_a_timetable_without_a_rule_for_runs_by_hand_leaves_them_their_moment() -> None:
    class Silent(EventsTimetable):
        def infer_manual_data_interval(self, **_: Any) -> Any:
            raise NotImplementedError

    assert _interval(Silent([datetime.fromisoformat(DUE)]))[1].startswith("2026-03-29T14:03:27.5")
