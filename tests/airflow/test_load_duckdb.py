"""``docsanalytics schema --dialect duckdb`` and the Dag ``load_duckdb``, on DuckDB itself."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import UTC
from typing import TYPE_CHECKING, Any

import duckdb
import load_duckdb
import pytest
from pyarrow import parquet

from airflow_provider_docsanalytics import cli
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.lake.schema import table_of
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.airflow.conftest import connect
from tests.airflow.test_operators import MONTH, WINDOWED, _export
from tests.reliability.differential import FILES, differences
from tests.support import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow.providers.common.compat.sdk import ObjectStoragePath


def _created(endpoint: str) -> str:
    with redirect_stdout(io.StringIO()) as said:
        assert cli.main(["schema", endpoint, "--dialect", "duckdb"]) == 0
    return said.getvalue()


class DuckDb:
    """A database file with the tables of all endpoints."""

    form = {"file_format": "parquet"}  # noqa: RUF012 - a constant

    def __init__(self, file: Path, *tables: str) -> None:
        self.file = str(file)
        for table in tables:
            self.run(table)

    def load(self, export: loads.Export) -> int:
        return int(load_duckdb.load.function(export, self.file))

    def rows(self, table: str) -> list[loads.Row]:
        rows = self.run(f"FROM {table}")
        for row in rows:
            row["_extra"] = row["_extra"] and json.loads(row["_extra"])
        return rows

    def without_column(self, export: loads.Export, column: str) -> None:
        for uri in export["uris"]:
            file = uri.removeprefix("file://")
            parquet.write_table(parquet.ParquetFile(file).read().drop_columns([column]), file)

    def drop_column(self, table: str, column: str) -> None:
        self.run(f"ALTER TABLE {table} DROP {column}")

    def run(self, query: str) -> list[loads.Row]:
        with duckdb.connect(self.file) as database:
            done = database.execute(query)
            names = [column[0] for column in done.description]
            return [dict(zip(names, map(_value, row), strict=True)) for row in done.fetchall()]


def _value(value: Any) -> Any:
    return value.astimezone(UTC) if hasattr(value, "astimezone") else value


@pytest.fixture
def docs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[loads.Lake]:
    """Two projects of a month."""
    config = Config(rows=600, start="2026-01-01", end="2026-01-31")
    with Simulator(config, projects=2) as service:
        connect(monkeypatch, "mintlify", service)
        store = DuckDb(tmp_path / "docs.duckdb", *map(_created, loads.ENDPOINTS))
        yield loads.Lake(tmp_path / "lake", service, store)


@pytest.mark.parametrize("scenario", loads.SCENARIOS, ids=lambda each: each.__name__)
def test_duckdb_holds_the_services_rows(
    docs: loads.Lake, scenario: Callable[[loads.Lake], None]
) -> None:
    scenario(docs)


@pytest.mark.parametrize("seed", range(FILES))
def test_duckdb_holds_rows_with_everything_that_json_allows(tmp_path: Path, seed: int) -> None:
    def loaded(file: str) -> list[loads.Row]:
        store = DuckDb(tmp_path / "odd.duckdb", table_of(MINTLIFY, loads.ODD, "duckdb"))
        store.load(loads.odd_export(file))
        return store.run("FROM odd")

    output = OutputFormat("parquet", None, loads.ODD_CONTEXT, loads.ODD.fields)
    assert differences(output, "DuckDB", loaded, seed, typed=False) == []


@pytest.mark.parametrize("endpoint", [*WINDOWED, "threads"])
def test_a_table_of_duckdb_has_the_columns_and_types_of_the_files(
    connections: Simulator, tmp_path: Path, endpoint: str
) -> None:
    turns, _ = connections.truth("conversations", *MONTH.values())
    arguments = {"thread_ids": [turns[0]["id"]]} if endpoint == "threads" else MONTH
    export = _export(endpoint, tmp_path / "lake", file_format="parquet", **arguments)
    (file, *_) = export["uris"]
    store = DuckDb(tmp_path / "docs.duckdb", _created(endpoint))
    types = [
        [(column["column_name"], column["column_type"]) for column in store.run(f"DESCRIBE {what}")]
        for what in (endpoint, f"FROM read_parquet('{file}')")
    ]
    assert types[0].pop() == ("_extra", "JSON")
    assert types[1].pop() == ("_extra", "VARCHAR")
    assert types[0] == types[1]


def test_duckdb_loads_from_an_object_store(
    connections: Simulator, tmp_path: Path, lake: ObjectStoragePath
) -> None:
    store = DuckDb(tmp_path / "docs.duckdb", _created("views"))
    path = str(lake / "loaded" / "views")
    export = _export("views", path, file_format="parquet", **MONTH)
    assert store.load(export) == store.load(export) == export["rows"] > 0
    assert len(store.run("FROM views")) == export["rows"]
