"""Rows that come twice: a page boundary's is left out, and one that has moved is never silent."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_docsanalytics.errors import BadResponse, NotFound, RateLimited
from airflow_provider_docsanalytics.export import row_keys
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_docsanalytics.export.documents import Manifest

Pages = list[list[dict[str, Any]]]


@dataclass
class Page:
    rows: list[bytes]
    next_cursor: str | None
    totals: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Service:
    """Gives the pages of one reading after another: each time it is read from the beginning."""

    def __init__(
        self, *readings: Pages, refuse_at: Callable[[int, int], bool] | None = None
    ) -> None:
        self._readings = readings
        self._refuse_at = refuse_at or (lambda _reading, _page: False)
        self.begun = 0
        self.asked = 0

    def read(self, cursor: str | None) -> Iterator[Page]:
        self.begun += cursor is None
        pages = self._readings[min(self.begun, len(self._readings)) - 1]
        for number in range(int(cursor or 0), len(pages)):
            self.asked += 1
            if self._refuse_at(self.begun, number):
                raise RateLimited(429, "views", "spent")
            rows = [json.dumps(row).encode() for row in pages[number]]
            yield Page(rows, str(number + 1) if number + 1 < len(pages) else None)


def _export(root: Path, service: Service, **how: Any) -> Manifest:
    identity = Identity("mintlify", "views", "p", "a", "b", {}, "jsonl", None)
    plan = Plan(identity, {"_project_id": "p"}, pages_per_file=1, **{"key": ("path",)} | how)
    directory = ExportDirectory(fsspec.filesystem("file"), str(root), str(root))
    return export(plan, directory, Source("s", service.read, lambda: service.asked))


def _paths(root: Path, manifest: Manifest) -> list[str]:
    lines = [line for each in manifest.files for line in (root / each.name).open()]
    return [json.loads(line)["path"] for line in lines]


def _rows(paths: str, **other: Any) -> list[dict[str, Any]]:
    return [{"path": path, "total": 1} | other for path in paths]


STEADY: Pages = [_rows("ab"), _rows("cd"), _rows("e")]
SLIPPED: Pages = [_rows("ab"), _rows("ca"), _rows("e")]


@pytest.fixture(params=[0, 3, 100_000], autouse=True)
def _many_or_few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the keys are kept: in memory, in the database, or moved on the way."""
    monkeypatch.setattr(row_keys, "_MAX_IN_MEMORY", request.param)


def test_rows_that_moved_between_pages_are_read_again_from_the_start(tmp_path: Path) -> None:
    service = Service(SLIPPED, STEADY)
    manifest = _export(tmp_path, service)
    assert _paths(tmp_path, manifest) == ["a", "b", "c", "d", "e"]
    assert (manifest.rows, manifest.repeated, service.begun) == (5, 0, 2)
    assert manifest.requests == service.asked == 5
    assert {path.name for path in tmp_path.iterdir()} == {
        "_manifest.json",
        *(each.name for each in manifest.files),
    }


def test_rows_that_keep_moving_are_an_error_and_the_retry_starts_anew(tmp_path: Path) -> None:
    service = Service(SLIPPED, SLIPPED, SLIPPED, STEADY)
    with pytest.raises(
        BadResponse, match=r"rows moved between pages.*\nRetry when .*narrower windows.*all rows\.$"
    ):
        _export(tmp_path, service)
    assert not (tmp_path / "_manifest.json").exists()
    assert _paths(tmp_path, _export(tmp_path, service)) == ["a", "b", "c", "d", "e"]
    assert service.begun == 4  # the retry may start over once, too


def test_rows_that_moved_while_the_export_waited_are_found(tmp_path: Path) -> None:
    service = Service(SLIPPED, STEADY, refuse_at=lambda begun, page: (begun, page) == (1, 1))
    with pytest.raises(RateLimited):
        _export(tmp_path, service)
    service._refuse_at = lambda _begun, _page: False
    assert _paths(tmp_path, _export(tmp_path, service)) == ["a", "b", "c", "d", "e"]
    assert service.begun == 2


def test_starting_over_is_counted_across_waits_so_that_it_ends(tmp_path: Path) -> None:
    """Each leg of a deferred task is a new attempt: one restart a leg would go on for ever."""
    due = {(2, 1)}

    def refuse(begun: int, page: int) -> bool:
        if (begun, page) not in due:
            return False
        due.remove((begun, page))
        return True

    service = Service(SLIPPED, SLIPPED, SLIPPED, refuse_at=refuse)
    with pytest.raises(RateLimited):
        _export(tmp_path, service)
    with pytest.raises(BadResponse, match="twice"):
        _export(tmp_path, service)
    assert service.begun == 2


def test_a_row_that_ends_one_page_and_begins_the_next_is_taken_once(tmp_path: Path) -> None:
    pages: Pages = [_rows("ab"), _rows("bc"), _rows("c")]
    manifest = _export(tmp_path, Service(pages))
    assert _paths(tmp_path, manifest) == ["a", "b", "c"]
    assert (manifest.rows, manifest.repeated) == (3, 2)
    assert json.loads((tmp_path / "_manifest.json").read_text())["repeated"] == 2


def test_an_offset_that_gives_a_row_again_has_slipped_at_a_boundary_too(tmp_path: Path) -> None:
    """Two rows have changed places between the requests: one comes twice, the other never."""
    service = Service([_rows("ab"), _rows("bd"), _rows("e")], STEADY)
    manifest = _export(tmp_path, service, by_offset=True)
    assert _paths(tmp_path, manifest) == ["a", "b", "c", "d", "e"]
    assert (manifest.repeated, service.begun) == (0, 2)


def test_rows_whose_key_is_null_are_told_apart_as_a_whole(tmp_path: Path) -> None:
    pages: Pages = [[{"path": None, "total": 1}], [{"path": None, "total": 2}]]
    assert _export(tmp_path, Service(pages)).rows == 2


def test_a_boundary_row_is_known_after_a_wait(tmp_path: Path) -> None:
    pages: Pages = [_rows("ab"), _rows("bc")]
    service = Service(pages, refuse_at=lambda _begun, page: page == 1)
    with pytest.raises(RateLimited):
        _export(tmp_path, service)
    service._refuse_at = lambda _begun, _page: False
    manifest = _export(tmp_path, service)
    assert (_paths(tmp_path, manifest), manifest.repeated) == (["a", "b", "c"], 1)


def test_a_row_at_a_boundary_that_has_changed_is_no_repetition(tmp_path: Path) -> None:
    service = Service([_rows("ab"), _rows("bc", total=2)], [_rows("ab"), _rows("c")])
    assert _paths(tmp_path, _export(tmp_path, service)) == ["a", "b", "c"]
    assert service.begun == 2


def test_rows_of_one_page_may_share_a_key_and_it_is_said(tmp_path: Path) -> None:
    manifest = _export(tmp_path, Service([[*_rows("ab"), *_rows("a", total=2)], _rows("c")]))
    assert _paths(tmp_path, manifest) == ["a", "b", "a", "c"]
    assert "two rows of a page have one key" in str(manifest.drift)


def test_turns_that_share_id_and_moment_are_different_rows(tmp_path: Path) -> None:
    pages: Pages = [_rows("a", total=1), _rows("a", total=2), _rows("a", total=3)]
    assert _export(tmp_path, Service(pages), key=()).rows == 3


@pytest.mark.parametrize("odd", ['{"total":1}', '{"path":"\\ud83d","total":1}', '{"path":1e999}'])
def test_a_row_without_a_readable_key_is_told_apart_as_a_whole(odd: str) -> None:
    with closing(row_keys.RowKeys(("path",), (), inclusive=True)) as keys:
        keys.add_page([odd.encode()], None)
        with pytest.raises(row_keys.RowsMoved):
            keys.add_page([b'{"path":"x"}', odd.encode()], None)


@pytest.mark.parametrize("other", ["1e999", '"\\ud83d"', f'"{"x" * 10_000}"'])
def test_a_key_is_read_whatever_the_other_fields_hold(other: str) -> None:
    """The row has changed since, so only its key tells that it came twice."""
    with closing(row_keys.RowKeys(("path",), (), inclusive=True)) as keys:
        keys.add_page([b'{"path":"a","said":%s}' % other.encode()], None)
        with pytest.raises(row_keys.RowsMoved):
            keys.add_page([b'{"path":"b","said":1}', b'{"path":"a","said":1}'], None)


def test_the_checkpoint_keeps_the_latest_keys_where_it_has_no_room_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older, newer = b"12345678" * 2, b"abcdefgh" * 2  # 24 characters each
    for room, kept in ((48, [older, newer]), (47, [newer])):
        monkeypatch.setattr(row_keys, "_MAX_STORED_CHARS", room)
        stored = row_keys.append_keys(row_keys.append_keys((), older), newer)
        assert [b64decode(each) for each in stored] == kept


def test_the_one_id_that_is_missing_is_named(tmp_path: Path) -> None:
    identity = Identity("m", "threads", "p", None, None, {}, "jsonl", None, thread_ids=("t0",))
    directory = ExportDirectory(fsspec.filesystem("file"), str(tmp_path), "uri")
    source = Source("s", lambda _: iter([Page([], None, missing=("t0",))]), lambda: 1)
    with pytest.raises(NotFound, match="the ID 't0' does not exist"):
        export(Plan(identity, {"_project_id": "p"}), directory, source)


def test_a_list_of_which_every_id_is_missing_is_an_error_each_time(tmp_path: Path) -> None:
    asked = []

    def nothing(_cursor: str | None) -> Iterator[Page]:
        for number, cursor in enumerate(("1", None)):
            asked.append(number)
            yield Page([], cursor, missing=(f"t{number}",))

    identity = Identity("m", "threads", "p", None, None, {}, "jsonl", None, thread_ids=("t0", "t1"))
    for _ in range(2):
        directory = ExportDirectory(fsspec.filesystem("file"), str(tmp_path), "uri")
        source = Source("s", nothing, lambda: len(asked))
        with pytest.raises(NotFound, match="none of the 2 IDs exists"):
            export(Plan(identity, {"_project_id": "p"}), directory, source)
    assert asked == [0, 1, 0, 1]
    assert not (tmp_path / "_manifest.json").exists()
