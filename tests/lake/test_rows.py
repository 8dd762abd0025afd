"""A deep audit reads every format back, and says what of its rows is wrong."""

from __future__ import annotations

import hashlib
import json
from itertools import product
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.operators._plan import OutputOptions
from tests.lake.made import DAY, START, audited, codes, make
from tests.support.lake import LakeWriter

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

FORMATS = [
    *product(("jsonl", "csv"), (None, "gzip", "zstd")),
    ("parquet", None),
]
ENDPOINTS = [
    *((MINTLIFY, name) for name in ("conversations", "feedback", "searches", "views", "threads")),
    (VYOM, "calls_by_assistant"),
]


def _lake(service: Simulator, root: Path, file_format: Any, compression: Any) -> list[Path]:
    options = OutputOptions(file_format, compression, False, 1, "error")
    writer = LakeWriter(service, fsspec.filesystem("file"), str(root), options)
    writer.days(1, ENDPOINTS)
    return sorted(root.rglob("part-*"))


@pytest.mark.parametrize(("file_format", "compression"), FORMATS)
def test_every_format_is_read_back_and_damage_in_it_is_found(
    service: Simulator, tmp_path: Path, file_format: str, compression: str | None
) -> None:
    parts = _lake(service, tmp_path, file_format, compression)
    report = audited(tmp_path, START, deep=True)
    assert (codes(report), report.exports) == ([], len(ENDPOINTS))
    for part in parts:
        content = part.read_bytes()
        half = len(content) // 2
        part.write_bytes(content[:half] + bytes([content[half] ^ 255]) + content[half + 1 :])
    # Rows that can still be read may have keys that come twice now.
    found = audited(tmp_path, START, deep=True).findings
    assert {each.code for each in found} <= {"sha256", "duplicate-key"}
    damaged = sorted(each.where for each in found if each.code == "sha256")
    assert damaged == [str(part) for part in parts]


@pytest.mark.parametrize(("file_format", "compression"), FORMATS)
def test_content_of_another_format_is_no_rows_even_if_its_checksum_fits(
    service: Simulator, tmp_path: Path, file_format: str, compression: str | None
) -> None:
    for part in _lake(service, tmp_path, file_format, compression):
        content = b"\x00 no rows of any format \xff" * 10
        part.write_bytes(content)
        manifest = json.loads((part.parent / "_manifest.json").read_text())
        (file,) = (file for file in manifest["files"] if file["name"] == part.name)
        file |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (part.parent / "_manifest.json").write_text(json.dumps(manifest))
    assert set(codes(audited(tmp_path, START, deep=True))) == {"rows"}


def test_rows_of_another_window_are_found_by_what_they_say(tmp_path: Path) -> None:
    day = make(tmp_path / "day", START)
    row = b'{"_project_id":"proj","_date_from":"2025-01-01T00:00:00.000Z","path":"/"}\n'
    part = next(day.glob("part-*"))
    part.write_bytes(row)
    manifest = json.loads((day / "_manifest.json").read_text())
    sha256 = hashlib.sha256(row).hexdigest()
    manifest["files"][0] |= {"rows": 1, "bytes": len(row), "sha256": sha256}
    (day / "_manifest.json").write_text(json.dumps(manifest | {"rows": 1}))
    (finding,) = audited(tmp_path, START, deep=True).findings
    assert (finding.code, finding.where) == ("rows", str(part))
    assert "of date_from 2025-01-01T00:00:00.000Z" in finding.what


def test_a_file_is_read_no_further_than_its_rows_are_listed(tmp_path: Path) -> None:
    day = make(tmp_path / "day", START, rows=5000)
    manifest = json.loads((day / "_manifest.json").read_text())
    manifest["files"][0]["rows"] = 2
    (day / "_manifest.json").write_text(json.dumps(manifest | {"rows": 2}))
    (finding,) = audited(tmp_path, START, deep=True).findings
    assert "more than 2 rows, and the manifest says 2" in finding.what


def test_an_event_in_two_exports_is_found_unless_their_windows_share_time(tmp_path: Path) -> None:
    for day in range(5):
        lookback = (START + (day - 3) * DAY, 4 * DAY)
        make(tmp_path / "late" / f"dt={day}", *lookback, endpoint="feedback")
    assert codes(audited(tmp_path, START, deep=True)) == []
    make(tmp_path / "late" / "next", START + 5 * DAY, endpoint="feedback")
    (finding,) = audited(tmp_path, START, deep=True).findings
    assert (finding.code, finding.where) == ("duplicate-key", str(tmp_path / "late" / "next"))
    assert "in an earlier one of the series" in finding.what


def test_the_rows_of_another_export_are_its_own_fault_only(tmp_path: Path) -> None:
    days = [make(tmp_path / f"{day}", START + day * DAY, endpoint="feedback") for day in range(2)]
    part = next(days[0].glob("part-*"))
    rows = [b'{"_project_id":"other",' + row[1:] for row in part.read_bytes().splitlines(True)]
    part.write_bytes(b"".join(rows))
    manifest = json.loads((days[0] / "_manifest.json").read_text())
    sha256 = hashlib.sha256(part.read_bytes()).hexdigest()
    manifest["files"][0] |= {"bytes": part.stat().st_size, "sha256": sha256}
    (days[0] / "_manifest.json").write_text(json.dumps(manifest))
    (finding,) = audited(tmp_path, START, deep=True).findings
    assert (finding.code, finding.where) == ("rows", str(part))
    assert finding.do.startswith("Move the manifest away")


def test_an_instant_that_no_calendar_has_is_damage(tmp_path: Path) -> None:
    day = make(tmp_path / "day", START)
    instants = pa.array([2**62], pa.timestamp("us", "UTC"))
    part = day / "part-00000-1f3a9c2e.parquet"
    pq.write_table(pa.table({"createdAt": instants}), part)
    manifest = json.loads((day / "_manifest.json").read_text())
    sha256 = hashlib.sha256(part.read_bytes()).hexdigest()
    file = {"name": part.name, "rows": 1, "bytes": part.stat().st_size, "sha256": sha256}
    (day / "part-00000-1f3a9c2e.jsonl").unlink()
    (day / "_manifest.json").write_text(json.dumps(manifest | {"rows": 1, "files": [file]}))
    (finding,) = audited(tmp_path, START, deep=True).findings
    assert (finding.code, finding.where) == ("rows", str(part))
