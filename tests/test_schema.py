"""``docsanalytics schema``: a table for each endpoint, in each dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics import cli
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.fields import Field, Kind
from airflow_provider_docsanalytics.lake.schema import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDPOINTS = [
    pytest.param(platform, endpoint, id=endpoint.name)
    for platform in (MINTLIFY, VYOM)
    for endpoint in platform.endpoints.values()
]
BIGQUERY_TYPES = {"STRING", "INTEGER", "FLOAT", "BOOLEAN", "TIMESTAMP", "RECORD"}


def _schema(capsys: pytest.CaptureFixture[str], endpoint: str, dialect: str) -> str:
    assert cli.main(["schema", endpoint, "--dialect", dialect]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("platform", "endpoint"), ENDPOINTS)
def test_bigquerys_schema_has_what_its_load_jobs_ask_for(
    capsys: pytest.CaptureFixture[str], platform: Any, endpoint: Any
) -> None:
    def compare(described: list[dict[str, Any]], fields: Sequence[Field]) -> None:
        assert [column["name"] for column in described] == [field.name for field in fields]
        for column, field in zip(described, fields, strict=True):
            nested = {"fields"} if field.fields else set()
            assert column.keys() == {"name", "type", "mode"} | nested
            assert column["type"] in BIGQUERY_TYPES
            assert (column["type"] == "RECORD") == bool(nested)
            assert (column["mode"] == "REPEATED") == (field.kind is Kind.OBJECTS)
            compare(column.get("fields", []), field.fields)

    compare(json.loads(_schema(capsys, endpoint.name, "bigquery")), columns(platform, endpoint))


def test_a_table_has_the_columns_of_the_files_in_their_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _schema(capsys, "searches", "postgres").splitlines() == [
        'CREATE TABLE "searches" (',
        '  "_project_id" text,',
        '  "_date_from" timestamptz,',
        '  "_date_to" timestamptz,',
        '  "searchQuery" text,',
        '  "hits" bigint,',
        '  "ctr" double precision,',
        '  "topClickedPage" text,',
        '  "lastSearchedAt" timestamptz,',
        '  "_extra" json',
        ");",
    ]


def test_an_unknown_endpoint_is_refused_with_the_names_of_both_services(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["schema", "viewz", "--dialect", "duckdb"]) == 2
    first, action = capsys.readouterr().err.splitlines()
    assert first == "docsanalytics: No endpoint is named viewz. Did you mean 'views'?"
    assert action == f"Use one of: {', '.join([*MINTLIFY.endpoints, *VYOM.endpoints])}."
