"""Lakes on object stores: the same findings as on a disk, by few requests."""

from __future__ import annotations

import logging
from threading import Barrier
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.lake.audit import Scope, audit
from airflow_provider_docsanalytics.lake.catalog import READERS, read_directories
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.lake.read_ahead import read_ahead
from tests.lake.made import DAY, START, audited, codes, make, make_days, make_of

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.lake.finding import Report

_DAYS = 40


def _s3(url: str, **options: Any) -> Any:
    client = {"endpoint_url": url, "region_name": "eu-west-1"}
    return fsspec.filesystem(
        "s3", key="k", secret="s", client_kwargs=client, skip_instance_cache=True, **options
    )


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> Any:
    """A file system that is no disk, with an empty bucket ``lake``."""
    if request.param == "s3":
        filesystem = _s3(request.getfixturevalue("s3_url"))
        filesystem.makedirs("lake", exist_ok=True)
        for left in filesystem.find("lake"):  # all tests share the server
            filesystem.rm_file(left)
        return filesystem
    filesystem = fsspec.filesystem("memory", skip_instance_cache=True)
    filesystem.store.clear()
    return filesystem


def _root(store: Any) -> str:
    return "/lake/docs" if "memory" in store.protocol else "lake/docs"


def _audit(store: Any, *, deep: bool = False) -> Report:
    files = LakeFiles(store, _root(store), "store://lake/docs")
    return audit(files, Scope(until=START + _DAYS * DAY, deep=deep))


@pytest.fixture
def lake(store: Any, tmp_path: Path) -> Any:
    make_days(tmp_path / "docs", _DAYS)
    for path in (tmp_path / "docs").rglob("*.json*"):
        key = f"{_root(store)}/{path.relative_to(tmp_path / 'docs')}"
        store.pipe_file(key, path.read_bytes())
        store.pipe_file(key.replace("/docs/", "/docs2/"), b"another lake, whose name starts alike")
    return store


def test_a_lake_that_is_fine_is_fine_on_any_store(lake: Any) -> None:
    report = _audit(lake, deep=True)
    assert (codes(report), report.exports, report.rows) == ([], _DAYS, 3 * _DAYS)


def test_damage_is_found_on_any_store_also_what_a_cached_listing_does_not_show(lake: Any) -> None:
    _audit(lake)
    views = f"{_root(lake)}/views"
    part = "part-00000-1f3a9c2e.jsonl"
    other = fsspec.filesystem("memory") if "memory" in lake.protocol else lake
    other.rm_file(f"{views}/dt=2026-01-10/{part}")
    other.pipe_file(f"{views}/dt=2026-01-12/{part}", b"x")
    other.pipe_file(f"{views}/dt=2026-01-14/{part.replace('00000', '00001')}", b"x")
    other.pipe_file(f"{views}/dt=2026-01-16/_manifest.json", b"x")
    assert [(each.code, each.where) for each in _audit(lake).findings] == [
        ("gap", "store://lake/docs/views"),
        ("missing-file", f"store://lake/docs/views/dt=2026-01-10/{part}"),
        ("size", f"store://lake/docs/views/dt=2026-01-12/{part}"),
        ("damaged-manifest", "store://lake/docs/views/dt=2026-01-16/_manifest.json"),
        ("unlisted-part", "store://lake/docs/views/dt=2026-01-14/part-00001-1f3a9c2e.jsonl"),
    ]


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_a_bucket_is_listed_once_for_every_thousand_objects(
    lake: Any, s3_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="werkzeug"):  # the server's log of its requests
        assert codes(_audit(_s3(s3_url))) == []
    asked = [record.getMessage() for record in caplog.records if record.name == "werkzeug"]
    listings = [each for each in asked if "list-type=2" in each]
    manifests = [each for each in asked if "/_manifest.json " in each]
    assert (len(listings), len(manifests), len(asked)) == (1, _DAYS, 1 + _DAYS)


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_a_deep_audit_sends_two_more_requests_for_each_export(
    lake: Any, s3_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The manifest as it is then, and the file."""
    with caplog.at_level(logging.INFO, logger="werkzeug"):
        assert codes(_audit(_s3(s3_url), deep=True)) == []
    asked = [record.getMessage() for record in caplog.records if record.name == "werkzeug"]
    assert len(asked) == 1 + 3 * _DAYS
    assert sum("/part-00000-" in each for each in asked) == _DAYS


def test_a_deep_audit_finds_the_same_on_every_store_in_the_same_order(
    lake: Any, tmp_path: Path
) -> None:
    """Also in files that are too large to be read ahead, and in ones that are gone by then."""
    views = tmp_path / "docs" / "views"
    part = "part-00000-1f3a9c2e.jsonl"
    for day in ("2026-01-06", "2026-01-20"):
        text = (views / f"dt={day}" / part).read_bytes()
        (views / f"dt={day}" / part).write_bytes(text.replace(b"page-1", b"page-0"))
    large = make_of(
        views.parent / "searches" / "dt=2026-01-05",
        "searches",
        [{"searchQuery": "x" * 1000, "hits": 1}] * 2500,
        totals={"totalSearches": 1},
    )
    for path in (views.parent).rglob("*.json*"):
        lake.pipe_file(f"{_root(lake)}/{path.relative_to(views.parent)}", path.read_bytes())
    assert (large / part).stat().st_size > 2 * 2**20
    local = audited(views.parent, START + _DAYS * DAY, deep=True)
    there = _audit(lake, deep=True)
    expected = [(each.code, each.where.removeprefix(local.lake)) for each in local.findings]
    assert [(each.code, each.where.removeprefix(there.lake)) for each in there.findings] == expected
    assert [code for code, _ in expected].count("sha256") == 2
    assert {"totals", "duplicate-key"} <= {code for code, _ in expected}, "of the large file"


class _Meeting(MemoryFileSystem):
    """A store whose first two requests for rows wait for each other."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._barrier = Barrier(2)
        self.have_met = False

    def cat_file(self, path: str, *args: Any, **options: Any) -> Any:
        if "/part-" in path and not self.have_met:
            self._barrier.wait(timeout=30)
            self.have_met = True
        return super().cat_file(path, *args, **options)


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_a_deep_audit_reads_some_exports_of_a_store_at_the_same_time(lake: Any) -> None:
    meeting = _Meeting()
    assert codes(_audit(meeting, deep=True)) == []
    assert meeting.have_met


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_however_many_exports_there_are_few_are_in_memory_at_once(lake: Any) -> None:
    files = LakeFiles(lake, _root(lake), "store://lake/docs")
    exports = [each.export for each in read_directories(files) if each.export]
    left = iter(exports)
    reads = read_ahead(files, left)
    for _ in range(5):
        assert next(reads).contents
    assert len(list(left)) == len(exports) - READERS - 4


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_of_an_export_of_many_files_two_mib_are_in_memory(store: Any, tmp_path: Path) -> None:
    names = [f"part-{number:05}-1f3a9c2e.jsonl" for number in range(3)]
    sizes = (2**20 + 5, 2**20, 2**20 - 5)
    listed = [
        {"name": name, "rows": 1, "bytes": size, "sha256": "0" * 64}
        for name, size in zip(names, sizes, strict=True)
    ]
    export = make(tmp_path / "day", files=listed, rows=3)
    store.pipe_file(f"{_root(store)}/day/_manifest.json", (export / "_manifest.json").read_bytes())
    for name, size in zip(names, sizes, strict=True):
        store.pipe_file(f"{_root(store)}/day/{name}", b"x" * (size + 9))
    files = LakeFiles(store, _root(store), "store://lake/docs")
    (read,) = read_ahead(files, [each.export for each in read_directories(files) if each.export])
    # One byte more shows that a file has grown.
    assert {name: len(text) for name, text in read.contents.items()} == {
        names[0]: 2**20 + 6,
        names[2]: 2**20 - 4,
    }


class _Replacing(MemoryFileSystem):
    """A store in which an export is repeated once its manifest has been read."""

    cachable = False

    def cat_file(self, path: str, *args: Any, **options: Any) -> Any:
        directory, _, name = path.rpartition("/")
        if directory.endswith("dt=2026-01-06") and name == "part-00000-1f3a9c2e.jsonl":
            manifest = super().cat_file(f"{directory}/_manifest.json")
            renamed = manifest.replace(b"1f3a9c2e", b"2f3a9c2e")
            super().pipe_file(f"{directory}/part-00000-2f3a9c2e.jsonl", super().cat_file(path))
            super().pipe_file(f"{directory}/_manifest.json", renamed)
            super().rm_file(path)
        return super().cat_file(path, *args, **options)


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_an_export_that_is_repeated_while_it_is_audited_is_no_finding(lake: Any) -> None:
    assert codes(_audit(_Replacing(), deep=True)) == []
    assert lake.exists(f"{_root(lake)}/views/dt=2026-01-06/part-00000-2f3a9c2e.jsonl")


def test_a_bucket_or_a_prefix_that_does_not_exist_is_an_error(store: Any) -> None:
    with pytest.raises(ConfigError, match="is not a lake: it holds no files"):
        _audit(store)


def test_a_store_that_cannot_be_reached_is_an_error_that_says_so() -> None:
    nowhere = _s3("http://127.0.0.1:9", config_kwargs={"retries": {"max_attempts": 0}})
    with pytest.raises(StorageError, match=r"cannot be listed: .*\nThe storage failed"):
        _audit(nowhere)
