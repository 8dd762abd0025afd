"""A wide window, read once and exported by day, of made-up pages in a local directory."""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_docsanalytics.errors import (
    BadResponse,
    RateLimited,
    StorageError,
    Superseded,
)
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.moments import WindowOfRow
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.export.split import Day, export_by_day
from airflow_provider_docsanalytics.window import DateWindow
from tests.export.test_run import Page, _identity
from tests.reliability.children import run
from tests.support.exported import read_export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_docsanalytics.export.split import Split

DAYS = DateWindow.parse("2026-01-01", "2026-01-04").days()
QUOTA = RateLimited(429, "conversations", "quota", retry_after_s=60)


def _row(number: int, at: str) -> bytes:
    return b'{"n":%d,"at":"2026-01-%s.000Z"}' % (number, at.encode())


PAGES = [
    [_row(0, "03T09:00:00"), _row(1, "01T09:00:00")],
    [_row(2, "02T00:00:00"), _row(3, "01T23:59:59")],
    [_row(4, "03T23:59:59")],
]
"""In no order: none is promised."""
EXPECTED = {"day-0": [1, 3], "day-1": [2], "day-2": [0, 4]}


@dataclass
class Service:
    pages: list[list[bytes]] = field(default_factory=lambda: PAGES)
    fail_at: dict[int, BaseException] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def read(self, cursor: str | None) -> Iterator[Page]:
        for number in range(int(cursor or 0), len(self.pages)):
            self.asked.append(number)
            if number in self.fail_at:
                raise self.fail_at.pop(number)
            following = str(number + 1) if number + 1 < len(self.pages) else None
            yield Page(self.pages[number], following)

    def source(self) -> Source:
        return Source("https://service", self.read, lambda: len(self.asked))


def _directory(root: Path) -> ExportDirectory:
    return ExportDirectory(fsspec.filesystem("file"), str(root), f"uri:{root}")


def _plan_of(day: DateWindow) -> Plan:
    identity = _identity(date_from=day.date_from, date_to=day.date_to)
    return Plan(identity, {"_date_from": day.date_from}, pages_per_file=2)


def _split(root: Path, service: Service, **options: Any) -> Split:
    identity = _identity(date_from=DAYS[0].date_from, date_to=DAYS[-1].date_to)
    plan = Plan(identity, {}, pages_per_file=1, raw=True)
    reading = _directory(root / "_split")
    days = [Day(_plan_of(day), reading.beside(f"day-{n}")) for n, day in enumerate(DAYS)]
    day_of = WindowOfRow("conversations", "at", DAYS)
    return export_by_day(plan, reading, days, service.source(), day_of, page_rows=2, **options)


def _found(root: Path) -> dict[str, list[int]]:
    names = sorted(each.name for each in root.iterdir())
    return {
        name: [json.loads(row)["n"] for row in read_export(root / name).lines] for name in names
    }


def test_each_row_is_in_the_directory_of_its_day_and_nothing_else_stays(tmp_path: Path) -> None:
    split = _split(tmp_path, Service())
    assert _found(tmp_path) == EXPECTED
    assert (split.pages, split.requests) == (3, 3)
    assert [(each.rows, each.pages, each.requests) for each in split.manifests] == [
        (2, 1, 0),
        (1, 1, 0),
        (2, 1, 0),
    ]


def test_a_resume_requests_no_published_page_again(tmp_path: Path) -> None:
    service = Service(fail_at={2: QUOTA})
    with pytest.raises(RateLimited):
        _split(tmp_path, service)
    assert [each.name for each in tmp_path.iterdir()] == ["_split"]
    assert _split(tmp_path, service).requests == 4
    assert service.asked == [0, 1, 2, 2]
    assert _found(tmp_path) == EXPECTED


def test_equal_rows_of_one_page_stay_although_a_day_has_other_pages(tmp_path: Path) -> None:
    """Three equal rows are two pages of a day, and not a page that repeats a row."""
    same = [_row(1, "02T09:00:00")] * 3
    split = _split(tmp_path, Service([same]))
    assert _found(tmp_path)["day-1"] == [1, 1, 1]
    assert [each.repeated for each in split.manifests] == [0, 0, 0]


@pytest.mark.parametrize("damage", [b'{"n":9,"at":"2026-01-03T09:00:00.000Z"}\n', b""])
def test_a_part_that_has_changed_is_read_again_and_never_exported(
    tmp_path: Path, damage: bytes
) -> None:
    """It has changed while no attempt was running, with the size that it had, or another."""
    service = Service()
    (tmp_path / "day-0" / "_checkpoint.json").mkdir(parents=True)
    with pytest.raises(ValueError, match="not a regular file"):
        _split(tmp_path, service)
    part = min((tmp_path / "_split").glob("part-*"))
    content = part.read_bytes()
    part.write_bytes(damage + content[len(damage) :] if damage else content[1:])
    (tmp_path / "day-0" / "_checkpoint.json").rmdir()
    if damage:
        with pytest.raises(StorageError, match="its SHA-256 differs"):
            _split(tmp_path, service)
        assert not (tmp_path / "day-0" / "_manifest.json").exists()
    _split(tmp_path, service)
    assert service.asked == [0, 1, 2] * 2
    assert _found(tmp_path) == EXPECTED


def test_a_reading_that_is_too_old_is_started_over(tmp_path: Path) -> None:
    service = Service(fail_at={2: QUOTA})
    with pytest.raises(RateLimited):
        _split(tmp_path, service)
    later = datetime.now(UTC) + timedelta(days=2)
    _split(tmp_path, service, now=lambda: later)
    assert service.asked == [0, 1, 2, 0, 1, 2]
    assert _found(tmp_path) == EXPECTED


def test_a_full_disk_of_the_worker_says_what_to_do(tmp_path: Path) -> None:
    """Each file of the directory fits, but not all rows in the worker's file."""
    text = b'{"at":"2026-01-01T09:00:00.000Z","text":"%s"}' % (b"x" * 4000)
    service = Service([[text], [text + b" "]])

    def export_it() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
        _split(tmp_path, service)

    ended = run(export_it)
    assert ended.saw == "StorageError"
    assert "Free disk space on the worker, or export a narrower window." in ended.text


def test_an_attempt_that_was_superseded_stops_before_its_next_day(tmp_path: Path) -> None:
    """The retry runs to its end while the first attempt reads its last page."""
    first, retry = Service(), Service()
    inner = first.read

    def read(cursor: str | None) -> Iterator[Page]:
        for page in inner(cursor):
            if page.next_cursor is None:
                _split(tmp_path, retry)
            yield page

    source = replace(first.source(), pages=read)
    first.source = lambda: source  # type: ignore[method-assign]
    with pytest.raises(Superseded, match="it has finished"):
        _split(tmp_path, first)
    assert retry.asked == [2]
    assert _found(tmp_path) == EXPECTED


def test_an_export_of_one_day_does_not_resume_from_a_split_that_was_killed_in_it(
    tmp_path: Path,
) -> None:
    rows = [[_row(number, "02T09:00:00") for number in range(6)]]
    day = tmp_path / "day-1"

    class Killed(BaseException):
        pass

    def clock() -> datetime:
        if any(day.glob("part-*")):
            raise Killed
        return datetime.now(UTC)

    with pytest.raises(Killed):
        _split(tmp_path, Service(rows), now=clock)
    assert (day / "_checkpoint.json").exists()
    service = Service(rows)
    export(_plan_of(DAYS[1]), _directory(day), service.source())
    assert service.asked == [0]
    assert [json.loads(row)["n"] for row in read_export(day).lines] == list(range(6))


@pytest.mark.parametrize(("at_hour", "rows"), [(1, [9]), (-1, [2]), (3, [2])])
def test_a_day_that_was_exported_after_the_reading_began_stays(
    tmp_path: Path, at_hour: int, rows: list[int]
) -> None:
    """The reading begins at 0, waits for the quota and ends at 2; 3 is another worker's clock."""
    began = datetime.now(UTC)

    def clock(hour: int) -> Any:
        return {"now": lambda: began + timedelta(hours=hour)}

    service = Service(fail_at={2: QUOTA})
    with pytest.raises(RateLimited):
        _split(tmp_path, service, **clock(0))
    newer = Service([[_row(9, "02T00:00:00")]])
    day = _directory(tmp_path / "day-1")
    export(_plan_of(DAYS[1]), day, newer.source(), **clock(at_hour))
    split = _split(tmp_path, service, **clock(2))
    assert _found(tmp_path) == EXPECTED | {"day-1": rows}
    assert split.manifests[1] == day.read_manifest()


@pytest.mark.parametrize(
    ("row", "index"),
    [
        (b'{"at":"2026-01-01T00:00:00Z"}', 0),
        (b'{"at":"2026-01-01T23:59:59.9999999Z"}', 0),
        (b'{"at":"2026-01-02T00:30:00+01:00"}', 0),
        (b'{"at":"2026-01-03T23:59:59.999999Z"}', 2),
        (b'{"half":"\\ud83d","at":"2026-01-02T00:00:00.000Z"}', 1),
        (b'{"at":1,"at":"2026-01-02T00:00:00.000Z"}', 1),
    ],
)
def test_the_day_of_a_row(row: bytes, index: int) -> None:
    assert WindowOfRow("conversations", "at", DAYS)(row) == index


@pytest.mark.parametrize(
    "row",
    [
        b"{}",
        b'{"at":null}',
        b'{"at":1767225600}',
        b'{"at":{"at":"2026-01-01T00:00:00Z"}}',
        b'{"at":"2026-01-01T00:00:00"}',
        b'{"at":"2026-01-01"}',
        b'{"at":"2026-01-04T00:00:00Z"}',
        b'{"at":"2025-12-31T23:59:59.999Z"}',
    ],
)
def test_a_row_without_a_day_is_a_bad_response(row: bytes) -> None:
    with pytest.raises(BadResponse, match=r"^conversations: "):
        WindowOfRow("conversations", "at", DAYS)(row)
