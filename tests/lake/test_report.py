"""The page about a lake: what it says, what it does not say, and that nothing in it is alive."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.lake.report import make_report
from airflow_provider_docsanalytics.window import DateWindow, iso_ms
from tests.lake.made import DAY, START, make_of
from tests.lake.report_page import (
    SITE,
    WEEK,
    Parsed,
    Rows,
    reported,
    text_of,
    turns,
    views,
    votes,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

BEFORE, AFTER = range(7), range(7, 14)


def _searches(day: datetime) -> Rows:
    seen = {"topClickedPage": None, "lastSearchedAt": f"{day:%Y-%m-%d}T12:00:00Z"}
    return [
        {"searchQuery": "webhook", "hits": 30, "ctr": 60.0, **seen},
        {"searchQuery": "graphql", "hits": 10, "ctr": 0.0, **seen},
    ]


def _calls(day: datetime) -> Rows:
    hours = {"total_duration_minutes": 90.0, "total_duration_hours": 1.5}
    return [{"total_calls": 40, **hours, "avg_duration_minutes": 2.25}]


def _whole(lake: Path) -> Path:
    """Write a lake in which the second week is worse."""
    write(lake, "conversations", turns(40, 4), BEFORE)
    write(lake, "conversations", turns(40, 16), AFTER)
    write(lake, "caller_stats", lambda _: [{"web": 30, "api": 8, "other": 2, "total": 40}])
    write(lake, "searches", _searches)
    write(lake, "views", views(500))
    write(lake, "feedback_by_page", votes(9, 3))
    vyom: dict[str, Any] = {"platform": "vyom", "project_id": None, "account": "vyom_default"}
    write(lake, "dashboard", _calls, **vyom)
    return lake


def test_the_page_says_what_changed_and_what_did_not(tmp_path: Path) -> None:
    report = reported(_whole(tmp_path))
    text = Parsed(report.html).text
    assert "Documentation report, 12 to 18 Jan 2026" in text
    for sentence in (
        "Readers asked the assistant 280 questions; 280 in the period before: no change",
        "answered 60 % (168 of 280); down from 90 % (252 of 280) in the period before.",
        "126 of 280 searches led to a click (45 %); 45 % (126 of 280) in the period before",
        "People viewed pages 3,500 times; 3,500 in the period before: no change",
        "21 of 84 votes say that a page did not help (25 %)",
        "Voice assistants took 280 calls; 280 in the period before: no change",
        "/guides/keys | Keys | How do I rotate a key? | 280 | 112 | 0",
        "graphql | 70 | 70",
        "/guides/keys | 3,500 | 63 | 21 | 25 %",
        "web | 210 | 75 % | 210",
        "Complete: 6 endpoints with every export of the period.",
    ):
        assert sentence in text, sentence
    assert report[1:] == ("2026-01-12T00:00:00.000Z", "2026-01-19T00:00:00.000Z", 280, 112, 0, True)
    assert len(Parsed(report.html).all("li")) == 5, "as many sentences as people read"


def test_where_nothing_happened_the_page_says_so(tmp_path: Path) -> None:
    write(tmp_path, "conversations", turns(3, resolutionStatus=None), AFTER)
    write(tmp_path, "searches", lambda _: [], AFTER)
    write(tmp_path, "feedback_by_page", lambda _: [], AFTER)
    text = text_of(tmp_path)
    for sentence in (
        "No question of this period says whether it was answered.",
        "Nobody searched.",
        "Nobody voted on a page.",
        "No question stayed unanswered.",
        "Every search led to a click.",
        "No vote says that a page did not help.",
    ):
        assert sentence in text, sentence


def test_what_needs_the_most_work_comes_first(tmp_path: Path) -> None:
    def asked(day: datetime) -> Rows:
        pages = {"/few": 3, "/most": 6, "/some": 5}
        return [
            row
            for page, number in pages.items()
            for row in turns(number, number, pageUrl=page, queryCategory=page)(day)
        ]

    def voted(day: datetime) -> Rows:
        pages = {"/one": (0, 1), "/good": (90, 10), "/bad": (2, 8)}
        return [row for page, (up, down) in pages.items() for row in votes(up, down, page)(day)]

    seen = {"ctr": 0, "topClickedPage": None, "lastSearchedAt": "2026-01-12T12:00:00Z"}
    terms = [{"searchQuery": term, "hits": 9, **seen} for term in ("inst", "insta", "install")]
    write(tmp_path, "conversations", asked, [7])
    write(tmp_path, "feedback_by_page", voted, [7])
    write(tmp_path, "searches", lambda _: terms, [7])
    page = reported(tmp_path)
    text = Parsed(page.html).text
    assert re.findall(r"(/\w+) \| \1", text) == ["/most", "/some", "/few"]
    assert re.findall(r"(/\w+) \| - \| (?:\d+ \| ){2}(.*)", text) == [
        ("/bad", "80 %"),
        ("/one", "100 % few votes"),
        ("/good", "10 %"),
    ]
    (bars,) = re.findall(rb"<svg.*?</svg>", page.html, re.DOTALL)
    from_the_bottom = [b"/few", b"/some", b"/most"]
    assert re.findall(rb">(/\w+)<", bars) == from_the_bottom
    assert "on the way to a longer term is left out: 2 beginnings of terms" in text
    assert "install | 9 | -" in text


def test_the_same_lake_gives_the_same_page_whenever_and_by_whatever_locale(tmp_path: Path) -> None:
    lake = _whole(tmp_path)
    assert reported(lake).html == reported(lake).html
    assert f"{datetime.now(UTC):%Y-%m-%d}" not in text_of(lake)


def test_the_page_is_one_small_file_without_scripts_that_loads_nothing(tmp_path: Path) -> None:
    html = reported(_whole(tmp_path)).html
    page = Parsed(html)
    assert len(html) < 200_000
    loading = {"script", "link", "img", "iframe", "object", "embed", "form", "base", "video"}
    assert not {tag for tag, _ in page.elements} & loading
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {
        "src",
        "srcset",
        "style",
    }
    assert not re.search(rb"url\(|@import", html)
    assert {str(each["href"]).startswith(f"{SITE}/") for each in page.all("a")} == {True}


def test_the_page_can_be_read_without_seeing_it(tmp_path: Path) -> None:
    html = reported(_whole(tmp_path)).html
    page = Parsed(html)
    assert page.all("html") == [{"lang": "en"}]
    headings = [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert len(page.all("svg")) == 3
    for chart in re.findall(rb"<svg.*?</svg>", html, re.DOTALL):
        drawn = ET.fromstring(chart)  # noqa: S314 - our own
        assert drawn.get("role") == "img"
        assert drawn[0].tag.endswith("title")
        assert drawn[0].text
    for group in page.all("div"):
        assert group["aria-label"]
    assert len(page.all("table")) == len(page.all("div"))
    assert all(each.get("scope") == "col" for each in page.all("th"))
    assert "Mon 12 Jan | 40 | 24 | 60 %" in page.text  # the table behind a chart


HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) \u202egnp.exe\u202c"


def test_hostile_text_is_harmless(tmp_path: Path) -> None:
    secret = " mail a@example.com, key sk-abcdefgh12345678, call +1 555 123 4567 "
    asked = turns(3, 3, query=HOSTILE + secret + "x" * 10_000, queryCategory='"><img src=x>')
    write(
        tmp_path,
        "conversations",
        turns(2, 2, pageUrl="javascript:alert(1)//%22onload", query=HOSTILE + secret),
        project_id="<b>p</b>",
    )
    write(tmp_path, "conversations", asked)
    term = {"hits": 9, "ctr": 0.0, "topClickedPage": None, "lastSearchedAt": "2026-01-12T00:00:00Z"}
    write(tmp_path, "searches", lambda _: [{"searchQuery": f"{HOSTILE} b@example.com", **term}])
    write(tmp_path, "feedback_by_page", votes(0, 5, '/"><svg onload=alert(1)>'))
    vyom: dict[str, Any] = {"platform": "vyom", "project_id": None, "account": "v"}
    call = {"assistant_id": "1", "total_calls": 3, "total_duration_minutes": 1.0}
    write(
        tmp_path,
        "calls_by_assistant",
        lambda _: [{**call, "assistant_name": HOSTILE, "total_duration_hours": 0.1}],
        **vyom,
    )
    report = reported(tmp_path)
    page = Parsed(report.html)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img", "b"})
    assert {name for _, each in page.elements for name in each if name.startswith("on")} == set()
    for each in page.all("a"):
        assert str(each["href"]).startswith(f"{SITE}/")
    assert "\u202e" not in report.html.decode()
    assert "<script>alert(1)</script> [x](javascript:alert(1)) gnp.exe" in page.text
    assert "mail [e-mail], key [key], call [number]" in page.text
    assert not re.search(r"example\.com(?!/)|sk-abc|555", page.text.replace(SITE, ""))
    assert report.redacted >= 7
    assert "Redacted in what readers wrote:" in page.text
    assert len(report.html) < 100_000


def test_a_lake_says_which_endpoints_it_lacks(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500))
    report = reported(tmp_path)
    text = Parsed(report.html).text
    for endpoint in ("conversations", "searches", "feedback", "caller_stats"):
        assert f"The lake has no exports of {endpoint} in this period." in text
    assert "No exports in this period, of Mintlify: conversations, caller_stats, feedback" in text
    assert "Voice" not in text
    assert report.complete


def test_a_day_that_is_missing_is_named_and_nothing_is_compared(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500), [*range(9), *range(11, 14)])
    report = reported(tmp_path)
    text = Parsed(report.html).text
    assert "Exports of this period are missing. The end of the page says which." in text
    assert "views | proj | 5 | 7 | 14 to 15 Jan 2026" in text
    assert "3,500 in the period before: not compared" in text
    assert "Mon 5 Jan | 500 | 10" in text
    assert "Wed 14 Jan | - | -" in text
    assert not report.complete


def test_gaps_are_counted_and_exports_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500), range(0, 14, 2))
    write(tmp_path, "searches", _searches)
    write(tmp_path, "feedback_by_page", votes(9, 3))
    make_of(tmp_path / "threads", "threads", [], None, None)  # of no period
    next((tmp_path / "proj" / "searches" / "dt=2026-01-08").glob("part-*")).unlink()
    report = reported(tmp_path, DateWindow(START, START + 14 * DAY))
    text = Parsed(report.html).text
    named = ", ".join(f"{day} Jan 2026" for day in range(6, 15, 2))
    assert f"views | proj | 7 | 14 | {named}, and 2 more" in text
    assert "searches | proj | 13 | 14 | 8 Jan 2026" in text
    assert "feedback_by_page | proj | 14 | 14 | - | 2026-01-05 00:00" in text
    assert "Incomplete: searches, views. Figures that come from them are too low." in text
    assert "1 export cannot be read" in text
    assert "threads" not in text


def test_exports_that_have_stopped_are_missing_of_each_project(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500))
    write(tmp_path, "views", views(500), BEFORE, project_id="stopped")
    write(tmp_path, "searches", _searches, BEFORE)
    report = reported(tmp_path)
    text = Parsed(report.html).text
    assert "Exports of this period are missing. The end of the page says which." in text
    assert "Incomplete: searches, views." in text
    assert "searches | proj | 0 | 7 | 12 to 18 Jan 2026" in text
    assert "views | stopped | 0 | 7 | 12 to 18 Jan 2026" in text
    assert not report.complete


def test_a_month_of_conversations_has_each_of_its_weeks_and_days(tmp_path: Path) -> None:
    def month(_: datetime) -> Rows:
        return [row for day in range(28) for row in turns(40, 4)(START + day * DAY)]

    write(tmp_path, "conversations", month, [0], 28 * DAY)
    report = reported(tmp_path)
    text = Parsed(report.html).text
    assert "Readers asked the assistant 280 questions; 280 in the period before: no change" in text
    assert "Mon 12 Jan | 40 | 36 | 90 %" in text
    assert "The lake has no exports of conversations in this period." not in text
    assert report.complete


def test_votes_are_those_of_the_table_also_where_projects_have_different_endpoints(
    tmp_path: Path,
) -> None:
    def feedback(day: datetime) -> Rows:
        usual = {"path": "/b", "comment": None, "source": "thumbs_only", "status": "pending"}
        at = f"{day:%Y-%m-%d}T12:00:00Z"
        return [
            usual | {"id": f"{day:%d}-{n}", "createdAt": at, "helpful": n > 3} for n in range(10)
        ]

    write(tmp_path, "feedback_by_page", votes(9, 3, "/a"), project_id="by-page")
    write(tmp_path, "feedback", feedback, project_id="others")
    text = text_of(tmp_path)
    assert "49 of 154 votes say that a page did not help (32 %); 32 % (49 of 154)" in text
    assert "/a | - | 63 | 21 | 25 %" in text
    assert "/b | - | 42 | 28 | 40 %" in text


def test_votes_are_compared_only_if_each_project_has_them_in_both_periods(tmp_path: Path) -> None:
    def feedback(day: datetime) -> Rows:
        usual = {"path": "/b", "comment": None, "source": "thumbs_only", "status": "pending"}
        at = f"{day:%Y-%m-%d}T12:00:00Z"
        return [usual | {"id": f"{day:%d}", "createdAt": at, "helpful": False}]

    write(tmp_path, "feedback_by_page", votes(9, 3, "/a"), project_id="by-page")
    write(tmp_path, "feedback", feedback, AFTER, project_id="others")
    text = text_of(tmp_path)
    assert "25 % (21 of 84) in the period before: not compared, because not every day" in text


def test_nothing_is_new_where_nothing_was_exported_before(tmp_path: Path) -> None:
    write(tmp_path, "conversations", turns(40, 4), AFTER)
    text = text_of(tmp_path)
    assert "1 topic has unanswered questions." in text
    assert "never asked about before" not in text
    assert "How do I rotate a key? | 280" in text  # without the mark "new"


def test_a_lake_of_one_day_is_a_page_about_that_day(tmp_path: Path) -> None:
    write(tmp_path, "conversations", turns(3, 1), [2])
    report = reported(tmp_path, None)
    text = Parsed(report.html).text
    assert "Documentation report, 5 to 11 Jan 2026" in text
    assert "Readers asked the assistant 3 questions; nothing to compare with" in text
    assert "conversations | proj | 1 | 7 | 5 to 6 Jan 2026, 8 to 11 Jan 2026" in text
    assert not report.complete


def test_a_lake_without_exports_is_a_page_that_says_so(tmp_path: Path) -> None:
    report = reported(tmp_path, None)
    assert f"{tmp_path} holds no exports that can be read" in Parsed(report.html).text
    assert report[1:] == (None, None, 0, 0, 0, False)
    text = text_of(tmp_path)
    assert "The lake has no exports in this period." in text
    assert "The lake has no exports of conversations in this period." in text


@pytest.mark.parametrize(
    ("days", "start"),
    [
        (range(14), "12 to 18 Jan"),  # two weeks
        (range(13), "5 to 11 Jan"),  # the second has not ended
        (range(20), "12 to 18 Jan"),
        (range(2, 9), "5 to 11 Jan"),  # a part of the first
        ([9], "12 to 18 Jan"),
    ],
)
def test_the_period_is_the_last_week_that_has_ended(
    tmp_path: Path, days: range | list[int], start: str
) -> None:
    write(tmp_path, "views", views(5), days)
    assert f"Documentation report, {start} 2026" in text_of(tmp_path, None)


def test_the_weeks_of_another_zone_are_weeks(tmp_path: Path) -> None:
    for place in range(14):
        local = START + place * DAY
        for zone, hours in (("tokyo", -9), ("new_york", 5)):
            start = local + timedelta(hours=hours)
            directory = tmp_path / zone / f"dt={local:%Y-%m-%d}"
            row = {"path": "/a", "human": 100, "ai": 1, "total": 101}
            make_of(directory, "views", [row], start, start + DAY, project_id=zone)
    report = reported(tmp_path, None)
    text = Parsed(report.html).text
    assert "Documentation report, 12 to 18 Jan 2026" in text
    assert "People viewed pages 1,400 times; 1,400 in the period before: no change" in text
    assert report.complete, text[-900:]


@pytest.mark.parametrize("monday", ["2026-03-23", "2026-10-19"])
def test_a_day_on_which_the_clock_changes_is_a_day(tmp_path: Path, monday: str) -> None:
    start = datetime.fromisoformat(monday)
    for place in range(-7, 7):
        day = (start + place * DAY).replace(tzinfo=ZoneInfo("Europe/Berlin"))
        row = {"path": "/a", "human": 100, "ai": 1, "total": 101}
        make_of(tmp_path / f"dt={day:%Y-%m-%d}", "views", [row], day, day + DAY)
    start = start.replace(tzinfo=UTC)
    text = text_of(tmp_path, DateWindow(start, start + 7 * DAY))
    assert "People viewed pages 700 times; 700 in the period before: no change" in text


@pytest.mark.parametrize("hours", [-13, -1, 5, 11])
def test_a_week_has_the_questions_of_the_days_of_its_zone(tmp_path: Path, hours: int) -> None:
    for place in range(14):
        local = START + place * DAY
        start = local + timedelta(hours=hours)
        asked = [*turns(20)(start), *turns(20)(start + timedelta(hours=23, minutes=30))]
        for number, row in enumerate(asked):
            row["id"] = f"{place}-{number}"
        directory = tmp_path / f"dt={local:%Y-%m-%d}"
        make_of(directory, "conversations", asked, start, start + DAY)
    report = reported(tmp_path, None)
    text = Parsed(report.html).text
    assert "Documentation report, 12 to 18 Jan 2026" in text
    assert "Readers asked the assistant 280 questions; 280 in the period before: no change" in text
    for day in ("Sun 11 Jan", "Mon 12 Jan", "Sun 18 Jan"):
        assert f"{day} | 40 | 40 | 100 %" in text
    assert report.complete


def test_exports_by_week_have_totals_and_are_not_compared(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500), [0], 7 * DAY)
    write(tmp_path, "views", views(9000), [7], 7 * DAY)
    text = text_of(tmp_path)
    assert "People viewed pages 9,000 times; 500 in the period before: not compared" in text


def test_a_day_that_stands_out_is_named(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500), [*range(9), *range(10, 14)])
    write(tmp_path, "views", views(20), [9])
    changed = "3,500 in the period before: no change of all days, but Wed 14 Jan stands out"
    assert f"People viewed pages 3,020 times; {changed}." in text_of(tmp_path)


def test_a_project_that_comes_or_goes_is_no_change(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500))
    write(tmp_path, "views", views(500), BEFORE, project_id="old")
    text = text_of(tmp_path)
    assert "People viewed pages 3,500 times; 7,000 in the period before: not compared" in text


@pytest.mark.parametrize(("first", "day"), [("2026-06-01", "12 Jun"), ("2026-07-20", "31 Jul")])
def test_no_line_and_no_comparison_goes_across_a_change_of_what_ai_means(
    tmp_path: Path, first: str, day: str
) -> None:
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    for place in range(14):
        when = start + place * DAY
        row = {"path": "/a", "human": 500 - 30 * place, "ai": 30 * place, "total": 500}
        make_of(tmp_path / f"dt={when:%Y-%m-%d}", "views", [row], when, when + DAY)
    report = reported(tmp_path, DateWindow(start + 7 * DAY, start + 14 * DAY))
    text = Parsed(report.html).text
    assert "not compared, because the service changed what counts as AI" in text
    assert f"On {day} 2026 the service changed what it counts as AI" in text
    assert text.count("the service changed what it counts as AI") == 1
    (chart,) = re.findall(rb"<svg.*?</svg>", report.html, re.DOTALL)
    drawn = [each.get("d", "") for each in ET.fromstring(chart).iter() if each.tag == "path"]  # noqa: S314
    points = sorted(line.count(" L ") + 1 for line in drawn)  # of people, of AI, of the break
    assert points == sorted([11, 3, 11, 3, 2])
    assert b"break of definition" in chart


def test_votes_are_those_of_feedback_where_it_is_not_exported_by_page(tmp_path: Path) -> None:
    def rows(day: datetime) -> Rows:
        shared = {"path": "/guides/keys", "createdAt": iso_ms(day), "status": "pending"}
        return [
            {"id": f"{day}{number}", "source": "contextual", "helpful": helpful, **shared}
            for number, helpful in enumerate((True, True, True, False, None))
        ]

    write(tmp_path, "feedback", rows)
    text = text_of(tmp_path)
    assert "7 of 28 votes say that a page did not help (25 %); 25 % (7 of 28) in the per" in text
    assert "/guides/keys | - | 21 | 7 | 25 %" in text


def test_two_weeks_of_one_definition_are_compared(tmp_path: Path) -> None:
    write(tmp_path, "views", views(500), BEFORE)
    write(tmp_path, "views", views(900), AFTER)
    text = text_of(tmp_path)
    assert "6,300 times; up 80 % from 3,500 in the period before" in text
    assert "what it counts" not in text


def test_what_is_left_out_of_a_table_is_counted(tmp_path: Path) -> None:
    def rows(day: datetime) -> Rows:
        return [
            turn
            for number in range(25)
            for turn in turns(1, 1, pageUrl=f"{SITE}/p{number:02}", id=f"{day}{number}")(day)
        ]

    write(tmp_path, "conversations", rows)
    text = text_of(tmp_path)
    assert "/p14 |" in text
    assert "/p15 |" not in text
    assert "10 more: docsanalytics sql unanswered_questions" in text


def test_nothing_is_linked_where_the_site_is_not_known(tmp_path: Path) -> None:
    write(tmp_path, "conversations", turns(3, 3))
    page = Parsed(reported(tmp_path, base_url="").html)
    assert "/guides/keys | Keys" in page.text
    assert page.all("a") == []


def test_the_connection_in_the_lakes_url_is_not_on_the_page(tmp_path: Path) -> None:
    write(tmp_path, "views", views(5))
    files = LakeFiles(LocalFileSystem(), str(tmp_path), "s3://my_conn@bucket/docs")
    text = Parsed(make_report(files, WEEK).html).text
    assert "Made from s3://bucket/docs, whose last export finished at 2026-01-05T00" in text
