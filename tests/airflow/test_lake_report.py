"""The report as a task and as a command: what it writes, what it returns, what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics.cli import main
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators.lake import LakeReportOperator
from airflow_provider_docsanalytics.operators.links import ReportLink
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from tests.lake.report_page import SITE, turns, write

if TYPE_CHECKING:
    from pathlib import Path

DATES = {"date_from": "2026-01-12", "date_to": "2026-01-19"}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write(tmp_path / "lake", "conversations", turns(4, 1))
    return tmp_path / "lake"


def _report(lake: Path, page: object, **given: Any) -> dict[str, Any]:
    task = LakeReportOperator(task_id="report", lake=str(lake), report=str(page), **given)
    return task.execute({})


def test_the_task_writes_the_page_in_place_of_an_earlier_one(lake: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "week.html"
    for _ in range(2):
        returned = _report(lake, page, base_url=SITE)
        assert returned == {
            "report": str(page),
            "date_from": "2026-01-12T00:00:00.000Z",
            "date_to": "2026-01-19T00:00:00.000Z",
            "questions": 28,
            "unanswered": 7,
            "redacted": 0,
            "complete": True,
        }
        json.dumps(returned)
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [each.name for each in page.parent.iterdir()] == ["week.html"]
    assert _report(lake, page, **DATES)["questions"] == 28
    assert SITE not in page.read_text(encoding="utf-8")


def test_a_report_that_fails_leaves_the_earlier_page(lake: Path, tmp_path: Path) -> None:
    page = tmp_path / "week.html"
    page.write_text("earlier")
    part = next(lake.rglob("part-*"))
    part.write_bytes(b"x" * part.stat().st_size)
    with pytest.raises(Exception, match="cannot be read"):
        _report(lake, page)
    assert page.read_text() == "earlier"
    assert [each.name for each in tmp_path.glob("*.html*")] == ["week.html"]


def test_the_page_goes_to_a_bucket(lake: Path, s3_url: str, monkeypatch: Any) -> None:
    client = {"endpoint_url": s3_url, "region_name": "eu-west-1"}
    keys = {"conn_type": "aws", "login": "k", "password": "s", "extra": client}
    monkeypatch.setenv("AIRFLOW_CONN_PAGES", json.dumps(keys))
    bucket = fsspec.filesystem("s3", key="k", secret="s", client_kwargs=client)
    bucket.makedirs("pages", exist_ok=True)
    returned = _report(lake, "s3://pages@pages/docs/week.html")
    assert returned["report"] == "s3://pages@pages/docs/week.html"
    assert bucket.cat_file("pages/docs/week.html").startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"report": "/pages/week"}, r"is not the name of a page"),
        ({"report": "/pages/{ds}.html"}, "has fields"),
        ({"report": "week.html"}, "depends on where the worker runs"),
        ({"lake": "/lake/{endpoint}"}, "has fields"),
        ({"date_from": "2026-01-12"}, "date_to is missing"),
        ({"date_to": "2026-01-12"}, "date_from is missing"),
        ({"date_from": "2026-01-12", "date_to": "2026-01-12"}, "is not before"),
        ({"base_url": "docs.example.com"}, "is not the address of a site"),
    ],
)
def test_a_wrong_parameter_is_refused_when_the_dag_is_parsed(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        LakeReportOperator(**{"task_id": "report", "lake": "/lake", "report": "/p.html"} | given)


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="the web server of Airflow 2 reads a database")
def test_a_link_leads_to_the_page_or_else_to_the_xcom() -> None:
    task = LakeReportOperator(task_id="report", lake="/lake", report="/week.html")
    key = TaskInstanceKey("dag", "report", "run", 1, -1)
    assert ReportLink().get_link(task, ti_key=key) == ""
    task.summary = {"report": "s3://my_conn@pages/week.html"}
    assert ReportLink().get_link(task, ti_key=key).endswith("pages?prefix=week.html")
    task.summary = {"report": "/week.html"}
    assert ReportLink().get_link(task, ti_key=key) == "dags/dag/runs/run/tasks/report/xcom"


def test_the_command_writes_the_page_and_says_so(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "week.html"
    dates = ("--from", "2026-01-12", "--to", "2026-01-19")
    assert main(["report", str(lake), *dates, "--output", str(page), "--base-url", SITE]) == 0
    said = "2026-01-12T00:00:00.000Z to 2026-01-19T00:00:00.000Z, 28 questions, 7 unanswered"
    assert capsys.readouterr().out == f"{page}: {said}\n"
    assert f"{SITE}/guides/keys" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2026-01-12"), "date_to is missing"),
        (("--from", "soon", "--to", "2026-01-19"), "date_from='soon' is not a date"),
        (("--from", "2026-01-19", "--to", "2026-01-12"), "is not before"),
        (("--base-url", "javascript:alert(1)"), "is not the address of a site"),
        (("--storage-conn-id", "absent"), "'absent'"),
    ],
)
def test_a_report_that_cannot_run_exits_with_2_and_writes_nothing(
    lake: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "week.html"
    assert main(["report", str(lake), "--output", str(page), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert not page.exists()


def test_a_lake_that_is_none_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "week.html"
    assert main(["report", str(tmp_path / "none"), "--output", str(page)]) == 2
    assert "is not a lake: it is not a directory" in capsys.readouterr().err
    assert not page.exists()


def test_a_task_without_a_lake_is_not_retried(tmp_path: Path) -> None:
    with pytest.raises((ConfigError, AirflowFailException), match="is not a lake"):
        _report(tmp_path / "none", tmp_path / "week.html")
