from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import DateWindow, parse_instant


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31",
        " 2026-01-31T00:00:00Z ",
        "2026-01-31 00:00:00+00:00",
        "2026-01-31T05:30:00+05:30",
        date(2026, 1, 31),
        datetime(2026, 1, 31),  # noqa: DTZ001 - no zone means UTC
        datetime(2026, 1, 31, 2, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 1, 31, 0, 0, 0, 999, tzinfo=UTC),
    ],
)
def test_every_spelling_of_one_instant_is_the_same_utc_millisecond(value: object) -> None:
    window = DateWindow.parse(value, "2026-02-01")
    assert str(window) == "[2026-01-31T00:00:00.000Z, 2026-02-01T00:00:00.000Z)"


@pytest.mark.parametrize(
    "value", ["yesterday", "", "None", "2026-02-30", 5, "2026-01-31 06:00 UTC"]
)
def test_a_date_that_cannot_be_read_is_refused_by_the_parameters_name(value: object) -> None:
    with pytest.raises(ConfigError, match=r"date_from=.*is not a date\.\nWrite ISO 8601"):
        parse_instant(value, "date_from")


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00+02:00", "9999-01-01", datetime(9999, 12, 31, tzinfo=UTC)]
)
def test_a_date_that_has_no_place_in_utc_is_refused_by_the_parameters_name(value: object) -> None:
    with pytest.raises(
        ConfigError, match=r"^date_to=.* is out of the range of dates\.\nUse a date"
    ):
        parse_instant(value, "date_to")


@pytest.mark.parametrize("end", ["2026-01-31", "2026-01-30", "2026-01-31T00:00:00.000999Z"])
def test_a_window_that_ends_before_it_starts_is_refused(end: str) -> None:
    with pytest.raises(ConfigError, match="is not before date_to"):
        DateWindow.parse("2026-01-31", end)


def test_halves_cover_the_window_and_share_no_instant() -> None:
    window = DateWindow.parse("2026-01-01", "2026-01-01T00:00:00.007Z")
    halves = window.halves()
    assert halves is not None
    first, second = halves
    assert (first.start, second.end) == (window.start, window.end)
    assert first.end == second.start == datetime(2026, 1, 1, 0, 0, 0, 3000, tzinfo=UTC)


def test_a_window_of_one_millisecond_cannot_be_halved() -> None:
    assert DateWindow.parse("2026-01-01", "2026-01-01T00:00:00.001Z").halves() is None


def test_the_last_millisecond_of_a_window_is_not_in_the_next_one() -> None:
    day = DateWindow.parse("2026-01-01", "2026-01-02")
    assert day.last_ms == "2026-01-01T23:59:59.999Z"
