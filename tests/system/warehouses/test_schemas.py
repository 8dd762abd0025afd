"""The tables of every dialect, parsed by another's parser."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.fields import Kind
from airflow_provider_docsanalytics.lake.schema import BIGQUERY, DIALECTS, columns, table_of

pytestmark = pytest.mark.short
KINDS = {
    exp.DataType.Type.TEXT: Kind.TEXT,
    exp.DataType.Type.VARCHAR: Kind.TEXT,
    exp.DataType.Type.BIGINT: Kind.INTEGER,
    exp.DataType.Type.DOUBLE: Kind.NUMBER,
    exp.DataType.Type.BOOLEAN: Kind.BOOLEAN,
    exp.DataType.Type.TIMESTAMP: Kind.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ: Kind.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPLTZ: Kind.TIMESTAMP,
}


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != BIGQUERY])
def test_every_table_is_a_statement_with_the_columns_of_the_files(dialect: str) -> None:
    for platform in (MINTLIFY, VYOM):
        for endpoint in platform.endpoints.values():
            (table,) = sqlglot.parse(table_of(platform, endpoint, dialect), dialect=dialect)
            assert isinstance(table, exp.Create)
            assert table.find(exp.Table).name == endpoint.name
            found = list(table.this.expressions)
            *fields, extra = columns(platform, endpoint)
            assert [column.name for column in found] == [field.name for field in (*fields, extra)]
            for column, field in zip(found, fields, strict=False):
                nested = field.kind in (Kind.OBJECT, Kind.OBJECTS)
                assert nested or KINDS[column.kind.this] is field.kind, (dialect, field.name)
