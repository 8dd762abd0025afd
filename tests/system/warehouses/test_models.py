"""The models on PostgreSQL, over what ``load_postgres`` loads, beside DuckDB's over the files."""

from __future__ import annotations

import contextlib
import io
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import load_postgres
import pytest
from airflow.providers.postgres.hooks.postgres import PostgresHook
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.cli import main
from airflow_provider_docsanalytics.lake.connection import ask, connect, set_period
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.lake.models import MODELS
from airflow_provider_docsanalytics.lake.postgres import TRANSLATED
from airflow_provider_docsanalytics.lake.schema import table_of
from airflow_provider_docsanalytics.operators._plan import OutputOptions
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.lake.test_page_key import CASES
from tests.support.lake import DAY, START, LakeWriter
from tests.system.warehouses.database import Postgres

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.api.endpoint import Platform
    from airflow_provider_docsanalytics.lake.models import Model

pytestmark = [pytest.mark.short, pytest.mark.usefixtures("postgres_default")]
_DAYS = 12
_PERIOD = START + 5 * DAY, START + 10 * DAY
_BASE_URL = "https://docs.example.com/docs"
_READ = [
    *((MINTLIFY, name) for name, endpoint in MINTLIFY.endpoints.items() if endpoint.windowed),
    *((VYOM, name) for name in ("calls_by_assistant", "calls_by_service", "dashboard")),
    (VYOM, "tokens_summary"),
]
_NOT_IN_TABLES = {"open_feedback": {"first_seen", "last_seen"}, "call_usage": {"project"}}
"""Columns that come from the manifests."""
_URLS = (
    *("https://DOCS.example.com:443/docs/a%20b", "/docs/a%E4", "/a/%zz", "%", "%2"),
    *("http://u:p@www.docs.example.com./docs/./x//y/", "/\n?x", "mailto:a@b.c"),
    *("/docs/./.hidden", "x.example:80", "a.b/c", "/docs/index/index.html", "/a.txt", "\u00c9"),
)  # fmt: skip


class _Loaded:
    """A lake, and the database into which it was loaded."""

    def __init__(self, root: Path) -> None:
        self.files = LakeFiles(LocalFileSystem(), str(root), "lake")

    def in_duckdb(self, model: Model) -> list[str]:
        with closing(connect(self.files, _BASE_URL)) as connection:
            set_period(connection, *_PERIOD)
            answer = ask(connection, self.files, model)
        return _comparable(model, list(answer.columns), answer.rows)

    def in_postgres(self, model: Model) -> list[str]:
        with closing(PostgresHook().get_conn()) as connection, connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            for name, value in zip(("date_from", "date_to"), _PERIOD, strict=True):
                cursor.execute(f"SET docsanalytics.{name} = '{value.isoformat()}'")
            cursor.execute(f"SET docsanalytics.base_url = '{_BASE_URL}'")
            cursor.execute(f"SELECT * FROM docsanalytics.{model.name}")  # noqa: S608 - ours
            names = [column.name for column in cursor.description]
            return _comparable(model, names, cursor.fetchall())


def _comparable(model: Model, names: list[str], rows: list[tuple[Any, ...]]) -> list[str]:
    """Return the rows as text, in an order that depends on nothing else."""
    left_out = _NOT_IN_TABLES.get(model.name, set())
    return sorted(
        json.dumps({n: _cell(v) for n, v in zip(names, row, strict=True) if n not in left_out})
        for row in rows
    )


def _cell(value: Any) -> Any:
    if isinstance(value, float | Decimal):
        return round(float(value), 6)
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, int):
        return float(value)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value.isoformat()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, postgres_default: None) -> _Loaded:
    """Days of what models read, of which some overlap, and the printed views of all models."""
    root = tmp_path_factory.mktemp("lake")
    store = Postgres(*(table_of(p, p.endpoints[name], "postgres") for p, name in _READ))
    store.run("DROP SCHEMA IF EXISTS docsanalytics CASCADE")
    end = START + _DAYS * DAY
    config = Config(rows=40 * _DAYS, pages=40, start=f"{START:%Y-%m-%d}", end=f"{end:%Y-%m-%d}")
    with Simulator(config) as service:
        options = OutputOptions("csv", "gzip", False, 10, "error")
        writer = LakeWriter(service, LocalFileSystem(), str(root), options)
        for day in range(_DAYS):
            for platform, endpoint in _READ:
                _load(writer, platform, endpoint, day, length=2 * DAY if day in (6, 7) else DAY)
    store.run(_printed())
    return _Loaded(root)


def _load(
    writer: LakeWriter, platform: Platform, endpoint: str, day: int, length: timedelta
) -> None:
    start = START + day * DAY
    manifest = writer.write(platform, endpoint, start, start + length)
    path = f"file://{writer.root}/{platform.name}/{endpoint}/dt={start:%Y-%m-%d}"
    export = {
        "endpoint": endpoint,
        "project_id": manifest.project_id,
        "date_from": manifest.date_from,
        "path": path,
        "manifest": path,
        "rows": manifest.rows,
        "uris": [f"{path}/{file.name}" for file in manifest.files],
    }
    if platform.has_projects:
        load_postgres.load.function(export)
        return
    with closing(PostgresHook().get_conn()) as connection, connection.cursor() as cursor:
        cells = load_postgres.stage(cursor, export)
        cursor.execute(f"INSERT INTO {endpoint} SELECT {cells} FROM staging")  # noqa: S608 - ours
        connection.commit()


def _printed(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["sql", *arguments, "--dialect", "postgres"]) == 0
    return out.getvalue()


@pytest.mark.parametrize("model", TRANSLATED, ids=lambda each: each.name)
def test_a_model_gives_the_rows_of_duckdb(loaded: _Loaded, model: Model) -> None:
    expected = loaded.in_duckdb(model)
    assert expected
    assert loaded.in_postgres(model) == expected


def test_a_page_has_the_key_of_duckdb(loaded: _Loaded) -> None:
    pages = [(url, base) for base, url, _ in CASES]
    pages += [(url, base) for base in {base for _, base in pages} for url in _URLS]
    with (
        closing(connect(loaded.files)) as duckdb,
        closing(PostgresHook().get_conn()) as connection,
        connection.cursor() as cursor,
    ):
        for page in pages:
            cursor.execute("SELECT docsanalytics.page_key(%s, %s)", page)
            (expected,) = duckdb.execute("SELECT page_key(?, ?)", page).fetchall()
            assert tuple(cursor.fetchone()) == expected, page


def test_a_period_that_is_not_set_is_an_error_that_says_what_to_do(loaded: _Loaded) -> None:
    with pytest.raises(Exception, match=r"docsanalytics\.date_from is not set") as raised:
        Postgres.run("SELECT * FROM docsanalytics.human_and_ai_views")
    assert "Run SET docsanalytics.date_from = '2026-01-05'; first" in str(raised.value)


def test_one_model_needs_its_tables_only(loaded: _Loaded) -> None:
    store = Postgres(table_of(MINTLIFY, MINTLIFY.endpoints["views"], "postgres"))
    store.run("DROP SCHEMA docsanalytics CASCADE")
    store.run(_printed("human_and_ai_views"))


def test_a_model_that_needs_the_manifests_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for model in set(MODELS) - set(TRANSLATED):
        assert main(["sql", model.name, "--dialect", "postgres"]) == 2
        assert f"{model.name} needs the manifests of the exports" in capsys.readouterr().err
