"""The tables of ``docsanalytics schema --dialect postgres``, filled as ``load_postgres`` does."""

from __future__ import annotations

import csv
import gzip
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Any

import load_postgres
from airflow.providers.postgres.hooks import postgres as provider

if TYPE_CHECKING:
    from tests.support import loads


class Postgres:
    """A schema with tables, in which the loads of a test find them."""

    form = {"file_format": "csv", "compression": "gzip"}  # noqa: RUF012 - a constant

    def __init__(self, *tables: str) -> None:
        self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for table in tables:
            self.run(table)

    def load(self, export: loads.Export) -> int:
        return int(load_postgres.load.function(export))

    def rows(self, table: str) -> list[loads.Row]:
        return [
            {name: _value(value) for name, value in row.items()}
            for row in self.run(f"SELECT * FROM {table}")  # noqa: S608 - ours
        ]

    def without_column(self, export: loads.Export, column: str) -> None:
        for uri in export["uris"]:
            file = uri.removeprefix("file://")
            with gzip.open(file, "rt", newline="") as packed:
                rows = list(csv.DictReader(packed))
            with gzip.open(file, "wt", newline="") as packed:
                names = [name for name in rows[0] if name != column]
                writer = csv.DictWriter(packed, names, extrasaction="ignore", lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)

    def drop_column(self, table: str, column: str) -> None:
        self.run(f'ALTER TABLE {table} DROP "{column}"')

    @staticmethod
    def run(statement: str) -> list[loads.Row]:
        with closing(provider.PostgresHook().get_conn()) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                names = [column[0] for column in cursor.description or ()]
                rows = cursor.fetchall() if names else []
            connection.commit()
        return [dict(zip(names, row, strict=True)) for row in rows]


def _value(value: Any) -> Any:
    return value.astimezone(UTC) if hasattr(value, "astimezone") else value
