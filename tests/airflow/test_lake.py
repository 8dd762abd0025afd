"""The audit as a task: what it returns, what it writes, and when it fails."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.finding import CODES, DEEP
from airflow_provider_docsanalytics.operators.lake import LakeAuditOperator
from airflow_provider_docsanalytics.operators.links import AuditLink
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from tests.lake.made import DAY, START, make_days

if TYPE_CHECKING:
    from pathlib import Path


class TaskInstance(SimpleNamespace):
    """What a task pushes."""

    def __init__(self) -> None:
        super().__init__(pushed={})

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def _audit(lake: Path, **given: Any) -> LakeAuditOperator:
    return LakeAuditOperator(task_id="audit", lake=str(lake), until=START + 5 * DAY, **given)


def test_a_lake_that_is_fine_returns_its_counts(tmp_path: Path) -> None:
    make_days(tmp_path, 5)
    assert _audit(tmp_path).execute({}) == {
        "lake": str(tmp_path),
        "exports": 5,
        "rows": 15,
        "errors": 0,
        "warnings": 0,
        "codes": {},
        "findings": [],
        "report": None,
    }


@pytest.mark.parametrize(
    ("damage", "fail_on", "fails"),
    [
        ("error", "error", True),
        ("error", "never", False),
        ("warning", "error", False),
        ("warning", "warning", True),
    ],
)
def test_a_task_fails_by_severity_and_its_xcom_has_the_findings_all_the_same(
    tmp_path: Path, damage: str, fail_on: Any, *, fails: bool
) -> None:
    days = make_days(tmp_path, 5)
    if damage == "error":
        next(days[2].glob("part-*")).unlink()
    else:
        (days[2] / "part-00007-1f3a9c2e.jsonl").touch()
    code = {"error": "missing-file", "warning": "unlisted-part"}[damage]
    task, instance = _audit(tmp_path, fail_on=fail_on), TaskInstance()
    if fails:
        with pytest.raises(
            AirflowFailException, match=rf"the audit found {code} \(1\)\. The first"
        ):
            task.execute({"ti": instance})
        returned = instance.pushed["return_value"]
    else:
        returned = task.execute({"ti": instance})
        assert instance.pushed == {}
    assert returned["codes"] == {code: 1}
    assert (returned["errors"], returned["warnings"]) == (damage == "error", damage == "warning")
    (finding,) = returned["findings"]
    assert set(finding) == {"code", "severity", "where", "what", "do"}
    json.dumps(returned)


def test_the_report_has_all_findings_and_replaces_an_earlier_one(tmp_path: Path) -> None:
    for day in make_days(tmp_path / "lake", 30):
        (day / "part-00007-1f3a9c2e.jsonl").touch()
    file = tmp_path / "lake" / "_audits" / "2026.json"
    for _ in range(2):  # a second run replaces it
        task = _audit(tmp_path / "lake", report=str(file))
        returned = task.execute({})
        report = json.loads(file.read_text())
        assert (report["exports"], len(report["findings"])) == (30, 30)
        assert (len(returned["findings"]), returned["report"]) == (20, str(file))


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="the web server of Airflow 2 reads a database")
@pytest.mark.parametrize(
    ("report", "page"),
    [
        ("s3://my_conn@lake/_audits/2026.json", "lake?prefix=_audits/2026.json"),
        (None, "dags/dag/runs/run/tasks/audit/xcom"),
    ],
)
def test_a_link_leads_to_the_report_or_else_to_the_xcom(report: str | None, page: str) -> None:
    task = LakeAuditOperator(task_id="audit", lake="/lake")
    key = TaskInstanceKey("dag", "audit", "run", 1, -1)
    assert AuditLink().get_link(task, ti_key=key) == ""
    task.summary = {"report": report}
    assert AuditLink().get_link(task, ti_key=key).endswith(page)


@pytest.mark.parametrize("deep", [False, True])
def test_openlineage_gets_an_assertion_for_every_code_that_was_looked_for(
    tmp_path: Path, *, deep: bool
) -> None:
    days = make_days(tmp_path, 5)
    next(days[2].glob("part-*")).unlink()
    task = _audit(tmp_path, fail_on="never", deep=deep)
    task.execute({})
    (lake,) = task.get_openlineage_facets_on_complete(None).inputs
    assert (lake.namespace, lake.name) == ("file", str(tmp_path))
    asserted = lake.inputFacets["dataQualityAssertions"].assertions
    expected = {f"no {code}": code != "missing-file" for code in CODES if deep or code not in DEEP}
    assert {each.assertion: each.success for each in asserted} == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lake": "/lake/{endpoint}"}, "has fields, and many exports have one lake"),
        ({"lake": "lake"}, "lake='lake': it depends on where the worker runs"),
        ({"every": timedelta(0)}, "every=0 is no time"),
        ({"fail_on": "warnings"}, "Did you mean 'warning'"),
        ({"report": "s3://bucket/{ds}.json"}, "report='s3://bucket/{ds}.json' has fields"),
    ],
)
def test_a_wrong_parameter_is_refused_when_the_dag_is_parsed(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said.replace("{", r"\{").replace("}", r"\}")):
        LakeAuditOperator(**{"task_id": "audit", "lake": "/lake"} | given)


def test_no_exports_are_a_failure_and_not_a_clean_lake(tmp_path: Path) -> None:
    with pytest.raises((ConfigError, AirflowFailException), match="is not a lake"):
        _audit(tmp_path / "absent").execute({})
