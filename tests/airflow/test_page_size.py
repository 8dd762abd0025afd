"""``page_size`` of operators and hooks, and pages that are too large for the service."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics.errors import ConfigError, RateLimited
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from tests.security.servers import Listener, answer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

MONTH = {"date_from": "2026-01-01", "date_to": "2026-01-31"}
REFUSED = ConfigError if AIRFLOW_V_3_3_PLUS else AirflowFailException
PAGED = ("conversations", "feedback", "feedback_by_page", "searches", "views", "visitors")
ADDED = ("_project_id", "_date_from", "_date_to")
BROKEN = {"kind": "status", "status": 413, "times": None, "match": {"limit_above": 300}}


def _operator(path: Path, endpoint: str, **arguments: Any) -> MintlifyExportOperator:
    arguments = ({} if endpoint == "threads" else MONTH) | arguments
    return MintlifyExportOperator(
        task_id="export", endpoint=endpoint, path=f"file://{path}", pages_per_file=1, **arguments
    )


def _export(path: Path, endpoint: str = "conversations", **arguments: Any) -> dict[str, Any]:
    """Export; return the manifest."""
    _operator(path, endpoint, **arguments).execute({})
    manifest: dict[str, Any] = json.loads((path / "_manifest.json").read_text())
    return manifest


def _stop(service: Simulator, path: Path, endpoint: str, nth: int, **arguments: Any) -> None:
    """Begin an export that ends before that page."""
    match = {"nth": nth, **arguments.pop("match", {})}
    quota = {"kind": "status", "status": 429, "headers": {"Retry-After": "3600"}, "times": None}
    service.add_faults([quota | {"match": match}])
    with pytest.raises(RateLimited):
        _export(path, endpoint, **arguments)
    service.clear_faults()


def _rows(path: Path, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    names = [file["name"] for file in manifest["files"]]
    lines = [line for name in names for line in (path / name).read_bytes().splitlines()]
    rows = [json.loads(line) for line in lines]
    return [{name: row[name] for name in row if name not in ADDED} for row in rows]


def _truth(service: Simulator, endpoint: str) -> list[dict[str, Any]]:
    return service.truth(endpoint, "2026-01-01", "2026-01-31")[0]


def _limits(service: Simulator) -> list[int]:
    return [int(entry["query"]["limit"]) for entry in service.requests]


@pytest.mark.parametrize("endpoint", PAGED)
def test_pages_of_an_export_are_as_large_as_page_size_says(
    connections: Simulator, tmp_path: Path, endpoint: str
) -> None:
    manifest = _export(tmp_path, endpoint, page_size=60)
    truth = _truth(connections, endpoint)
    assert _rows(tmp_path, manifest) == truth
    assert set(_limits(connections)) == {60}
    assert manifest["page_size"] == 60
    if endpoint != "feedback_by_page":
        assert manifest["requests"] == math.ceil(len(truth) / 60)


@pytest.mark.parametrize("page_size", [None, 250])
def test_the_largest_page_is_not_mentioned(
    connections: Simulator, tmp_path: Path, page_size: int | None
) -> None:
    assert "page_size" not in _export(tmp_path, "views", page_size=page_size)
    assert set(_limits(connections)) == {250}


@pytest.mark.parametrize("wrong", [0, -5, "50", "{{ params.size }}", 1.0, True])
@pytest.mark.parametrize("operator", [MintlifyExportOperator, VyomExportOperator])
def test_an_invalid_page_size_is_refused_when_the_dag_is_parsed(wrong: Any, operator: Any) -> None:
    with pytest.raises(ConfigError, match="page_size="):
        operator(task_id="export", endpoint="views", path="file:///x", page_size=wrong)


@pytest.mark.parametrize(
    ("endpoint", "page_size", "said"),
    [
        ("views", 251, "page_size=251 is not a whole number from 1 to 250 for views"),
        ("conversations", 5000, "page_size=5000"),
        ("caller_stats", 10, "page_size=10: caller_stats has no pages.\nLeave out page_size"),
        ("threads", 10, "page_size=10: threads has no pages.\nLeave out page_size"),
    ],
)
def test_a_page_size_that_the_endpoint_does_not_accept_is_refused_before_any_request(
    connections: Simulator, tmp_path: Path, endpoint: str, page_size: int, said: str
) -> None:
    more = {"thread_ids": ["a"]} if endpoint == "threads" else {}
    with pytest.raises(ConfigError, match=said):
        _export(tmp_path, endpoint, page_size=page_size, **more)
    with pytest.raises(ConfigError, match="dashboard has no pages"):
        VyomExportOperator(
            task_id="export", endpoint="dashboard", path=f"file://{tmp_path}", page_size=1, **MONTH
        )
    assert connections.requests == []


def test_a_hook_requests_pages_of_that_size(connections: Simulator) -> None:
    rows = list(MintlifyHook().iter_rows("views", page_size=200, **MONTH))
    assert rows == _truth(connections, "views")
    assert set(_limits(connections)) == {200}
    with pytest.raises(ConfigError, match="page_size=0"):
        MintlifyHook().iter_pages("views", page_size=0)
    with pytest.raises(ConfigError, match="page_size=300 is not a whole number from 1 to 250"):
        MintlifyHook().iter_rows("views", page_size=300)


@pytest.mark.parametrize("endpoint", ["conversations", "searches", "views", "feedback_by_page"])
@pytest.mark.parametrize(("first", "second"), [(None, 35), (35, None), (40, 75)])
def test_a_retry_with_another_page_size_resumes(
    connections: Simulator, tmp_path: Path, endpoint: str, first: int | None, second: int | None
) -> None:
    _stop(connections, tmp_path, endpoint, 2, page_size=first)
    before = len(connections.requests)
    manifest = _export(tmp_path, endpoint, page_size=second)
    assert _rows(tmp_path, manifest) == _truth(connections, endpoint)
    assert (manifest["repeated"], manifest["drift"]) == (0, {})
    smallest = min(first or math.inf, second or math.inf)
    assert set(_limits(connections)[before:]) == {smallest}  # never more than before
    assert manifest["page_size"] == smallest
    again = connections.requests[before]["query"]
    assert again.get("cursor") or again.get("offset", "0") != "0" or endpoint == "feedback_by_page"


def test_a_lowered_page_size_is_in_the_manifest_and_in_no_other_export(
    connections: Simulator, tmp_path: Path
) -> None:
    connections.add_faults([BROKEN])
    manifest = _export(tmp_path)
    assert _rows(tmp_path, manifest) == _truth(connections, "conversations")
    assert manifest["page_size"] == 250
    assert manifest["requests"] == len(connections.requests)
    connections.clear_faults()
    connections.clear_requests()
    again = _export(tmp_path)  # the same export: it begins with the largest page
    assert "page_size" not in again
    assert set(_limits(connections)) == {1000}


def test_a_lowered_page_size_survives_a_retry_that_sets_a_larger_one(
    connections: Simulator, tmp_path: Path
) -> None:
    connections.add_faults([BROKEN])
    _stop(connections, tmp_path, "conversations", 3, match={"query": {"limit": "250"}})
    checkpoint = json.loads((tmp_path / "_checkpoint.json").read_text())
    assert checkpoint["progress"]["page_size"] == 250
    connections.clear_requests()
    manifest = _export(tmp_path, page_size=800)
    assert _rows(tmp_path, manifest) == _truth(connections, "conversations")
    assert set(_limits(connections)) == {250}
    assert manifest["page_size"] == 250


def test_a_page_size_below_the_lowered_one_is_used(connections: Simulator, tmp_path: Path) -> None:
    connections.add_faults([BROKEN])
    _stop(connections, tmp_path, "conversations", 3, match={"query": {"limit": "250"}})
    connections.clear_requests()
    size = {"query": {"limit": "200"}}
    _stop(connections, tmp_path, "conversations", 2, page_size=200, match=size)
    assert set(_limits(connections)) == {200}
    connections.clear_requests()
    manifest = _export(tmp_path)  # and no wish: the cursor is of pages of 200
    assert _rows(tmp_path, manifest) == _truth(connections, "conversations")
    assert set(_limits(connections)) == {200}
    assert manifest["page_size"] == 200


class CountsPages(Listener):
    """Searches of which a cursor says how many pages of the ``limit`` that is asked were read."""

    largest, pages_left = 100, 1000

    def speak(self, connection: socket.socket, head: bytes) -> None:
        query = dict(parse_qsl(head.split(b" ")[1].partition(b"?")[2].decode()))
        limit, page = int(query["limit"]), int(query.get("cursor", "0"))
        if limit > self.largest:
            connection.sendall(answer(413))
            return
        self.pages_left -= 1
        if self.pages_left < 0:
            connection.sendall(answer(429, Retry_After="3600"))
            return
        rows = [{"searchQuery": f"q{n}"} for n in range(page * limit, min(400, (page + 1) * limit))]
        more = str(page + 1) if (page + 1) * limit < 400 else None
        body = {"searches": rows, "totalSearches": 400, "nextCursor": more}
        connection.sendall(answer(200, json.dumps(body).encode()))


@pytest.fixture
def counts_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountsPages]:
    with CountsPages() as service:
        connection = {"conn_type": "mintlify", "host": service.url, "login": "p"}
        extra = {"max_wait_s": 0, "max_attempts": 2}
        fields = {**connection, "password": "mint_key", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_MINTLIFY_DEFAULT", json.dumps(fields))
        yield service


@pytest.mark.parametrize("second", [None, 100, 60, 50, 30])
def test_no_row_is_lost_where_cursors_count_pages_and_a_retry_sets_another_page_size(
    counts_pages: CountsPages, tmp_path: Path, second: int | None
) -> None:
    counts_pages.pages_left = 2
    with pytest.raises(RateLimited):
        _export(tmp_path, "searches", page_size=50)
    counts_pages.pages_left = 1000
    rows = _rows(tmp_path, _export(tmp_path, "searches", page_size=second))
    assert sorted(row["searchQuery"] for row in rows) == sorted(f"q{n}" for n in range(400))


@pytest.mark.parametrize("largest", [25, 30, 50, 60])
@pytest.mark.parametrize("read", [0, 1, 3])
def test_no_row_is_lost_where_cursors_count_pages_and_large_ones_fail(
    counts_pages: CountsPages, tmp_path: Path, largest: int, read: int
) -> None:
    if read:
        counts_pages.pages_left = read
        with pytest.raises(RateLimited):
            _export(tmp_path, "searches")
        counts_pages.pages_left = 1000
    counts_pages.largest = largest
    rows = _rows(tmp_path, _export(tmp_path, "searches"))
    assert sorted(row["searchQuery"] for row in rows) == sorted(f"q{n}" for n in range(400))


def test_a_lowered_page_size_survives_a_lost_cursor(connections: Simulator, tmp_path: Path) -> None:
    connections.add_faults([BROKEN])
    _stop(connections, tmp_path, "conversations", 3, match={"query": {"limit": "250"}})
    connections.expire_cursors()
    connections.clear_requests()
    manifest = _export(tmp_path)
    assert _rows(tmp_path, manifest) == _truth(connections, "conversations")
    assert set(_limits(connections)) == {250}
    assert manifest["page_size"] == 250


def test_a_checkpoint_of_an_older_version_without_a_page_size_is_resumed(
    connections: Simulator, tmp_path: Path
) -> None:
    _stop(connections, tmp_path, "conversations", 2)
    stored = tmp_path / "_checkpoint.json"
    checkpoint = json.loads(stored.read_text())
    del checkpoint["progress"]["page_size"]
    stored.write_text(json.dumps(checkpoint))
    connections.clear_requests()
    manifest = _export(tmp_path)
    assert _rows(tmp_path, manifest) == _truth(connections, "conversations")
    assert len(connections.requests) == 2
    assert "page_size" not in manifest


@pytest.mark.parametrize("planted", [0, -1, "all"])
def test_a_forged_page_size_is_ignored(
    connections: Simulator, tmp_path: Path, planted: Any
) -> None:
    _stop(connections, tmp_path, "conversations", 2)
    stored = tmp_path / "_checkpoint.json"
    checkpoint = json.loads(stored.read_text())
    checkpoint["progress"]["page_size"] = planted
    stored.write_text(json.dumps(checkpoint))
    connections.clear_requests()
    assert _rows(tmp_path, _export(tmp_path)) == _truth(connections, "conversations")
    assert set(_limits(connections)) == {1000}
