"""Gaps and overlaps: what is one, and what only looks like one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from tests.lake.made import DAY, START, audited, codes, make, make_days

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def _delete(export: Path) -> None:
    for file in export.iterdir():
        file.unlink()
    export.rmdir()


def _end(number: int) -> datetime:
    return START + number * DAY


def test_days_of_23_and_25_hours_are_no_gaps_and_no_overlaps(tmp_path: Path) -> None:
    zone = ZoneInfo("Europe/Berlin")
    for day in (datetime(2026, 1, 1) + n * DAY for n in range(365)):  # noqa: DTZ001 - local
        start, end = (each.replace(tzinfo=zone).astimezone(UTC) for each in (day, day + DAY))
        make(tmp_path / f"dt={day:%Y-%m-%d}", start, end - start)
    end = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert codes(audited(tmp_path, end)) == []


def test_months_are_no_gaps(tmp_path: Path) -> None:
    starts = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 13)]
    for start, end in zip(starts, [*starts[1:], LATER], strict=True):
        make(tmp_path / f"month={start:%Y-%m}", start, end - start)
    assert codes(audited(tmp_path, LATER)) == []
    (finding,) = audited(tmp_path, LATER + 70 * DAY).findings
    assert (finding.code, "has stopped" in finding.what) == ("gap", True)


def test_an_hour_that_is_missing_is_a_gap_with_its_name(tmp_path: Path) -> None:
    for hour in range(48):
        if hour != 30:
            start = START + hour * HOUR
            make(tmp_path / f"{start:%Y-%m-%dT%H}", start, HOUR)
    (finding,) = audited(tmp_path, _end(2)).findings
    assert finding.code == "gap"
    assert "06:00:00.000Z, 2026-01-06T07:00:00.000Z): 1 window of 1 hour" in finding.what
    assert finding.where == str(tmp_path)


def test_windows_that_always_overlap_are_a_lookback(tmp_path: Path) -> None:
    for day in range(10):
        make(tmp_path / f"until={day}", _end(day), 7 * DAY)
    assert codes(audited(tmp_path, _end(16))) == []
    make(tmp_path / "again", _end(3), 7 * DAY)
    assert codes(audited(tmp_path, _end(16))) == ["overlap"]


def _series(lake: Path, *stretches: tuple[int, timedelta], **manifest: str) -> datetime:
    """Write exports whose windows follow each other, so many of each length; return the end."""
    start = START
    for number, length in stretches:
        for _ in range(number):
            name = "%Y-%m-%dT%H" if length < DAY else "%Y-%m-%d"
            make(lake / f"dt={start:{name}}", start, length, **manifest)
            start += length
    return start


@pytest.mark.parametrize(
    "stretches",
    [
        ((48, HOUR), (9, DAY)),
        ((9, DAY), (48, HOUR)),
        ((20, DAY), (3, 7 * DAY)),
        ((6, 7 * DAY), (7, DAY)),
        ((20, DAY), (5, 28 * DAY), (7, 7 * DAY)),
    ],
    ids=["hours, days", "days, hours", "days, weeks", "weeks, days", "days, months, weeks"],
)
def test_a_series_that_is_exported_more_or_less_often_now_is_measured_by_that(
    tmp_path: Path, stretches: tuple[tuple[int, timedelta], ...]
) -> None:
    end, now = _series(tmp_path, *stretches), stretches[-1][1]
    assert codes(audited(tmp_path, end + 1.9 * now)) == []
    (finding,) = audited(tmp_path, end + 3 * now).findings
    assert "has stopped" in finding.what
    assert ": 3 windows of " in finding.what


def test_a_missing_hour_is_found_where_hours_are_the_habit(tmp_path: Path) -> None:
    _series(tmp_path, (40, DAY), (24, HOUR), (40, DAY), endpoint="feedback")
    lost = START + 40 * DAY + 15 * HOUR
    _delete(tmp_path / f"dt={lost:%Y-%m-%dT%H}")
    (finding,) = audited(tmp_path, START).findings
    assert (finding.code, "1 window of 1 hour" in finding.what) == ("gap", True)


def test_a_day_that_is_missing_every_other_day_is_found_by_who_knows_better(tmp_path: Path) -> None:
    for directory in make_days(tmp_path, 9)[1::2]:
        _delete(directory)
    assert codes(audited(tmp_path, START)) == []
    assert codes(audited(tmp_path, START, every=DAY)) == ["gap"] * 4


def test_a_lookback_may_begin_and_end(tmp_path: Path) -> None:
    for day in range(36):
        lookback = 6 * DAY if 12 <= day < 24 else 0 * DAY
        make(tmp_path / f"until={day}", _end(day) - lookback, DAY + lookback)
    assert codes(audited(tmp_path, _end(36))) == []


def test_a_series_that_lies_in_two_places_is_one_finding(tmp_path: Path) -> None:
    make_days(tmp_path, 20)
    make_days(tmp_path, 20, "copy")
    (finding,) = audited(tmp_path, START).findings
    assert (finding.code, finding.where) == ("overlap", f"{tmp_path}/views/dt=2026-01-05")
    assert finding.what.endswith(f"So it is with 19 more, up to {tmp_path}/copy/dt=2026-01-24.")


def test_windows_that_overlap_in_part_are_not_to_be_deleted_at_once(tmp_path: Path) -> None:
    make_days(tmp_path, 5)
    for day in range(5, 10):
        make(tmp_path / "views" / f"dt={_end(day):%Y-%m-%d}", _end(day) - HOUR)
    (finding,) = audited(tmp_path, START).findings
    assert finding.code == "overlap"
    assert finding.do.startswith("Export one of them again")


def test_one_day_a_week_is_a_sample(tmp_path: Path) -> None:
    for week in (0, 1, 2, 3, 5):
        make(tmp_path / f"{week}", _end(7 * week))
    (finding,) = audited(tmp_path, _end(36)).findings
    assert finding.code == "gap"
    assert "[2026-01-27T00:00:00.000Z, 2026-02-09T00:00:00.000Z)" in finding.what


def test_a_series_has_stopped_when_two_windows_are_overdue(tmp_path: Path) -> None:
    make_days(tmp_path, 5)
    assert codes(audited(tmp_path, _end(7) - HOUR)) == []
    (finding,) = audited(tmp_path, _end(7)).findings
    assert "has stopped: no export covers" in finding.what
    assert finding.where == f"{tmp_path}/views"
    with pytest.raises(ConfigError, match="no exports of windows that end after 2026-01-11"):
        audited(tmp_path, LATER, since=_end(6))


def test_exports_at_no_regular_times_do_not_stop(tmp_path: Path) -> None:
    for day in (0, 1, 9, 30):
        make(tmp_path / f"{day}", _end(day), timedelta(days=1) if day else 9 * DAY)
    assert "has stopped" not in str(audited(tmp_path, LATER).findings)
    assert "has stopped" in str(audited(tmp_path, LATER, every=DAY).findings)


def test_a_longer_window_over_days_of_other_directories_is_an_overlap_of_events_only(
    tmp_path: Path,
) -> None:
    make_days(tmp_path, 10)
    make(tmp_path / "weekly" / "1", _end(0), 7 * DAY)
    assert codes(audited(tmp_path, _end(10))) == []
    make_days(tmp_path, 10, "feedback", endpoint="feedback")
    make(tmp_path / "history" / "1", _end(0), 7 * DAY, endpoint="feedback")
    (finding,) = audited(tmp_path, _end(10)).findings
    assert (finding.code, finding.where) == ("overlap", f"{tmp_path}/history/1")
    assert "7 other exports" in finding.what


def test_projects_services_accounts_and_filters_are_series_of_their_own(tmp_path: Path) -> None:
    make_days(tmp_path, 5, "one")
    make_days(tmp_path, 5, "two", project_id="other")
    make_days(tmp_path, 5, "three", service="https://proxy.example.com")
    make_days(tmp_path, 5, "four", filters={"status": "pending"})
    for account in ("a", "b"):
        make_days(tmp_path, 5, account, platform="vyom", project_id=None, account=account)
    assert codes(audited(tmp_path, _end(5))) == []


@pytest.mark.parametrize(
    ("label", "offset"),
    [("dt={:%Y-%m-%d}", DAY * 0), ("until={:%Y-%m-%d}", DAY), ("{:%Y%m%d}/x", -2 * HOUR)],
)
def test_what_a_label_means_is_learned_and_one_that_means_another_is_found(
    tmp_path: Path, label: str, offset: timedelta
) -> None:
    for day in range(10):
        make(tmp_path / label.format(_end(day)), _end(day) - offset)
    assert codes(audited(tmp_path, START)) == []
    wrong = make(tmp_path / label.format(_end(10)), _end(11) - offset)
    make(tmp_path / label.format(_end(11)), _end(10) - offset)
    (finding,) = audited(tmp_path, _end(12)).findings
    assert (finding.code, finding.where) in {
        ("label", str(wrong)),
        ("label", str(tmp_path / label.format(_end(11)))),
    }


def test_since_leaves_out_what_ended_before(tmp_path: Path) -> None:
    days = make_days(tmp_path, 10)
    _delete(days[2])
    assert codes(audited(tmp_path, _end(10))) == ["gap"]
    report = audited(tmp_path, _end(10), since=_end(4))
    assert (codes(report), report.exports, report.rows) == ([], 6, 18)
    with pytest.raises(ConfigError, match=r"since=.* is not before until="):
        audited(tmp_path, _end(10), since=_end(10))


def test_nights_are_no_silence_where_days_were_exported_before(tmp_path: Path) -> None:
    for day in range(60):
        make(tmp_path / f"dt={_end(day):%Y-%m-%d}", _end(day), rows=100)
    for hour in range(72):
        start, rows = _end(60) + hour * HOUR, 10 if 6 <= hour % 24 < 18 else 0
        make(tmp_path / f"dt={start:%Y-%m-%dT%H}", start, HOUR, rows=rows)
    assert codes(audited(tmp_path, _end(63))) == []


def test_quiet_weekends_are_no_silence_of_a_lookback(tmp_path: Path) -> None:
    for day in range(70):
        rows = 0 if _end(day).weekday() == 6 else 100
        make(tmp_path / f"until={day}", _end(day) - DAY, 2 * DAY, rows=rows)
    assert codes(audited(tmp_path, _end(70))) == []
