"""Lakes on object stores: the same findings as on a disk, by few requests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.lake.audit import Scope, audit
from airflow_provider_docsanalytics.lake.files import LakeFiles
from tests.lake.made import DAY, START, codes, make_days

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


def test_a_bucket_or_a_prefix_that_does_not_exist_is_an_error(store: Any) -> None:
    with pytest.raises(ConfigError, match="is not a lake: it holds no files"):
        _audit(store)


def test_a_store_that_cannot_be_reached_is_an_error_that_says_so() -> None:
    nowhere = _s3("http://127.0.0.1:9", config_kwargs={"retries": {"max_attempts": 0}})
    with pytest.raises(StorageError, match=r"cannot be listed: .*\nThe storage failed"):
        _audit(nowhere)
