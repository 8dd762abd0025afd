"""Schema drift: the rows are kept as they are, and the manifest lists what differs."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.airflow.conftest import connect
from tests.airflow.test_operators import MONTH, WINDOWED, _export, _manifest, _rows

if TYPE_CHECKING:
    from pathlib import Path


def _change(service: Simulator, endpoint: str, kind: str, nth: int = 1, **more: Any) -> None:
    match = {"endpoint": endpoint, "nth": nth}
    service.add_faults([{"kind": kind, "match": match, "times": None, **more}])


@pytest.mark.parametrize("endpoint", [*WINDOWED, "threads"])
def test_known_rows_do_not_drift(connections: Simulator, tmp_path: Path, endpoint: str) -> None:
    rows, _ = connections.truth("conversations", *MONTH.values())
    arguments = {"thread_ids": [row["id"] for row in rows[:3]]} if endpoint == "threads" else {}
    _export(endpoint, tmp_path, **arguments)
    assert _manifest(tmp_path)["drift"] == {}


def test_the_older_schema_is_no_drift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = Config(rows=50, start="2026-01-01", end="2026-01-31", legacy_schema=True)
    with Simulator(config) as service:
        connect(monkeypatch, "mintlify", service)
        assert _export("conversations", tmp_path)["rows"] == 50
    assert _manifest(tmp_path)["drift"] == {}


CHANGES = [
    ("searches", {"key": "language", "value": "en"}, {"new": ["language"]}),
    ("searches", {"key": "hits"}, {"missing": ["hits"]}),
    ("views", {"key": "human", "value": "12"}, {"types": ["human: text instead of integer"]}),
    ("feedback", {"key": "status", "value": "archived"}, {"values": ["status: archived"]}),
    ("conversations", {"key": "sources.score", "value": 0.5}, {"new": ["sources.score"]}),
    ("calls_by_service", {"key": "completed_calls", "value": 4}, {"new": ["completed_calls"]}),
    ("dashboard", {"key": "calls_today"}, {"missing": ["calls_today"]}),
]


@pytest.mark.parametrize("changed", CHANGES, ids=str)
def test_changed_rows_are_kept_logged_once_and_listed_in_the_manifest(
    connections: Simulator,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    changed: tuple[str, dict[str, Any], dict[str, Any]],
) -> None:
    endpoint, change, drift = changed
    _change(connections, endpoint, "set_in_rows" if "value" in change else "drop_in_rows", **change)
    with caplog.at_level(logging.WARNING):
        _export(endpoint, tmp_path)
    assert _manifest(tmp_path)["drift"] == drift
    rows = _rows(tmp_path)
    assert len(rows) == len(connections.truth(endpoint, *MONTH.values())[0])
    name = change["key"].split(".")[0]
    members = [row.get(name, "gone") for row in rows]
    if "." in change["key"]:
        assert {source["score"] for sources in members for source in sources} == {0.5}
    else:
        assert set(members) == {change.get("value", "gone")}
    lines = [record.getMessage() for record in caplog.records if "differ" in record.getMessage()]
    assert len(lines) == 1
    assert json.dumps(drift, separators=(",", ":")) in lines[0]


def test_drift_found_before_a_retry_is_in_the_manifest(
    connections: Simulator, tmp_path: Path
) -> None:
    _change(connections, "searches", "set_in_rows", key="language", value="en", times=1)
    _change(connections, "searches", "html", nth=2, times=1)
    with pytest.raises(BadResponse):
        _export("searches", tmp_path)
    checkpoint = json.loads((tmp_path / "_checkpoint.json").read_text())
    assert checkpoint["progress"]["drift"] == {"new": ["language"]}
    connections.clear_faults()
    _change(connections, "searches", "drop_in_rows", key="ctr")
    _export("searches", tmp_path)
    assert _manifest(tmp_path)["drift"] == {"new": ["language"], "missing": ["ctr"]}


def test_every_row_of_a_page_of_up_to_a_hundred_is_checked_for_drift(
    connections: Simulator, tmp_path: Path
) -> None:
    rows, _ = connections.truth("searches", *MONTH.values())
    pages, last = divmod(len(rows), 100)
    change = {"key": "new", "value": 1, "every": last}
    _change(connections, "searches", "set_in_rows", nth=pages + 1, **change)
    _export("searches", tmp_path)
    odd = [number for number, row in enumerate(_rows(tmp_path)) if "new" in row]
    assert odd == [len(rows) - 1]
    assert _manifest(tmp_path)["drift"] == {"new": ["new"]}


def test_a_malformed_response_is_an_error_not_drift(connections: Simulator, tmp_path: Path) -> None:
    _change(connections, "views", "drop_key", key="views")
    with pytest.raises(BadResponse, match="its keys: totals, hasMore"):
        _export("views", tmp_path)
    assert not (tmp_path / "_manifest.json").exists()
