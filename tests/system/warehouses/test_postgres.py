"""``docsanalytics schema --dialect postgres`` and the Dag ``load_postgres``, on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import load_postgres
import pytest
from airflow.providers.postgres.hooks import postgres as provider

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.lake.schema import columns, table_of
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.reliability.differential import FILES, differences
from tests.support import loads
from tests.support.airflow_home import AIRFLOW_COMMANDS, airflow_environment
from tests.support.airflow_home import DATABASE as DATABASE_COMMANDS
from tests.system.warehouses.database import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("postgres_default")
TYPES = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "object": "jsonb",
    "list of objects": "jsonb",
}


@pytest.fixture(params=[pytest.param("psycopg", marks=pytest.mark.short), "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library with which Airflow connects: the second one before SQLAlchemy 2."""
    monkeypatch.setattr(provider, "USE_PSYCOPG3", request.param == "psycopg")
    return str(request.param)


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[loads.Lake]:
    """Two projects of a month."""
    config = Config(rows=600, start="2026-01-01", end="2026-01-31")
    with Simulator(config, projects=2) as service:
        connection = {"conn_type": "mintlify", "host": service.url, "login": service.project_id}
        connection["password"] = service.mintlify_key
        monkeypatch.setenv("AIRFLOW_CONN_MINTLIFY_DEFAULT", json.dumps(connection))
        endpoints = [MINTLIFY.endpoints[name] for name in loads.ENDPOINTS]
        store = Postgres(*(table_of(MINTLIFY, endpoint, "postgres") for endpoint in endpoints))
        yield loads.Lake(tmp_path, service, store)


@pytest.mark.parametrize("scenario", loads.SCENARIOS, ids=lambda each: each.__name__)
def test_postgresql_holds_the_services_rows(
    driver: str, docs: loads.Lake, scenario: Callable[[loads.Lake], None]
) -> None:
    scenario(docs)


@pytest.mark.parametrize("seed", range(FILES))
def test_postgresql_holds_rows_with_everything_that_json_allows(driver: str, seed: int) -> None:
    def loaded(file: str) -> list[loads.Row]:
        store = Postgres(table_of(MINTLIFY, loads.ODD, "postgres"))
        store.load(loads.odd_export(file))
        return store.run(
            "SELECT id, at, hits, ctr, ok, sources::text, range::text, _extra::text FROM odd"
        )

    output = OutputFormat("csv", None, loads.ODD_CONTEXT, loads.ODD.fields)
    found = differences(output, "PostgreSQL", loaded, seed, typed=False, stored=_without_nul)
    assert found == []


def _without_nul(row: bytes) -> bytes:
    return row.replace(rb"\u0000", rb"\ufffd")


@pytest.mark.parametrize("column", ["query", "sources", "_extra"])
def test_a_nul_becomes_u_fffd_and_the_text_of_its_escape_stays(
    driver: str, docs: loads.Lake, caplog: pytest.LogCaptureFixture, column: str
) -> None:
    texts = ["\0", "a\0\0b", r"\u0000", "\\\0", r"\\u0000", "\ud83d\ude00\0"]
    for text in texts:
        value: Any = [{"title": text, "url": "/"}] if column == "sources" else text
        key = "language" if column == "_extra" else column
        docs.service.clear_faults()
        docs.service.add_faults(
            [{"kind": "set_in_rows", "key": key, "value": value, "times": None}]
        )
        docs.load("conversations", loads.FIRST)
        (found,) = {json.dumps(row[column]) for row in docs.store.rows("conversations")}
        expected = json.dumps({"language": text} if column == "_extra" else value)
        replaced = "\0" in text
        assert json.loads(found) == _replaced(json.loads(expected)), text
        assert ("NUL characters became U+FFFD" in caplog.text) == replaced
        caplog.clear()


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_replaced(element) for element in value]
    return {name: _replaced(element) for name, element in value.items()}


@pytest.mark.short
def test_loads_of_one_table_at_once_leave_each_row_once(docs: loads.Lake) -> None:
    export = docs.export("views", loads.FIRST)
    threads = [threading.Thread(target=docs.store.load, args=(export,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    docs.assert_holds("views", docs.truth("views", loads.FIRST))


@pytest.mark.short
def test_the_example_dag_runs_as_a_task_for_each_export(docs: loads.Lake, tmp_path: Path) -> None:
    environment = airflow_environment(
        tmp_path / "home",
        AIRFLOW__CORE__DAGS_FOLDER=str(Path(load_postgres.__file__).parent),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{tmp_path}/lake",
    )
    for conn_id in ("MINTLIFY_DEFAULT", "POSTGRES_DEFAULT"):
        environment[f"AIRFLOW_CONN_{conn_id}"] = os.environ[f"AIRFLOW_CONN_{conn_id}"]
    commands = (*DATABASE_COMMANDS, "dags test load_postgres 2026-01-11")
    done = subprocess.run(
        [sys.executable, str(AIRFLOW_COMMANDS), *commands],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for endpoint in ("conversations", "feedback", "searches"):
        docs.assert_holds(endpoint, docs.truth(endpoint, loads.FIRST))


@pytest.mark.short
def test_every_table_has_a_column_of_its_type_for_each_field() -> None:
    for platform in (MINTLIFY, VYOM):
        for endpoint in platform.endpoints.values():
            store = Postgres(table_of(platform, endpoint, "postgres"))
            found = store.run(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = 'public' ORDER BY ordinal_position"
            )
            fields = columns(platform, endpoint)
            expected = [(field.name, TYPES[field.kind.value]) for field in fields]
            expected[-1] = ("_extra", "json")
            assert [(row["column_name"], row["data_type"]) for row in found] == expected
