"""Which exports count: overlaps, doubles, filters, accounts, zones, and what completeness says."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake import open_lake
from airflow_provider_docsanalytics.lake.connection import set_period
from airflow_provider_docsanalytics.window import iso_ms
from tests.lake.made import DAY, START, make, make_days, make_of
from tests.lake.test_models import opened, rows

if TYPE_CHECKING:
    from pathlib import Path

LATER = iso_ms(START + 40 * DAY)
WEEK = 7 * DAY


def _turn(at: datetime, **more: Any) -> dict[str, Any]:
    usual = {"id": "1", "timestamp": iso_ms(at), "query": "q", "response": "r", "sources": []}
    return usual | more


def _one(lake: Path, query: str) -> Any:
    """Return the only row: its values."""
    (row,) = opened(lake).execute(query).fetchall()
    return row[0] if len(row) == 1 else row


def test_a_day_that_was_exported_under_two_paths_is_counted_once(tmp_path: Path) -> None:
    make(tmp_path / "a", rows=3)
    make(tmp_path / "b", rows=2, finished_at=LATER)
    assert _one(tmp_path, "SELECT sum(human) FROM views") == 2
    assert rows(opened(tmp_path), "SELECT path, superseded FROM exports") == [
        {"path": "a", "superseded": True},
        {"path": "b", "superseded": False},
    ]


def test_of_counts_a_window_is_left_out_as_a_whole_and_its_other_days_are_missing(
    tmp_path: Path,
) -> None:
    make(tmp_path / "a", START, 3 * DAY)
    make(tmp_path / "b", START + 2 * DAY, 3 * DAY, finished_at=LATER)
    make(tmp_path / "c", START - DAY)
    assert _one(tmp_path, "SELECT count(*) FROM views") == 6
    (found,) = rows(opened(tmp_path), "FROM completeness")
    assert (found["windows"], found["doubled"], found["expected_windows"]) == (2, 1, 4)
    assert found["missing"] == 2


def test_of_events_each_instant_is_of_the_fresher_export(tmp_path: Path) -> None:
    noon = START + DAY / 2
    old = [_turn(noon, query="gone since"), _turn(noon + DAY, query="old")]
    new = [_turn(noon + DAY, query="new"), _turn(noon + DAY, query="twin"), _turn(noon + 2 * DAY)]
    make_of(tmp_path / "old", "conversations", old, START, START + 2 * DAY)
    window = START + DAY / 2, START + 3 * DAY
    make_of(tmp_path / "new", "conversations", new, *window, finished_at=LATER)
    queries = "SELECT list(query ORDER BY query) FROM conversations"
    assert _one(tmp_path, queries) == ["new", "q", "twin"]


def test_feedback_counts_once_with_its_last_status_also_across_adjacent_windows(
    tmp_path: Path,
) -> None:
    entry = {"id": "1", "path": "/a", "comment": None, "source": "agent", "status": "pending"}
    unknown = entry | {"createdAt": None}
    make_of(tmp_path / "a", "feedback", [unknown], finished_at=LATER)
    resolved = unknown | {"status": "resolved"}
    make_of(tmp_path / "b", "feedback", [resolved], START + DAY, START + 2 * DAY)
    assert _one(tmp_path, "SELECT status FROM feedback") == "pending"
    seen = "SELECT first_seen, last_seen FROM open_feedback"
    assert [iso_ms(each.astimezone(UTC)) for each in _one(tmp_path, seen)] == [iso_ms(START), LATER]


def test_rows_without_their_key_are_not_taken_for_one(tmp_path: Path) -> None:
    make_of(tmp_path / "a", "feedback", [{"path": "/a"}, {"path": "/b"}])
    assert _one(tmp_path, "SELECT count(*) FROM feedback") == 2


def test_threads_count_once(tmp_path: Path) -> None:
    threads = [{"threadId": "t", "messages": []}]
    for name, finished in (("a", iso_ms(START)), ("b", LATER)):
        make_of(tmp_path / name, "threads", threads, None, None, finished_at=finished)
    assert _one(tmp_path, "SELECT count(*) FROM threads") == 1


def test_filtered_exports_are_listed_and_never_mixed_with_the_others(tmp_path: Path) -> None:
    entry = {"id": "1", "source": "agent", "status": "pending", "createdAt": iso_ms(START)}
    make_of(tmp_path / "all", "feedback", [entry])
    make_of(tmp_path / "some", "feedback", [entry], filters={"source": "agent"}, finished_at=LATER)
    assert _one(tmp_path, "SELECT count(*) FROM feedback") == 1
    found = rows(opened(tmp_path), "SELECT filters, windows FROM completeness")
    assert found == [{"filters": "", "windows": 1}, {"filters": "source=agent", "windows": 1}]


def test_the_granularity_of_calls_by_time_leaves_no_rows_out(tmp_path: Path) -> None:
    calls = [{"date": "2026-01-05", "total_calls": 2}]
    vyom = {"platform": "vyom", "project_id": None, "account": "vyom_default"}
    make_of(tmp_path / "a", "calls_by_time", calls, filters={"granularity": "day"}, **vyom)
    make_of(tmp_path / "b", "calls_by_time", calls, **vyom, finished_at=LATER)
    assert _one(tmp_path, "SELECT sum(total_calls) FROM calls_by_time") == 2


def test_days_win_over_months_and_visitors_keep_both(tmp_path: Path) -> None:
    for endpoint in ("views", "visitors"):
        read = [{"path": "/a", "human": 3, "ai": 0, "total": 3}]
        for start, length in [(START + n * DAY, DAY) for n in range(20)] + [(START, 20 * DAY)]:
            by = "day" if length == DAY else "month"
            path = tmp_path / endpoint / f"{by}={start:%Y-%m-%d}"
            finished = START if by == "day" else START + 40 * DAY
            make_of(path, endpoint, read, start, start + length, finished_at=iso_ms(finished))
    assert _one(tmp_path, "SELECT sum(human) FROM views") == 60
    lengths = "SELECT list(DISTINCT epoch(_date_to - _date_from) / 86400 ORDER BY 1) FROM visitors"
    assert _one(tmp_path, lengths) == [1, 20]


def test_two_projects_and_one_project_on_two_services_are_never_added_up(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b", project_id="other")
    make(tmp_path / "c", service="https://eu.example")
    found = _one(tmp_path, "SELECT list(project ORDER BY project) FROM human_and_ai_views LIMIT 1")
    assert sorted(set(found)) == [
        "other",
        "proj at https://api.mintlify.com",
        "proj at https://eu.example",
    ]


def test_an_export_whose_files_are_not_as_its_manifest_says_is_missing_and_named(
    tmp_path: Path,
) -> None:
    days = make_days(tmp_path, 5)
    next(days[1].glob("part-*")).unlink()
    next(days[3].glob("part-*")).write_bytes(b"{")
    connection = opened(tmp_path)
    problems = "SELECT problem FROM exports WHERE problem <> ''"
    missing, short = (each["problem"] for each in rows(connection, problems))
    assert missing == "part-00000-1f3a9c2e.jsonl is missing."
    assert short.startswith("part-00000-1f3a9c2e.jsonl has 1 byte, and the manifest says 1")
    (found,) = rows(connection, "FROM completeness")
    assert (found["windows"], found["missing"], found["unreadable"]) == (3, 2, 2)


@pytest.mark.parametrize(
    ("zone", "template"),
    [
        ("Europe/Berlin", "a-day"),
        ("America/Los_Angeles", "until={:%Y-%m-%d}/a-day"),
        ("Pacific/Auckland", "dt={:%Y-%m-%d}"),  # 13 hours from UTC: only a name can tell
    ],
)
def test_days_of_a_time_zone_have_their_own_dates_and_weeks_also_when_the_clock_changes(
    tmp_path: Path, zone: str, template: str
) -> None:
    midnights = [datetime(2026, 3, 23 + n, tzinfo=ZoneInfo(zone)) for n in range(9)]
    midnights += [datetime(2026, 4, 1 + n, tzinfo=ZoneInfo(zone)) for n in range(6)]
    for number, (day, end) in enumerate(pairwise(midnights)):
        label = end if template.startswith("until") else day
        path = tmp_path / template.format(label).replace("a-day", f"day-{number}")
        start, end = day.astimezone(UTC), end.astimezone(UTC)  # noqa: PLW2901
        make(path, start, end - start, rows=1)
        asked = [_turn(start), _turn(end - timedelta(minutes=1), resolutionStatus="unanswered")]
        make_of(path.parent / f"{path.name}-turns", "conversations", asked, start, end)
    connection = opened(tmp_path)
    dates = [date(2026, 3, 23) + n * DAY for n in range(len(midnights) - 1)]
    for view in ("views", "conversations"):
        found = rows(connection, f"SELECT DISTINCT _date FROM {view} ORDER BY 1")  # noqa: S608
        assert [each["_date"] for each in found] == dates
    used = rows(connection, "SELECT questions FROM assistant_usage WHERE caller = 'total'")
    assert used == [{"questions": 2}] * len(dates)
    for week in (0, 1):
        # A period in UTC fits zones of up to 12 hours; others need theirs.
        clock = ZoneInfo(zone) if zone == "Pacific/Auckland" else UTC
        start = datetime(2026, 3, 23, tzinfo=clock) + week * WEEK
        set_period(connection, start, start + WEEK)
        (found,) = rows(connection, "FROM completeness WHERE endpoint = 'views'")
        windows = 7 if week == 0 else len(dates) - 7
        assert (found["windows"], found["missing"]) == (windows, 0), (week, found)
        (read,) = rows(connection, "SELECT sum(human) AS views FROM human_and_ai_views")
        assert read == {"views": windows}
        (total,) = rows(
            connection, "SELECT sum(questions) AS n FROM assistant_usage WHERE caller = 'total'"
        )
        assert total == {"n": 2 * windows}  # of whole days, not of days in UTC


def test_completeness_names_the_gaps_within_a_period_and_at_its_ends(tmp_path: Path) -> None:
    days = make_days(tmp_path, 10)
    for missing in (3, 4, 9):
        days[missing].rename(tmp_path.parent / f"{tmp_path.name}-{missing}")
    connection = opened(tmp_path)
    (found,) = rows(connection, "FROM completeness")
    assert (found["expected_windows"], found["windows"], found["missing"]) == (9, 7, 2)
    set_period(connection, START - 2 * DAY, START + 10 * DAY)
    (found,) = rows(connection, "FROM completeness")
    assert (found["expected_windows"], found["windows"], found["missing"]) == (12, 7, 5)
    set_period(connection, START + 3 * DAY, START + 5 * DAY)
    (found,) = rows(connection, "FROM completeness")
    assert (found["expected_windows"], found["windows"], found["missing"]) == (2, 0, 2)
    set_period(connection, START - 9 * DAY, START - 2 * DAY)
    assert rows(connection, "FROM completeness") == []  # before it was exported at all


def test_what_has_stopped_is_missing_if_it_was_exported_regularly(tmp_path: Path) -> None:
    make_days(tmp_path, 14)
    make_days(tmp_path / "stopped", 3, project_id="stopped")
    make_days(tmp_path / "twice", 2, project_id="twice")
    make_days(tmp_path / "part", 5, project_id="part", filters={"status": "pending"})
    connection = opened(tmp_path)
    set_period(connection, START + 7 * DAY, START + 14 * DAY)
    found = rows(connection, "SELECT owner, windows, missing FROM completeness")
    assert found == [
        {"owner": "proj", "windows": 7, "missing": 0},
        {"owner": "stopped", "windows": 0, "missing": 7},
    ]


def test_the_period_of_a_lake_includes_exports_that_do_not_count(tmp_path: Path) -> None:
    days = make_days(tmp_path, 3)
    next(days[2].glob("part-*")).unlink()
    make(tmp_path / "week" / "of", START, WEEK, finished_at=LATER)
    (found,) = rows(opened(tmp_path), "FROM completeness")
    assert (found["windows"], found["missing"], found["unreadable"]) == (2, 5, 1)
    assert found["doubled"] == 1


def test_a_week_of_caller_stats_beside_days_of_conversations_counts_no_question_twice(
    tmp_path: Path,
) -> None:
    asked = {"web": 6, "api": 0, "other": 0, "total": 6}
    make_of(tmp_path / "stats", "caller_stats", [asked], START, START + WEEK)
    make_of(tmp_path / "stats-before", "caller_stats", [asked], START - WEEK, START)
    for place in range(7):
        day = START + place * DAY
        found = [_turn(day)] if place else []  # none on the first
        make_of(tmp_path / f"{place}", "conversations", found, day, day + DAY)
    total = "SELECT date, questions FROM assistant_usage WHERE caller = 'total'"
    assert [each["questions"] for each in rows(opened(tmp_path), total)] == [6, 0, *[1] * 6]


def test_a_month_of_counts_is_no_part_of_a_week_and_a_month_of_events_is(tmp_path: Path) -> None:
    for endpoint in ("views", "conversations"):
        make_of(tmp_path / endpoint, endpoint, [], START, START + 28 * DAY)
    connection = opened(tmp_path)
    for week in range(4):
        set_period(connection, START + week * WEEK, START + (week + 1) * WEEK)
        (found,) = rows(connection, "FROM completeness")
        assert (found["endpoint"], found["windows"], found["missing"]) == ("conversations", 1, 0)


def test_a_lake_without_exports_has_views_without_rows(tmp_path: Path) -> None:
    connection = opened(tmp_path)
    for (name,) in connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall():
        assert rows(connection, f"FROM {name}") == [], name


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (("2026-01-05", "2026-01-05"), "date_to=.* is not after date_from"),
        (("2026-02-05",), "date_to=2026-01-06.* is not after date_from=2026-02-05"),
        (("soon",), "date_from='soon' is not a date"),
        ((None, None, "2026-02-01"), "is not after change_date"),
    ],
)
def test_a_period_that_cannot_be_is_refused(
    tmp_path: Path, period: tuple[Any, ...], message: str
) -> None:
    make(tmp_path / "a")
    with pytest.raises(ConfigError, match=message):
        set_period(opened(tmp_path), *period)


@pytest.mark.parametrize("url", ["docs.example.com", "https://", "https:///docs", "ftp://x"])
def test_a_base_url_that_is_no_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=f"base_url='{re.escape(url)}' is not a URL"):
        opened(tmp_path, url)


@pytest.mark.parametrize("base_url", [None, ""])
def test_without_a_base_url_pages_keep_their_paths(tmp_path: Path, base_url: str | None) -> None:
    make(tmp_path / "a", rows=1)
    with closing(open_lake(str(tmp_path), base_url=base_url)) as connection:
        assert rows(connection, "SELECT page FROM views") == [{"page": "/page-0"}]
