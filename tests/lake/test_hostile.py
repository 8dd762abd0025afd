"""Lakes that somebody has prepared: findings or an error, no crash, nothing read outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import iso_ms
from tests.lake.made import START, audited, codes, make, make_days
from tests.reliability.children import Child

MANIFEST = "_manifest.json"


@pytest.fixture
def days(tmp_path: Path) -> list[Path]:
    return make_days(tmp_path / "lake", 3)


def _found(days: list[Path], **scope: bool) -> list[str]:
    return codes(audited(days[0].parent.parent, START, **scope))


def test_a_manifest_of_a_gigabyte_is_not_read(days: list[Path]) -> None:
    os.truncate(days[2] / MANIFEST, 2**30)
    (finding,) = audited(days[0].parent, START).findings
    assert finding.code == "damaged-manifest"
    assert "1,073,741,824 bytes" in finding.what


@pytest.mark.parametrize(
    ("change", "what", "do"),
    [
        ({"manifest_version": 2}, "is of version 2, which this", "Upgrade this provider."),
        ({"manifest_version": None}, "cannot be read: Expected `int`", "Move the manifest away"),
        ({"date_to": "2020-01-01"}, "is not before date_to=2020-01-01", "Move the manifest away"),
        ({"rows": 7}, "contradicts itself: it says 7 rows", "Run the export of this window again"),
    ],
)
def test_what_to_do_about_a_manifest_depends_on_its_damage(
    days: list[Path], change: dict[str, object], what: str, do: str
) -> None:
    manifest = json.loads((days[2] / MANIFEST).read_text())
    (days[2] / MANIFEST).write_text(json.dumps(manifest | change))
    (finding,) = audited(days[0].parent, START).findings
    assert finding.code == "damaged-manifest"
    assert what in finding.what
    assert ".." not in finding.what
    assert finding.do.startswith(do)


def test_a_checkpoint_of_a_gigabyte_is_not_read(days: list[Path]) -> None:
    with (days[2] / "_checkpoint.json").open("wb") as file:
        os.truncate(file.fileno(), 2**30)
    assert _found(days) == ["unfinished"]


@pytest.mark.parametrize(("hours", "found"), [(7, ["unfinished"]), (5, [])])
def test_unfinished_is_what_is_not_continued_now_in_an_audit_up_to_an_earlier_date(
    days: list[Path], hours: int, found: list[str]
) -> None:
    manifest = json.loads((days[2] / MANIFEST).read_text())
    read_at = iso_ms(datetime.now(UTC) - timedelta(hours=hours))
    checkpoint = {
        "checkpoint_version": 1,
        "identity": manifest,
        "source": "https://api.mintlify.com",
        "owner": "1f3a9c2e",
        "updated_at": read_at,
        "progress": {"started_at": read_at},
    }
    (days[2] / "_checkpoint.json").write_text(json.dumps(checkpoint))
    assert _found(days) == found


def test_a_row_of_a_hundred_megabytes_is_not_held(days: list[Path]) -> None:
    part = next(days[2].glob("part-*"))
    os.truncate(part, 100 * 2**20)
    manifest = json.loads((days[2] / MANIFEST).read_text())
    manifest["files"][0]["bytes"] = 100 * 2**20
    (days[2] / MANIFEST).write_text(json.dumps(manifest))
    assert _found(days, deep=True) == ["sha256"]


def test_links_are_found_and_not_followed(days: list[Path], tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", START, rows=1000)
    lake = days[0].parent.parent
    (lake / "loop").symlink_to(lake)
    (lake / "more").symlink_to(outside)
    (days[1] / MANIFEST).unlink()
    (days[1] / MANIFEST).symlink_to(outside / MANIFEST)
    part = next(days[2].glob("part-*"))
    part.unlink()
    part.symlink_to(next(outside.glob("part-*")))
    report = audited(lake, START, deep=True)
    assert sorted(codes(report)) == [
        *("damaged-manifest", "gap", "missing-file", "unreadable", "unreadable"),
    ]
    assert report.rows < 1000


def test_a_named_pipe_does_not_block(days: list[Path]) -> None:
    (days[1] / MANIFEST).unlink()
    os.mkfifo(days[1] / MANIFEST)
    assert sorted(_found(days, deep=True)) == ["damaged-manifest", "gap"]


def test_names_that_a_terminal_would_run_are_escaped(days: list[Path]) -> None:
    evil = days[0].parent / "\x1b[2Jdt=\u202e"
    make(evil, START, files=[], rows=1)
    (finding, *_) = [
        each for each in audited(days[0].parent, START).findings if each.code == "damaged-manifest"
    ]
    assert "\\x1b[2J" in finding.where
    assert finding.where.isprintable()


def test_a_directory_that_is_too_deep_to_be_named_is_reported(tmp_path: Path) -> None:
    make(tmp_path / "views", START)
    dig = f"import os\nfor _ in range(30):\n os.mkdir('{'d' * 200}')\n os.chdir('{'d' * 200}')"
    subprocess.run([sys.executable, "-c", dig], cwd=tmp_path, check=True)
    report = audited(tmp_path, START)
    assert (report.exports, codes(report)) == (1, ["unreadable"])


@pytest.mark.parametrize("made", [False, True], ids=["absent", "empty"])
def test_no_lake_is_an_error_and_not_a_clean_one(tmp_path: Path, *, made: bool) -> None:
    lake = tmp_path / "lake"
    if made:
        lake.mkdir()
    with pytest.raises(ConfigError, match="Give the root of your exports"):
        audited(lake)


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="root")
def test_what_may_not_be_read_is_named(days: list[Path]) -> None:
    lake = days[0].parent.parent
    for path in (lake, *lake.parents):
        if path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o755)
    audited(lake, START, deep=True)  # all is imported: the other user may not read the interpreter
    days[0].chmod(0o000)
    (days[1] / MANIFEST).chmod(0o000)
    next(days[2].glob("part-*")).chmod(0o000)

    def found() -> list[str]:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setuid(65534)
        findings = audited(lake, START, deep=True).findings
        return [f"{each.code} {each.where.removeprefix(str(lake))}" for each in findings]

    ended = Child(found).wait()
    days[0].chmod(0o700)
    assert ended.result == [
        "unreadable /views/dt=2026-01-05",
        f"unreadable /views/dt=2026-01-06/{MANIFEST}",
        "unreadable /views/dt=2026-01-07/part-00000-1f3a9c2e.jsonl",
    ], ended.text
