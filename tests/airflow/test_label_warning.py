"""A directory's label and its window: a window that ends in another day is warned about, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._path import label_warning
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.window import DateWindow, parse_local

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

DAY = "dt={date_from:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("path", "start", "end", "period"),
    [
        (DAY, "2026-11-19", "2026-11-26", "day"),
        (DAY, "2026-11-19", "2026-11-20T00:00:00.001", "day"),
        ("y={date_from:%Y}/m={date_from:%m}/d={date_from:%d}", "2026-11-19", "2026-11-21", "day"),
        ("{date_from:%G-W%V}", "2026-11-16", "2026-11-30", "week"),
        ("{date_from:%Y-%m}", "2026-11-01", "2026-12-31", "month"),
        ("{date_from:%Y}", "2026-01-01", "2028-01-01", "year"),
        (DAY, "2026-11-19T06:00", "2026-11-20T06:00", "day"),
        (DAY, "2026-11-19T23:30", "2026-11-20T00:30", "day"),
        (DAY, "2026-11-19T00:00+01:00", "2026-11-20T00:00Z", "day"),
        ("{date_from:%G-W%V}", "2026-11-19", "2026-11-26", "week"),
        ("{date_from:%Y-%m}", "2026-11-26", "2026-12-03", "month"),
        # Right
        (DAY, "2026-11-19", "2026-11-20", ""),
        (DAY, "2026-11-19T00:00+01:00", "2026-11-19T23:00Z", ""),
        (DAY, "2026-11-19", "2026-11-19T01:00", ""),
        ("{date_from:%Y-%m}", "2026-11-01", "2026-12-01", ""),
        ("{date_from:%Y}", "2028-01-01", "2029-01-01", ""),
        ("{date_from:%Y-%m-%d}_{date_to:%Y-%m-%d}", "2026-11-19", "2026-11-26", ""),
        ("from={date_from}", "2026-11-19", "2026-11-26", ""),
        ("{date_from:%Y%m%dT%H%M}", "2026-11-19", "2026-11-26", ""),
        ("{{ ds }}", "2026-11-19", "2026-11-26", ""),
        ("no label", "2026-11-19", "2026-11-26", ""),
    ],
)
def test_a_label_that_names_another_period_than_the_window_is_explained(
    path: str, start: str, end: str, period: str
) -> None:
    window = DateWindow.between(parse_local(start, "date_from"), parse_local(end, "date_to"))
    said = label_warning(path, window)
    assert bool(said) == bool(period)
    if period:
        assert f"names one {period} (" in said
        assert f"export one {period} at a time" in said


def test_a_local_day_of_25_hours_fits_its_label() -> None:
    london = ZoneInfo("Europe/London")
    window = DateWindow.between(
        datetime(2026, 10, 25, tzinfo=london), datetime(2026, 10, 26, tzinfo=london)
    )
    assert window.end - window.start == timedelta(hours=25)
    assert label_warning(DAY, window) == ""


def test_the_warning_names_both_days_and_the_zone_in_which_they_are_days() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    window = DateWindow.between(
        datetime(2026, 11, 19, 14, 3, tzinfo=tokyo), datetime(2026, 11, 20, 14, 3, tzinfo=tokyo)
    )
    said = label_warning(DAY, window)
    assert "names one day (2026-11-19)" in said
    assert "ends in another (2026-11-20)" in said
    assert said.endswith("the window's zone, Asia/Tokyo.")


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Return what the task has logged: Airflow 3 writes it itself."""

    def read() -> str:
        written = capfd.readouterr()
        return written.out + written.err or "\n".join(caplog.messages)

    return read


def _run(lake: Path, start: str, end: str) -> Any:
    with DAG("week", schedule=None):
        task = MintlifyExportOperator(
            task_id="export",
            endpoint="conversations",
            path=f"{lake}/dt={{date_from:%Y-%m-%d}}",
            date_from=start,
            date_to=end,
        )
    return task.execute({})


def test_a_week_in_a_days_directory_is_a_warning_and_the_days_refusal_names_date_to(
    connections: Simulator, tmp_path: Path, logged: Callable[[], str]
) -> None:
    _run(tmp_path, "2026-01-09", "2026-01-16")
    said = logged()
    assert said.count("names one day (2026-01-09)") == 1
    assert "\nPut {date_to:%Y-%m-%d} into the path" in said
    connections.clear_requests()
    with pytest.raises((ConfigError, AirflowFailException)) as refused:
        _run(tmp_path, "2026-01-09", "2026-01-10")
    differs, action = str(refused.value).splitlines()[1:]
    assert differs.strip() == (
        "date_to: '2026-01-16T00:00:00.000Z' there, '2026-01-10T00:00:00.000Z' now"
    )
    assert action.startswith("Put {date_to:%Y-%m-%d} into the path")
    assert connections.requests == []


def test_a_day_in_a_days_directory_is_no_warning(
    connections: Simulator, tmp_path: Path, logged: Callable[[], str]
) -> None:
    _run(tmp_path, "2026-01-09", "2026-01-10")
    assert "names one" not in logged()
