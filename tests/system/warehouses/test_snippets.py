"""The Dags of docs/warehouses.md for warehouses that run nowhere here: what they would send.

Importing them creates Airflow's own operators, which refuse parameters that they do not have.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from sqlglot import exp

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.airflow.conftest import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.short
SNIPPETS = Path(__file__).resolve().parents[3] / "docs" / "snippets" / "warehouses"
DAYS = {"date_from": "2026-01-10", "date_to": "2026-01-12"}
EXPORT = {
    "project_id": "proj_1",
    "date_from": "2026-01-10T00:00:00.000Z",
    "path": "s3://lake_s3@lake/searches/dt=2026-01-10",
    "uris": [f"s3://lake/searches/dt=2026-01-10/part-0000{n}-1f3a9c2e.parquet" for n in (0, 1)],
}
WINDOW = {"_project_id": "proj_1", "_date_from": "2026-01-10T00:00:00.000Z"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(Config(rows=2500, start="2026-01-01", end="2026-01-31")) as service:
        connect(monkeypatch, "mintlify", service)
        yield service


def _rendered(template: Any, **results: Any) -> Any:
    """Return a template's text as a task renders it, given other tasks' results."""
    from airflow.providers.common.compat.sdk import BaseOperator

    def xcom_pull(task_ids: str) -> Any:
        return results[task_ids]

    context: Any = {"ti": SimpleNamespace(xcom_pull=xcom_pull)}
    return BaseOperator(task_id="any").render_template(template, context)


def _deleted(sql: str, dialect: str) -> dict[str, str]:
    """Return the values of the columns by which a statement deletes."""
    delete = sqlglot.parse_one(sql, dialect=dialect)
    assert isinstance(delete, exp.Delete)
    return {each.this.name: each.expression.this for each in delete.find_all(exp.EQ)}


def test_snowflake_replaces_a_window_by_the_files_of_its_export() -> None:
    load = runpy.run_path(str(SNIPPETS / "snowflake.py"))["load"]
    assert load.autocommit is False  # one transaction
    session, delete, copy = _rendered(load.sql, export=EXPORT)
    assert isinstance(sqlglot.parse_one(session, dialect="snowflake"), exp.Alter)
    assert _deleted(delete, "snowflake") == WINDOW
    statement = sqlglot.parse_one(copy, dialect="snowflake")
    assert isinstance(statement, exp.Copy)
    names = ", ".join(f"'{uri.removeprefix('s3://lake/')}'" for uri in EXPORT["uris"])
    assert f"FILES = ({names})" in copy


def test_redshift_replaces_a_window_by_the_files_of_its_export() -> None:
    load = runpy.run_path(str(SNIPPETS / "redshift.py"))["load"]
    assert load.autocommit is False
    delete, copy = _rendered(load.sql, export=EXPORT, copy_manifest="s3://lake/x/_redshift.json")
    assert _deleted(delete, "redshift") == WINDOW
    statement = sqlglot.parse_one(copy, dialect="redshift")
    assert isinstance(statement, exp.Copy)
    assert "s3://lake/x/_redshift.json" in statement.sql("redshift")


def test_redshifts_list_has_the_url_and_the_size_of_every_file(
    service: Simulator, tmp_path: Path
) -> None:
    copy_manifest = runpy.run_path(str(SNIPPETS / "redshift.py"))["copy_manifest"]
    export = _export(tmp_path, pages_per_file=1)
    target = copy_manifest.function(export)
    assert target == f"file://{tmp_path}/_redshift.json"
    entries = json.loads((tmp_path / "_redshift.json").read_text())["entries"]
    assert [entry["url"] for entry in entries] == export["uris"]
    for entry in entries:
        size = Path(entry["url"].removeprefix("file://")).stat().st_size
        assert entry == {
            "url": entry["url"],
            "mandatory": True,
            "meta": {"content_length": size},
        }
    again = _export(tmp_path, pages_per_file=1)  # the list is nobody's part
    assert again["rows"] == export["rows"]
    assert (tmp_path / "_redshift.json").exists()


def test_bigquery_stages_the_files_and_replaces_the_window_in_one_transaction() -> None:
    snippet = runpy.run_path(str(SNIPPETS / "bigquery.py"))
    uris = [uri.replace("s3://", "gs://") for uri in EXPORT["uris"]]
    assert snippet["names"].function({"uris": uris}) == [
        uri.removeprefix("gs://lake/") for uri in uris
    ]
    sql = _rendered(snippet["REPLACE"], export=EXPORT)
    begin, delete, insert, commit = sqlglot.parse(sql.strip().rstrip(";"), dialect="bigquery")
    assert isinstance(begin, exp.Transaction)
    assert isinstance(commit, exp.Commit)
    assert isinstance(insert, exp.Insert)
    assert WINDOW["_date_from"] in delete.sql("bigquery")
    assert WINDOW["_project_id"] in delete.sql("bigquery")


def test_airflows_analytics_operator_reads_the_parquet_files(
    service: Simulator, tmp_path: Path
) -> None:
    _export(tmp_path / "parquet" / "searches" / "dt=2026-01-10")
    code = (SNIPPETS / "analytics.py").read_text().replace("/lake/", f"{tmp_path}/")
    snippet = tmp_path / "analytics.py"
    snippet.write_text(code)
    query = runpy.run_path(str(snippet))["searches_without_click"]
    (result,) = json.loads(query.execute({}))
    rows, _ = service.truth("searches", *DAYS.values())
    without = sorted((-row["hits"], row["searchQuery"]) for row in rows if row["ctr"] == 0)[:20]
    assert without
    assert result["data"] == [{"searchQuery": name, "hits": -hits} for hits, name in without]


def _export(path: Path, **more: Any) -> dict[str, Any]:
    operator = MintlifyExportOperator(
        task_id="export",
        endpoint="searches",
        path=f"file://{path}",
        file_format="parquet",
        **DAYS,
        **more,
    )
    result: dict[str, Any] = operator.execute({})
    return result
