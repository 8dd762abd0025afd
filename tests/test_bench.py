"""``make bench`` measures what it says: the pages, the text, and the comparison of every row."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import aims, verify
from benchmarks.audit import copy_days
from benchmarks.auditor import measure
from benchmarks.contenders import ms_a_page
from benchmarks.pages import Shape, cursor_of, page_of
from benchmarks.prose import Author
from tests.lake.made import make

CLONE = Path(__file__).resolve().parent.parent
SHAPE = Shape(3, 4, 600)
CONTEXT = {"_project_id": "p", "_date_from": "2026-01-01", "_date_to": "2026-01-31"}


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return [SHAPE.body(page) for page in range(SHAPE.pages)]


def _rows(bodies: list[bytes]) -> list[dict[str, Any]]:
    return [row for body in bodies for row in json.loads(body)["conversations"]]


def _export(directory: Path, rows: list[dict[str, Any]]) -> Path:
    """Write the rows as an export of JSON lines."""
    content = b"".join(json.dumps(CONTEXT | row).encode() + b"\n" for row in rows)
    sums = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    file = {"name": "part-0.jsonl", "rows": len(rows), **sums}
    manifest = {"file_format": "jsonl", "rows": len(rows), "files": [file]}
    (directory / "part-0.jsonl").write_bytes(content)
    (directory / "_manifest.json").write_text(json.dumps(manifest))
    return directory


def test_the_cursors_lead_to_every_page_and_the_last_has_none(bodies: list[bytes]) -> None:
    cursors = [json.loads(body)["nextCursor"] for body in bodies]
    assert cursors == [cursor_of(1), cursor_of(2), None]
    assert [page_of(cursor) for cursor in cursors[:-1]] == [1, 2]
    with pytest.raises(IndexError):
        SHAPE.body(3)


def test_no_two_rows_have_an_id_even_where_the_texts_come_again() -> None:
    far = Shape(10_000, 4, 600)
    rows = _rows([far.body(page) for page in (0, 1, 750, 751, 1500, 9999)])
    assert len({row["id"] for row in rows}) == len(rows) == 24
    assert {len(row["id"]) for row in rows} == {26}


def test_the_text_is_the_same_on_every_machine_and_compresses_like_prose() -> None:
    text = Author(seed=15).text(100_000).encode()
    assert hashlib.sha256(text).hexdigest()[:16] == "7da042bda08df974"
    assert 2.6 < len(text) / len(gzip.compress(text)) < 3.5


def test_an_export_with_the_rows_of_the_service_is_right(
    tmp_path: Path, bodies: list[bytes]
) -> None:
    assert verify.difference(bodies, _export(tmp_path, _rows(bodies))) == ""


@pytest.mark.parametrize(
    ("name", "value"), [("response", "x"), ("queryCategory", "x"), ("sources", [{"title": "x"}])]
)
def test_one_wrong_value_is_named(
    tmp_path: Path, bodies: list[bytes], name: str, value: object
) -> None:
    rows = _rows(bodies)
    rows[7] = rows[7] | {name: value}
    assert ", row 7: " in verify.difference(bodies, _export(tmp_path, rows))


def test_a_row_too_few_and_a_row_too_many_are_named(tmp_path: Path, bodies: list[bytes]) -> None:
    rows = _rows(bodies)
    assert "more rows" in verify.difference(bodies, _export(tmp_path, rows[:-1]))
    assert "fewer rows" in verify.difference(bodies, _export(tmp_path, [*rows, rows[0]]))


def test_the_cost_of_a_page_is_that_of_the_first_and_of_the_last_pages() -> None:
    stamps = [page * 0.001 if page < 600 else 0.6 + (page - 600) * 0.004 for page in range(1200)]
    assert ms_a_page(stamps) == pytest.approx({"first_ms": 1.0, "last_ms": 4.0})


def test_an_audit_of_copied_days_has_figures_and_one_that_finds_a_gap_has_none(
    tmp_path: Path,
) -> None:
    lake = copy_days(make(tmp_path / "export", rows=3), tmp_path / "lake", 5)
    assert measure(lake, 15, deep=False).keys() == {"wall_s", "cpu_s", "peak_mb"}
    with pytest.raises(SystemExit, match="with 16 rows"):
        measure(lake, 16, deep=False)
    shutil.rmtree(lake / "dt=2026-01-03")
    with pytest.raises(SystemExit, match='"gap"'):
        measure(lake, 12, deep=False)


def test_a_figure_above_its_aim_fails_and_one_that_was_not_measured_says_nothing() -> None:
    (held, failed) = aims.verdict({"import_ms": 10.0, "jsonl": 2.01})[::-1]
    assert held.startswith("holds: 10.0 ms of CPU to import the operators")
    assert failed == "FAILS: 2.01 times the floor's CPU for JSON lines (aim: 2)"


def test_the_readme_shows_the_figures_of_the_performance_page() -> None:
    pages = (CLONE / "README.md", CLONE / "docs" / "performance.md")
    shown = [
        re.findall("<!-- decisive -->\n(.*)<!-- /decisive -->", page.read_text(), re.DOTALL)
        for page in pages
    ]
    assert shown[0] == shown[1]
    assert shown[0][0].count("\n") == 2 + 5


def test_the_written_table_replaces_the_one_that_was_there(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- cost -->\nold\n<!-- /cost -->\nb")
    aims.write_between(page, "cost", ["new", "er"])
    assert page.read_text() == "a\n<!-- cost -->\nnew\ner\n<!-- /cost -->\nb"
    with pytest.raises(ValueError, match="0 places for other"):
        aims.write_between(page, "other", [])
