"""The zone in which a date was given: directories' labels depend on it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_docsanalytics.window import DateWindow, parse_local

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("2026-03-29", "2026-03-29T00:00:00+00:00"),
        ("2026-03-29T00:00:00+05:30", "2026-03-29T00:00:00+05:30"),
        (datetime(2026, 7, 1, tzinfo=LONDON), "2026-07-01T00:00:00+01:00"),
        (datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=-3))), "2026-07-01T00:00:00-03:00"),
    ],
)
def test_a_date_keeps_the_zone_in_which_it_was_given(value: object, label: str) -> None:
    assert parse_local(value, "date_from").isoformat() == label


def test_a_worker_in_another_zone_has_the_same_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        start = parse_local(datetime(2026, 3, 29), "date_from")  # noqa: DTZ001 - no zone means UTC
        window = DateWindow.between(start, start + timedelta(days=1))
        assert str(window) == "[2026-03-29T00:00:00.000Z, 2026-03-30T00:00:00.000Z)"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_named_zone_has_its_changes_of_the_clock() -> None:
    start = datetime(2026, 3, 29, tzinfo=LONDON)
    window = DateWindow.between(start, start + timedelta(days=1))
    assert window.local_start.utcoffset() == timedelta(0)
    assert window.local_end.utcoffset() == timedelta(hours=1)
    assert window.end - window.start == timedelta(hours=23)
    assert window.start_zone == window.end_zone == LONDON
