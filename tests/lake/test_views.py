"""An endpoint's view: every format, older and newer schemas, and files that are hostile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from pyarrow import parquet

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.fields import Kind
from airflow_provider_docsanalytics.lake.connection import ask
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.lake.models import MODELS
from airflow_provider_docsanalytics.operators._plan import OutputOptions
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.lake.made import DAY, START, make, make_of
from tests.lake.test_models import opened, rows
from tests.support.lake import ENDPOINTS, LakeWriter

if TYPE_CHECKING:
    from pathlib import Path

FORMS = [("jsonl", None), ("jsonl", "gzip"), ("jsonl", "zstd"), ("csv", "gzip"), ("parquet", None)]
CONTEXT = {"_project_id": "proj", "_date_from": "2026-01-05T00:00:00.000Z"}
ODD = [
    {"path": 'a "quoted",\nline', "human": 12.0, "ai": 2**70, "total": "12"},
    {"path": "half \ufffd", "human": 12.5, "ai": None, "total": 1e3, "language": {"code": "en"}},
    {"path": 7, "human": True, "ai": -3},
]


@pytest.fixture(scope="module")
def simulator() -> Any:
    end = START + 3 * DAY
    with Simulator(Config(rows=60, pages=9, start=f"{START:%F}", end=f"{end:%F}")) as simulator:
        yield simulator


@pytest.mark.parametrize(("form", "compression"), FORMS, ids=str)
def test_every_format_gives_the_services_rows_of_all_endpoints(
    simulator: Simulator, tmp_path: Path, form: Any, compression: Any
) -> None:
    options = OutputOptions(form, compression, False, 10, "error")
    writer = LakeWriter(simulator, LocalFileSystem(), str(tmp_path), options)
    writer.days(2)
    connection = opened(tmp_path)
    for platform, name in ENDPOINTS:
        fields = platform.endpoints[name].fields
        found = rows(connection, f"FROM {name}")
        (count,) = rows(connection, f"SELECT sum(rows) AS n FROM exports WHERE endpoint = '{name}'")  # noqa: S608
        assert len(found) == count["n"] > 0, name
        if name == "feedback":
            truth = simulator.truth(name, *(f"{START + n * DAY:%F}" for n in (0, 2)))[0]
            texts = [each.name for each in fields if each.kind in (Kind.TEXT, Kind.BOOLEAN)]
            assert _picked(found, texts) == _picked(truth, texts)


def _picked(found: list[dict[str, Any]], names: list[str]) -> list[str]:
    return sorted(json.dumps({name: row.get(name) for name in names}) for row in found)


def _write(lake: Path, form: str, given: list[Any], **options: Any) -> Path:
    """Write rows with the package's own encoders, under a manifest of another export."""
    texts = [json.dumps(row).encode() for row in given]
    directory = make(lake / "views", rows=len(given), file_format=form, **options)
    next(directory.glob("part-*")).unlink()
    part = directory / f"part-00000-1f3a9c2e.{form}"
    escape = {"escape_formulas": True} if options else {}
    output = OutputFormat(form, None, CONTEXT, MINTLIFY.endpoints["views"].fields, **escape)
    with part.open("wb") as sink:
        encoder = output.encoder(sink)
        encoder.write(texts)
        encoder.close()
    manifest = json.loads((directory / "_manifest.json").read_text())
    manifest["files"][0] |= {"name": part.name, "bytes": part.stat().st_size}
    (directory / "_manifest.json").write_text(json.dumps(manifest))
    return part


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_values_of_other_types_are_null_and_unknown_fields_are_in_extra(
    tmp_path: Path, form: str
) -> None:
    _write(tmp_path, form, ODD)
    columns = "path, human, ai, total, _extra->>'$.language.code' AS language"
    found = rows(opened(tmp_path), f"SELECT {columns} FROM views")  # noqa: S608
    assert [tuple(row.values()) for row in found] == [
        ('a "quoted",\nline', 12, None, None, None),
        ("half \ufffd", None, None, 1000, "en"),
        (None, None, -3, None, None),
    ]


def test_text_that_was_escaped_for_spreadsheets_is_itself_again(tmp_path: Path) -> None:
    given = [{"path": path, "human": -1} for path in ("=1+1", "-x", "'=kept", "plain")]
    _write(tmp_path, "csv", given, escape_formulas=True)
    found = rows(opened(tmp_path), "SELECT path, human FROM views")
    assert [row["path"] for row in found][:2] == ["=1+1", "-x"]
    assert [row["human"] for row in found] == [-1] * 4


def test_a_file_of_an_older_version_lacks_a_column_and_one_of_a_newer_has_more(
    tmp_path: Path,
) -> None:
    given = [{"path": "/a", "human": 1, "ai": 2, "total": 3}]
    for number, version in enumerate(("0.9", "1", "2")):
        part = _write(tmp_path / version, "parquet", given)
        table = parquet.ParquetFile(part).read()
        if version == "0.9":
            table = table.drop_columns(["ai", "_extra"])
        elif version == "2":
            table = table.append_column("bots", table["human"])
        parquet.write_table(table, part)
        manifest = json.loads((part.parent / "_manifest.json").read_text())
        manifest["files"][0]["bytes"] = part.stat().st_size
        manifest |= {"provider_version": version, "project_id": version}
        (part.parent / "_manifest.json").write_text(json.dumps(manifest))
        assert number < 3
    found = rows(opened(tmp_path), "SELECT human, ai FROM views ORDER BY _project_id")
    assert found == [{"human": 1, "ai": None}, {"human": 1, "ai": 2}, {"human": 1, "ai": 2}]


def test_only_files_that_a_manifest_lists_are_read_and_links_are_not_followed(
    tmp_path: Path,
) -> None:
    lake, outside = tmp_path / "lake", tmp_path / "outside"
    listed = make(lake / "listed")
    (listed / "part-00001-1f3a9c2e.jsonl").write_text('{"path": "/unlisted"}\n')
    linked = make(lake / "linked", project_id="linked")
    make(outside / "x", rows=1)
    part = next(linked.glob("part-*"))
    part.rename(outside / part.name)
    part.symlink_to(outside / part.name)
    (lake / "elsewhere").symlink_to(outside / "x")
    connection = opened(lake)
    assert rows(connection, "SELECT DISTINCT _project_id FROM views") == [{"_project_id": "proj"}]
    assert rows(connection, "SELECT count(*) AS n FROM views") == [{"n": 3}]
    (problem,) = rows(connection, "SELECT problem FROM exports WHERE owner = 'linked'")
    assert problem == {"problem": "part-00000-1f3a9c2e.jsonl is missing."}


def test_names_in_manifests_are_text_and_never_sql(tmp_path: Path) -> None:
    evil = "'; DROP TABLE exports; --"
    make(tmp_path / "a *[x] '\"", project_id=evil, provider_version=evil, service=evil)
    make(tmp_path / "b", endpoint_=1, platform=evil)
    make_of(tmp_path / "c", f"views {evil}", [])
    connection = opened(tmp_path)
    assert rows(connection, "SELECT DISTINCT _project_id FROM views") == [{"_project_id": evil}]
    assert rows(connection, "SELECT count(*) AS n FROM exports") == [{"n": 3}]


def test_nothing_is_downloaded_or_loaded_by_a_query(tmp_path: Path) -> None:
    settings = (
        "SELECT value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions' ORDER BY name"
    )
    assert [each["value"] for each in rows(opened(tmp_path), settings)] == ["false", "false"]


def test_a_file_that_changes_under_a_query_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    directory = make(lake / "a")
    connection = opened(lake)
    files = LakeFiles(LocalFileSystem(), str(lake), str(lake))
    model = next(each for each in MODELS if each.name == "human_and_ai_views")
    part = next(directory.glob("part-*"))
    part.write_text('{"path": "/a", "human": 1\n' + " " * 200)
    with pytest.raises(StorageError, match=r"cannot be read: (?s:.*)audit LAKE --deep"):
        ask(connection, files, model)
    part.unlink()
    with pytest.raises(StorageError, match=r"cannot be read: (?s:.*)ask again"):
        ask(connection, files, model)
