"""A storage directory in an attacker's hands: nothing outside is read, written or deleted."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IDENTITY = Identity("mintlify", "views", "p", None, None, {}, "jsonl", None)
URL = "https://api.example.com"


class Page:
    rows = (b'{"a":1}',)
    totals: dict[str, Any] = {}  # noqa: RUF012 - never written to
    missing = ()
    unknown = ()
    next_cursor = None


def _pages(cursor: str | None) -> Iterator[Page]:
    yield Page()


def _export(path: Path, source: Any = _pages) -> Any:
    directory = ExportDirectory(LocalFileSystem(), str(path), str(path))
    return export(Plan(IDENTITY, {}), directory, Source(URL, source, lambda: 0))


def _checkpoint(**progress: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "checkpoint_version": 1,
        "identity": json.loads(str(IDENTITY)),
        "source": URL,
        "owner": "0badf00d",
        "updated_at": now,
        "progress": {"started_at": now, "pages": 1, "rows": 1, **progress},
    }


def _file(name: str, size: int = 6) -> dict[str, Any]:
    return {"name": name, "rows": 1, "bytes": size, "sha256": "0" * 64}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file next to the export's directory, which must stay as it is."""
    file = tmp_path / "part-00000-deadbeef.jsonl"
    file.write_bytes(b"secret")
    (tmp_path / "lake").mkdir()
    return file


def test_files_that_a_checkpoint_places_elsewhere_are_not_its(outside: Path) -> None:
    lake = outside.parent / "lake"
    for name in (
        f"../{outside.name}",
        str(outside),
        f"./../{outside.name}",
        "",
        ".",
        "/etc/passwd",
    ):
        text = json.dumps(_checkpoint(files=[_file(name)], complete=True))
        (lake / "_checkpoint.json").write_text(text)
        manifest = _export(lake)
        assert (manifest.rows, len(manifest.files)) == (1, 1)
        assert "/" not in manifest.files[0].name
        assert outside.read_bytes() == b"secret"


def test_a_file_listed_twice_is_not_believed(outside: Path) -> None:
    lake = outside.parent / "lake"
    (lake / outside.name).write_bytes(b"secret")
    text = json.dumps(_checkpoint(files=[_file(outside.name)] * 2, complete=True))
    (lake / "_checkpoint.json").write_text(text)
    assert _export(lake).files[0].name != outside.name


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        json.dumps(_checkpoint(totals={"a": 1})).replace('{"a": 1}', "[" * 5000).encode(),
        json.dumps(_checkpoint(totals={"a": 1}))
        .replace("1}", "[" * 5000 + "]" * 5000 + "}")
        .encode(),
        json.dumps(_checkpoint(pages="many")).encode(),
        json.dumps(_checkpoint(files={"name": "x"})).encode(),
        json.dumps(_checkpoint(started_at="2026-01-01T00:00:00")).encode(),
        json.dumps(_checkpoint() | {"updated_at": "2026-01-01T00:00:00"}).encode(),
        json.dumps(_checkpoint() | {"owner": ["x"]}).encode(),
        b"!!python/object/apply:os.system ['true']",
    ],
)
def test_a_checkpoint_that_is_none_is_ignored_and_the_export_is_whole(
    outside: Path, text: bytes
) -> None:
    lake = outside.parent / "lake"
    (lake / "_checkpoint.json").write_bytes(text)
    assert _export(lake).rows == 1
    assert not (lake / "_checkpoint.json").exists()


@pytest.mark.parametrize(
    "text", [b"", b"[" * 1_000_000, b'{"totals":' + b'{"a":' * 200_000, b"\xff"]
)
def test_a_manifest_that_is_none_is_an_error_and_stays(outside: Path, text: bytes) -> None:
    lake = outside.parent / "lake"
    (lake / "_manifest.json").write_bytes(text)
    with pytest.raises(ConfigError, match="not a manifest that this version can read"):
        _export(lake)
    assert (lake / "_manifest.json").read_bytes() == text


@pytest.mark.parametrize("name", ["_manifest.json", "_checkpoint.json"])
def test_a_file_that_is_too_large_to_be_ours_is_not_read(outside: Path, name: str) -> None:
    large = outside.parent / "lake" / name
    large.touch()
    os.truncate(large, 65 * 2**20)
    with pytest.raises(StorageError, match=f"{name} has {65 * 2**20} bytes, more than this"):
        _export(large.parent)
    assert large.stat().st_size == 65 * 2**20


def test_what_a_checkpoint_says_stays_on_one_line(
    outside: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = outside.parent / "lake"
    forged = "x\n2026-01-01 INFO all is well\x1b[2K"
    for planted in (
        _checkpoint() | {"source": forged},
        _checkpoint(files=[_file(forged)]),
        _checkpoint() | {"identity": json.loads(str(IDENTITY)) | {"endpoint": forged}},
    ):
        (lake / "_checkpoint.json").write_text(json.dumps(planted))
        _export(lake)
    assert "the checkpoint is not used" in caplog.text
    assert not any("\n" in record.getMessage() for record in caplog.records)
    assert "\x1b" not in caplog.text


def test_a_link_planted_for_the_next_checkpoint_is_not_written_through(outside: Path) -> None:
    """The attempt's name stands in its checkpoint, where whoever may write there can read it."""
    lake = outside.parent / "lake"

    def pages(cursor: str | None) -> Iterator[Page]:
        owner = json.loads((lake / "_checkpoint.json").read_text())["owner"]
        for name in ("_checkpoint.json", "_manifest.json"):
            (lake / f".{name}.{owner}.tmp").symlink_to(outside)
        yield Page()

    assert _export(lake, pages).rows == 1
    assert outside.read_bytes() == b"secret"
    assert not (lake / "_manifest.json").is_symlink()


def test_a_link_planted_for_a_part_is_not_written_through(outside: Path) -> None:
    lake = outside.parent / "lake"

    def pages(cursor: str | None) -> Iterator[Page]:
        owner = json.loads((lake / "_checkpoint.json").read_text())["owner"]
        (lake / f".part-00000-{owner}.jsonl.{owner}.tmp").symlink_to(outside)
        yield Page()

    manifest = _export(lake, pages)
    assert not (lake / manifest.files[0].name).is_symlink()
    assert outside.read_bytes() == b"secret"


@pytest.mark.parametrize("name", ["_checkpoint.json", "_manifest.json", ".docsanalytics.lock"])
def test_a_link_in_the_place_of_our_files_is_refused_and_not_followed(
    outside: Path, name: str
) -> None:
    lake = outside.parent / "lake"
    (lake / name).symlink_to(outside)
    with pytest.raises(ConfigError, match=f"{name} is a symbolic link, not a regular file"):
        _export(lake)
    assert outside.read_bytes() == b"secret"
    assert [path.name for path in lake.iterdir()] == [name]


def test_a_link_in_the_place_of_a_part_is_not_taken_for_it(outside: Path) -> None:
    lake = outside.parent / "lake"
    (lake / outside.name).symlink_to(outside)
    text = json.dumps(_checkpoint(files=[_file(outside.name)], complete=True))
    (lake / "_checkpoint.json").write_text(text)
    assert _export(lake).files[0].name != outside.name
    assert outside.read_bytes() == b"secret"


@pytest.mark.parametrize(
    ("mask", "directory", "file"),
    [(0o022, 0o1777, 0o644), (0o077, 0o755, 0o600), (0o002, 0o2775, 0o664), (0o022, 0o750, 0o640)],
)
def test_files_are_never_more_open_than_their_directory_or_the_umask(
    tmp_path: Path, mask: int, directory: int, file: int
) -> None:
    tmp_path.chmod(directory)
    before = os.umask(mask)
    try:
        manifest = _export(tmp_path)
    finally:
        os.umask(before)
    part = tmp_path / manifest.files[0].name
    assert part.stat().st_mode & 0o777 == file
    assert (tmp_path / "_manifest.json").stat().st_mode & 0o777 == file


def test_a_spool_for_remote_storage_is_its_owners_alone_and_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    remote = LocalFileSystem(skip_instance_cache=True)
    remote.protocol = ("s3",)
    directory = ExportDirectory(remote, "bucket/x", "s3://bucket/x")
    before = os.umask(0)
    try:
        spool = directory.open_spool("part-00000-0badf00d.jsonl", "0badf00d")
    finally:
        os.umask(before)
    with spool:
        assert os.fstat(spool.fileno()).st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"key": "AKIA"},
        {"secret": "x"},
        {"token": "x"},
        {"account_key": "x"},
        {"connection_string": "x"},
        {"client_kwargs": {"aws_secret_access_key": "x"}},
        {"s3_additional_kwargs": {"SSECustomerKey": "x"}},
    ],
)
def test_credentials_are_refused_when_the_dag_is_parsed(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="into the connection") as raised:
        MintlifyExportOperator(
            task_id="export", endpoint="views", path="s3://lake/x", storage_options=options
        )
    assert "AKIA" not in str(raised.value)


def test_an_option_without_a_name_is_refused_when_the_dag_is_parsed() -> None:
    options: dict[Any, Any] = {5: 1}
    with pytest.raises(
        ConfigError, match="storage_options has 5 where the name of an option belongs"
    ):
        MintlifyExportOperator(
            task_id="export", endpoint="views", path="s3://lake/x", storage_options=options
        )
