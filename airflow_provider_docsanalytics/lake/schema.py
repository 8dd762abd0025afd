"""Tables for the rows of an endpoint: the columns of CSV and Parquet, in the types of a database.

Every column may be null, as in the files. A table fits the format that its database loads best:
CSV for PostgreSQL, Parquet for the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.fields import CONTEXT, EXTRA, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform


def columns(platform: Platform, endpoint: Endpoint) -> tuple[Field, ...]:
    """Return the columns of an endpoint's CSV and Parquet files, in their order."""
    context = {
        "_project_id": platform.has_projects,
        "_date_from": endpoint.windowed,
        "_date_to": endpoint.windowed,
    }
    return (*(field for field in CONTEXT if context[field.name]), *endpoint.fields, EXTRA)


def table_of(platform: Platform, endpoint: Endpoint, dialect: str) -> str:
    """Return the statement that creates an endpoint's table; for BigQuery, a JSON schema file.

    Args:
        platform: of the endpoint.
        endpoint: whose name the table gets.
        dialect: one of :data:`DIALECTS`.
    """
    fields = columns(platform, endpoint)
    if dialect == BIGQUERY:
        return json.dumps([_bigquery(field) for field in fields], indent=2)
    sql = _SQL[dialect]
    lines = ",\n".join(f"  {sql.quoted(field.name)} {sql.column_type(field)}" for field in fields)
    return f"CREATE TABLE {sql.quoted(endpoint.name)} (\n{lines}\n){sql.ending};"


def column_type(field: Field, dialect: str) -> str:
    """Return the type of a field's column in one of :data:`DIALECTS`."""
    if dialect == BIGQUERY:
        described = _bigquery(field)
        repeated = described["mode"] == "REPEATED"
        return f"REPEATED {described['type']}" if repeated else str(described["type"])
    return _SQL[dialect].column_type(field)


@dataclass(frozen=True, slots=True)
class _Sql:
    """A dialect of SQL.

    Attributes:
        types: of columns; ``{}`` is the place of an object's fields.
        extra: the type of :data:`EXTRA`.
        quote: around names.
        colon: what separates a name and its type within an object.
        ending: of the statement.
    """

    types: Mapping[Kind, str]
    extra: str
    quote: str = '"'
    colon: str = " "
    ending: str = ""

    def quoted(self, name: str) -> str:
        return f"{self.quote}{name}{self.quote}"

    def column_type(self, field: Field) -> str:
        return self.extra if field == EXTRA else self._type(field)

    def _type(self, field: Field) -> str:
        return self.types[field.kind].format(self._members(field.fields))

    def _members(self, fields: Sequence[Field]) -> str:
        return ", ".join(
            f"{self.quoted(field.name)}{self.colon}{self._type(field)}" for field in fields
        )


def _bigquery(field: Field) -> dict[str, Any]:
    described = {
        "name": field.name,
        "type": _BIGQUERY_TYPES[field.kind],
        "mode": "REPEATED" if field.kind is Kind.OBJECTS else "NULLABLE",
    }
    if not field.fields:
        return described
    return described | {"fields": [_bigquery(inner) for inner in field.fields]}


_SQL = {
    "duckdb": _Sql(
        types={
            Kind.TEXT: "VARCHAR",
            Kind.INTEGER: "BIGINT",
            Kind.NUMBER: "DOUBLE",
            Kind.BOOLEAN: "BOOLEAN",
            Kind.TIMESTAMP: "TIMESTAMPTZ",
            Kind.OBJECT: "STRUCT({})",
            Kind.OBJECTS: "STRUCT({})[]",
        },
        extra="JSON",
    ),
    "postgres": _Sql(
        types={
            Kind.TEXT: "text",
            Kind.INTEGER: "bigint",
            Kind.NUMBER: "double precision",
            Kind.BOOLEAN: "boolean",
            Kind.TIMESTAMP: "timestamptz",
            Kind.OBJECT: "jsonb",
            Kind.OBJECTS: "jsonb",
        },
        extra="json",  # keeps the service's text; jsonb refuses numbers such as 1e200000
    ),
    # Names without quotes, so that queries need none either; COPY matches them in any case.
    "snowflake": _Sql(
        types={
            Kind.TEXT: "VARCHAR",
            Kind.INTEGER: "BIGINT",
            Kind.NUMBER: "DOUBLE",
            Kind.BOOLEAN: "BOOLEAN",
            Kind.TIMESTAMP: "TIMESTAMP_LTZ",
            Kind.OBJECT: "VARIANT",
            Kind.OBJECTS: "VARIANT",
        },
        extra="VARCHAR",
        quote="",
    ),
    # Its COPY of Parquet fills columns by position, and knows no TIMESTAMPTZ: these are in UTC.
    "redshift": _Sql(
        types={
            Kind.TEXT: "VARCHAR(65535)",
            Kind.INTEGER: "BIGINT",
            Kind.NUMBER: "DOUBLE PRECISION",
            Kind.BOOLEAN: "BOOLEAN",
            Kind.TIMESTAMP: "TIMESTAMP",
            Kind.OBJECT: "SUPER",
            Kind.OBJECTS: "SUPER",
        },
        extra="VARCHAR(65535)",
    ),
    "spark": _Sql(
        types={
            Kind.TEXT: "STRING",
            Kind.INTEGER: "BIGINT",
            Kind.NUMBER: "DOUBLE",
            Kind.BOOLEAN: "BOOLEAN",
            Kind.TIMESTAMP: "TIMESTAMP",
            Kind.OBJECT: "STRUCT<{}>",
            Kind.OBJECTS: "ARRAY<STRUCT<{}>>",
        },
        extra="STRING",
        quote="`",
        colon=": ",
        ending=" USING parquet",
    ),
}
BIGQUERY = "bigquery"
_BIGQUERY_TYPES = {
    Kind.TEXT: "STRING",
    Kind.INTEGER: "INTEGER",
    Kind.NUMBER: "FLOAT",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.OBJECT: "RECORD",
    Kind.OBJECTS: "RECORD",
}
DIALECTS = ("duckdb", "postgres", BIGQUERY, "snowflake", "redshift", "spark")
"""Names of dialects."""
