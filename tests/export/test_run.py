"""Exports of made-up pages into real directories, local and S3 (moto's server)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import fsspec
import msgspec
import pytest

from airflow_provider_docsanalytics.errors import (
    BadResponse,
    ConfigError,
    CursorLost,
    RateLimited,
    StorageError,
    Superseded,
)
from airflow_provider_docsanalytics.export import lease
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Checkpoint, Identity, Manifest
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.fields import Field, Kind
from tests.reliability import s3_proxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOGGER = "airflow_provider_docsanalytics.export.run"
QUOTA = RateLimited(429, "conversations", "quota", retry_after_s=60)


@dataclass
class Page:
    rows: list[bytes]
    next_cursor: str | None
    totals: dict[str, Any] = field(default_factory=lambda: {"total": 7})
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass
class Service:
    """Numbered rows, three a page; fails before the pages that ``fail_at`` names."""

    pages: int
    fail_at: dict[int, BaseException] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    rows_per_page: int = 3
    name: str = "https://service"

    def read(self, cursor: str | None) -> Iterator[Page]:
        for number in range(int(cursor or 0), self.pages):
            self.asked.append(number)
            if number in self.fail_at:
                raise self.fail_at.pop(number)
            first = number * self.rows_per_page
            rows = [b'{"n":%d}' % n for n in range(first, first + self.rows_per_page)]
            yield Page(rows, str(number + 1) if number + 1 < self.pages else None)

    def source(self) -> Source:
        return Source(self.name, self.read, lambda: len(self.asked))


def _identity(**other: Any) -> Identity:
    usual: dict[str, Any] = {
        "platform": "mintlify",
        "endpoint": "conversations",
        "project_id": "p",
        "date_from": "2026-01-01T00:00:00.000Z",
        "date_to": "2026-01-02T00:00:00.000Z",
        "filters": {},
        "file_format": "jsonl",
        "compression": None,
    }
    return Identity(**usual | other)


def _plan(pages_per_file: int = 2, if_exists: Any = "error", **identity: Any) -> Plan:
    return Plan(_identity(**identity), {"_project_id": "p"}, pages_per_file, if_exists)


def _s3(url: str) -> Any:
    client = {"endpoint_url": url, "region_name": "eu-west-1"}
    return fsspec.filesystem("s3", key="k", secret="s", client_kwargs=client)


@pytest.fixture(scope="module")
def s3(s3_url: str) -> Any:
    filesystem = _s3(s3_url)
    filesystem.makedirs("lake", exist_ok=True)  # made again where tests of other files ran between
    return filesystem


@dataclass
class Place:
    """A directory, read past the code under test."""

    filesystem: Any
    root: str

    def directory(self) -> ExportDirectory:
        return ExportDirectory(self.filesystem, self.root, f"uri:{self.root}")

    def names(self) -> list[str]:
        self.filesystem.invalidate_cache()
        found = self.filesystem.ls(self.root, detail=False)
        return sorted(str(name).rsplit("/", 1)[-1] for name in found)

    def read(self, name: str) -> bytes:
        return bytes(self.filesystem.cat_file(f"{self.root}/{name}"))

    def write(self, name: str, content: bytes) -> None:
        self.filesystem.pipe_file(f"{self.root}/{name}", content)

    def rows(self, manifest: Manifest) -> list[int]:
        """Return the rows of the manifest's files, each file proved against the manifest."""
        numbers: list[int] = []
        for file in manifest.files:
            content = self.read(file.name)
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)
            lines = content.splitlines()
            assert len(lines) == file.rows
            numbers += [json.loads(line)["n"] for line in lines]
        assert len(numbers) == manifest.rows
        return numbers

    def assert_whole(self, manifest: Manifest, rows: int) -> None:
        """The directory holds exactly this export, and the manifest is what stands there."""
        assert self.rows(manifest) == list(range(rows))
        assert self.names() == sorted(["_manifest.json", *(file.name for file in manifest.files)])
        assert msgspec.json.decode(self.read("_manifest.json"), type=Manifest) == manifest


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        (tmp_path / "out").mkdir()
        return Place(fsspec.filesystem("file"), str(tmp_path / "out"))
    return Place(request.getfixturevalue("s3"), f"lake/{request.node.name.replace('[', '-')}")


def _fail(plan: Plan, place: Place, service: Service, error: type[BaseException]) -> None:
    with pytest.raises(error):
        export(plan, place.directory(), service.source())


@pytest.mark.parametrize(("pages", "files"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_every_page_is_exported_once_in_order(place: Place, pages: int, files: int) -> None:
    service = Service(pages)
    manifest = export(_plan(), place.directory(), service.source())
    place.assert_whole(manifest, rows=3 * pages)
    assert service.asked == list(range(pages))
    assert len(manifest.files) == files
    assert (manifest.pages, manifest.requests, manifest.totals) == (pages, pages, {"total": 7})


def test_a_file_may_hold_a_single_page(tmp_path: Path) -> None:
    place = Place(fsspec.filesystem("file"), str(tmp_path / "out"))
    manifest = export(_plan(pages_per_file=1), place.directory(), Service(3).source())
    place.assert_whole(manifest, rows=9)
    assert [file.rows for file in manifest.files] == [3, 3, 3]


def test_a_directory_is_the_same_with_a_slash_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "_manifest.json").write_text("{}")
    filesystem = fsspec.filesystem("file")
    directory = ExportDirectory(filesystem, f"{tmp_path}/", "file:///lake/")
    with pytest.raises(ConfigError, match=r"^file:///lake/_manifest\.json is not a manifest"):
        export(_plan(), directory, Service(1).source())


@pytest.mark.parametrize("pages", [0, 3])
def test_an_export_without_rows_exists_and_has_one_file(place: Place, pages: int) -> None:
    service = Service(pages, rows_per_page=0)
    manifest = export(_plan(), place.directory(), service.source())
    place.assert_whole(manifest, rows=0)
    assert ([file.rows for file in manifest.files], manifest.pages) == ([0], pages)


def test_a_failure_leaves_no_manifest_and_the_retry_asks_for_no_page_again(place: Place) -> None:
    service = Service(7, fail_at={2: QUOTA, 5: QUOTA})
    for _ in range(2):
        _fail(_plan(), place, service, RateLimited)
        assert "_manifest.json" not in place.names()
    manifest = export(_plan(), place.directory(), service.source())
    place.assert_whole(manifest, rows=21)
    assert service.asked == [0, 1, 2, 2, 3, 4, 5, 5, 6]
    assert manifest.requests == len(service.asked)


def test_an_interruption_keeps_what_was_read(place: Place) -> None:
    service = Service(4, fail_at={3: KeyboardInterrupt()})
    _fail(_plan(pages_per_file=100), place, service, KeyboardInterrupt)
    manifest = export(_plan(), place.directory(), service.source())
    place.assert_whole(manifest, rows=12)
    assert service.asked == [0, 1, 2, 3, 3]


@dataclass
class Circling(Service):
    """From page 3 the service leads back to page 1, as long as it has ``rounds``."""

    rounds: int = 2

    def read(self, cursor: str | None) -> Iterator[Page]:
        number = int(cursor or 0)
        while number < self.pages:
            page = next(super().read(str(number)))
            if number == 3 and self.rounds:
                self.rounds -= 1
                page.next_cursor = "1"
            yield page
            number = int(page.next_cursor or self.pages)


@pytest.mark.parametrize("stops_at", [1, 2, 3, 4])
def test_a_circle_that_a_retry_begins_inside_of_doubles_no_row(place: Place, stops_at: int) -> None:
    service = Circling(6, fail_at={stops_at: QUOTA})
    _fail(_plan(), place, service, RateLimited if stops_at < 4 else BadResponse)
    while service.rounds:
        _fail(_plan(), place, service, BadResponse)
    service.fail_at.clear()
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=18)


def test_a_place_that_leads_back_costs_a_fresh_start(place: Place) -> None:
    class Stumbling(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            # The cursor that page 2 gave is one that leads to page 2.
            yield from super().read("2" if cursor == "3" else cursor)

    service = Stumbling(5, fail_at={3: QUOTA})
    _fail(_plan(), place, service, RateLimited)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=15)
    assert service.asked == [0, 1, 2, 3, 2, 0, 1, 2, 3, 4]


def test_a_lost_cursor_costs_one_fresh_start_and_every_request_is_counted(place: Place) -> None:
    class Forgetting(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            if cursor is not None:
                self.asked.append(-1)
                raise CursorLost("expired")
            yield from super().read(cursor)

    service = Forgetting(4, fail_at={3: QUOTA})
    _fail(_plan(), place, service, RateLimited)
    manifest = export(_plan(), place.directory(), service.source())
    place.assert_whole(manifest, rows=12)
    assert service.asked == [0, 1, 2, 3, -1, 0, 1, 2, 3]
    assert (manifest.pages, manifest.requests) == (4, 9)


def test_a_worker_that_is_killed_after_starting_over_leaves_what_the_next_one_needs(
    tmp_path: Path,
) -> None:
    class Small(Page):
        page_size = 25

    left = []

    class Forgetting(Service):
        def read(self, cursor: str | None, page_size: int | None = None) -> Iterator[Page]:
            if cursor is not None:
                self.asked.append(-1)
                raise CursorLost("expired")
            if self.asked:
                left.append(json.loads(place.read("_checkpoint.json"))["progress"])
                assert page_size == 25
            for page in super().read(cursor):
                yield Small(page.rows, page.next_cursor)

    place = Place(fsspec.filesystem("file"), str(tmp_path))
    service = Forgetting(4, fail_at={3: QUOTA})
    _fail(_plan(), place, service, RateLimited)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    (progress,) = left
    kept = {"requests": 5, "restarts": 1, "page_size": 25, "cursor": None, "rows": 0, "files": []}
    assert {name: progress.get(name) for name in kept} == kept


def test_cursors_that_are_lost_again_are_an_error_that_says_why_and_what_to_do(
    tmp_path: Path,
) -> None:
    class Forgetting(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                yield page
                raise CursorLost("expired")

    place = Place(fsspec.filesystem("file"), str(tmp_path))
    with pytest.raises(BadResponse) as failed:
        export(_plan(), place.directory(), Forgetting(4).source())
    said, advice = str(failed.value).split("\n")
    assert said == (
        "conversations: the service refused the cursor to resume from, twice (expired). "
        "No manifest was written."
    )
    assert advice == (
        "A retry starts from the beginning. If it fails again, use narrower windows (date_from, "
        "date_to), so that an export ends before its cursors expire."
    )


def test_the_old_export_stays_whole_until_the_new_one_stands(place: Place) -> None:
    first = export(_plan(), place.directory(), Service(5).source())
    service = Service(6, fail_at={5: QUOTA})
    _fail(_plan(), place, service, RateLimited)
    assert place.rows(first) == list(range(15))
    second = export(_plan(), place.directory(), service.source())
    place.assert_whole(second, rows=18)
    assert not {file.name for file in first.files} & {file.name for file in second.files}


def test_a_different_export_is_refused_with_both_named_before_anything_is_asked(
    place: Place,
) -> None:
    first = export(_plan(), place.directory(), Service(1).source())
    service = Service(1)
    other = _plan(endpoint="views")
    with pytest.raises(ConfigError) as refused:
        export(other, place.directory(), service.source())
    assert "endpoint: 'conversations' there, 'views' now" in str(refused.value)
    assert "project_id" not in str(refused.value).splitlines()[1]
    assert service.asked == []
    place.assert_whole(first, rows=3)


def test_a_different_export_is_replaced_on_request(place: Place) -> None:
    export(_plan(), place.directory(), Service(3).source())
    manifest = export(
        _plan(endpoint="views", if_exists="replace"), place.directory(), Service(1).source()
    )
    place.assert_whole(manifest, rows=3)


def test_files_of_others_are_never_touched(place: Place) -> None:
    foreign = [
        "part-00000-abcdef12.json",
        "part-00000-abcdef12.parquet.gz",
        "part-0.jsonl",
        "part-00000-abc.snappy.parquet",
        "_SUCCESS",
        "notes.tmp",
        ".x.tmp",
    ]
    for name in foreign:
        place.write(name, b"theirs")
    manifest = export(_plan(), place.directory(), Service(3).source())
    ours = ["_manifest.json", *(file.name for file in manifest.files)]
    assert place.names() == sorted(ours + foreign)
    assert all(place.read(name) == b"theirs" for name in foreign)


def test_the_parts_of_a_dead_attempt_are_removed_at_commit(place: Place) -> None:
    place.write("part-00000-0123abcd.jsonl.gz", b"garbage")
    place.write(".part-00001-0123abcd.jsonl.0123abcd.tmp", b"garbage")
    place.write("._manifest.json.0123abcd.tmp", b"garbage")
    manifest = export(_plan(), place.directory(), Service(3).source())
    place.assert_whole(manifest, rows=9)


@pytest.mark.parametrize(
    "other", [{"date_to": "2026-01-03T00:00:00.000Z"}, {"filters": {"a": "b"}}]
)
def test_a_checkpoint_of_another_export_is_not_resumed(place: Place, other: dict[str, Any]) -> None:
    _fail(_plan(**other), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    service = Service(4)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]


def test_a_checkpoint_of_another_service_is_not_resumed(place: Place) -> None:
    _fail(_plan(), place, Service(4, fail_at={3: QUOTA}, name="http://127.0.0.1"), RateLimited)
    service = Service(4)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]


def _age(place: Place, age: timedelta) -> None:
    """Let the last page in the checkpoint be that much older."""
    checkpoint = json.loads(place.read("_checkpoint.json"))
    read_at = str(datetime.fromisoformat(checkpoint["updated_at"]) - age)
    place.write("_checkpoint.json", json.dumps(checkpoint | {"updated_at": read_at}).encode())


def test_an_old_checkpoint_is_not_resumed(place: Place) -> None:
    _fail(_plan(), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    _age(place, lease.CHECKPOINT_MAX_AGE + timedelta(seconds=1))
    service = Service(4)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]


def test_a_checkpoint_whose_part_is_gone_is_not_resumed(place: Place) -> None:
    _fail(_plan(), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    part = next(name for name in place.names() if name.startswith("part-00000"))
    place.write(part, b"cut")
    service = Service(4)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b"null"])
def test_a_damaged_checkpoint_costs_a_fresh_start_and_no_rows(place: Place, damage: bytes) -> None:
    _fail(_plan(), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    place.write("_checkpoint.json", damage)
    place.assert_whole(export(_plan(), place.directory(), Service(4).source()), rows=12)


def test_a_checkpoint_cannot_name_a_file_outside(place: Place) -> None:
    _fail(_plan(), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    text = place.read("_checkpoint.json").decode()
    part = next(name for name in place.names() if name.startswith("part-00000"))
    place.write("_checkpoint.json", text.replace(part, "../" + part).encode())
    place.assert_whole(export(_plan(), place.directory(), Service(4).source()), rows=12)


@pytest.mark.parametrize("damage", [b"", b'{"rows": 3}', b"not json"])
def test_a_manifest_that_cannot_be_read_is_never_overwritten(place: Place, damage: bytes) -> None:
    place.write("_manifest.json", damage)
    service = Service(1)
    _fail(_plan(if_exists="replace"), place, service, ConfigError)
    assert (place.names(), place.read("_manifest.json")) == (["_manifest.json"], damage)
    assert service.asked == []


def test_an_attempt_that_was_superseded_stops_and_touches_nothing(place: Place) -> None:
    class Overtaken(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:  # pages 0 and 1 are published, 2 and 3 are not
                    self.winner = export(_plan(), place.directory(), Service(6).source())
                yield page

    zombie = Overtaken(6)
    with pytest.raises(Superseded, match="another attempt has taken over"):
        export(_plan(), place.directory(), zombie.source())
    place.assert_whole(zombie.winner, rows=18)


def test_an_attempt_overtaken_by_one_still_running_leaves_it_its_checkpoint(place: Place) -> None:
    class Overtaken(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:
                    _fail(_plan(), place, Service(6, fail_at={4: QUOTA}), RateLimited)
                yield page

    with pytest.raises(Superseded, match=r"attempt [0-9a-f]{8}"):
        export(_plan(), place.directory(), Overtaken(6).source())
    service = Service(6)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=18)
    assert service.asked == [4, 5]


def test_an_attempt_overtaken_while_it_publishes_takes_its_part_away(place: Place) -> None:
    class Slow(ExportDirectory):
        def publish(self, spool: IO[bytes], name: str) -> None:
            self.winner = export(_plan(), place.directory(), Service(4).source())
            super().publish(spool, name)

    directory = Slow(place.filesystem, place.root, "uri")
    with pytest.raises(Superseded):
        export(_plan(), directory, Service(4).source())
    place.assert_whole(directory.winner, rows=12)


def test_an_attempt_overtaken_before_its_manifest_writes_none(place: Place) -> None:
    class Slow(ExportDirectory):
        def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
            written = super().write_checkpoint(checkpoint)
            if checkpoint.progress.complete:
                self.winner = export(_plan(), place.directory(), Service(3).source())
            return written

    directory = Slow(place.filesystem, place.root, "uri")
    with pytest.raises(Superseded):
        export(_plan(), directory, Service(3).source())
    place.assert_whole(directory.winner, rows=9)


def test_files_are_private_until_they_are_published_and_then_as_open_as_the_directory(
    tmp_path: Path,
) -> None:
    place = Place(fsspec.filesystem("file"), str(tmp_path))
    tmp_path.chmod(0o750)
    modes: list[int] = []

    class Looking(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                yield page
                modes.extend(path.stat().st_mode & 0o777 for path in tmp_path.glob(".part-*.tmp"))

    manifest = export(_plan(), place.directory(), Looking(3).source())
    assert set(modes) == {0o600}
    published = {(tmp_path / file.name).stat().st_mode & 0o777 for file in manifest.files}
    assert published == {0o640}


def test_a_failing_publish_does_not_move_the_checkpoint(tmp_path: Path) -> None:
    place = Place(fsspec.filesystem("file"), str(tmp_path))
    service = Service(6)

    class FullDisk(ExportDirectory):
        def publish(self, spool: IO[bytes], name: str) -> None:
            if name.startswith("part-00001"):
                raise OSError(28, "No space left on device")
            super().publish(spool, name)

    directory = FullDisk(place.filesystem, place.root, "uri")
    with pytest.raises(OSError, match="No space left"):
        export(_plan(), directory, service.source())
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=18)
    assert service.asked == [0, 1, 2, 3, 2, 3, 4, 5]


def test_a_page_that_is_interrupted_while_it_is_written_is_not_published_by_half(
    tmp_path: Path,
) -> None:
    place = Place(fsspec.filesystem("file"), str(tmp_path))

    class Torn(dict[str, Any]):
        """Totals, which are read after the rows were written, that interrupt."""

        def __iter__(self) -> Iterator[str]:
            raise KeyboardInterrupt

        keys = __iter__  # type: ignore[assignment]

    class Tearing(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:
                    page.totals = Torn()
                yield page

    _fail(_plan(), place, Tearing(5), KeyboardInterrupt)
    service = Service(5)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=15)
    assert service.asked == [2, 3, 4]


def test_a_killed_attempt_is_gone_on_with(tmp_path: Path) -> None:
    """SIGKILL while page 5 is asked for: two parts are published, one page is asked for again."""
    out = tmp_path / "out"
    out.mkdir()
    script = (
        "import os, signal, sys, fsspec; sys.path.insert(0, sys.argv[2]); import test_run as t\n"
        "class Killed(t.Service):\n"
        "    def read(self, cursor):\n"
        "        for page in super().read(cursor):\n"
        "            if self.asked[-1] == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "            yield page\n"
        "place = t.Place(fsspec.filesystem('file'), sys.argv[1])\n"
        "t.export(t._plan(), place.directory(), Killed(8).source())\n"
    )
    here = str(Path(__file__).parent)
    path = os.pathsep.join(sys.path)
    killed = subprocess.run(
        [sys.executable, "-c", script, str(out), here],
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert killed.returncode == -9
    service = Service(8)
    place = Place(fsspec.filesystem("file"), str(out))
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=24)
    assert service.asked == [4, 5, 6, 7]


def test_a_late_manifest_of_an_overtaken_attempt_is_not_written(place: Place) -> None:
    """Seen to own the directory, halted, and woken after another export has cleared it."""

    class Halted(ExportDirectory):
        def write_manifest(self, manifest: Manifest, owner: str) -> bool:
            other = _plan(endpoint="views", if_exists="replace")
            self.winner = export(other, place.directory(), Service(4).source())
            return super().write_manifest(manifest, owner)

    directory = Halted(place.filesystem, place.root, "uri")
    with pytest.raises((Superseded, ConfigError)):
        export(_plan(), directory, Service(3).source())
    place.assert_whole(directory.winner, rows=12)


def test_a_late_checkpoint_of_an_overtaken_attempt_is_not_written(place: Place) -> None:
    class Halted(ExportDirectory):
        def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
            if checkpoint.progress.pages == 2:
                _fail(_plan(), place, Service(6, fail_at={4: QUOTA}), RateLimited)
            return super().write_checkpoint(checkpoint)

    directory = Halted(place.filesystem, place.root, "uri")
    with pytest.raises(Superseded):
        export(_plan(), directory, Service(6).source())
    service = Service(6)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=18)
    assert service.asked == [4, 5]


@pytest.mark.parametrize("step", ["delete", "delete_checkpoint"])
def test_a_checkpoint_is_ended_by_its_owner_alone(place: Place, step: str) -> None:
    """Another attempt has begun between the manifest and the end of the checkpoint."""

    class Halted(ExportDirectory):
        def delete(self, names: Iterable[str]) -> None:
            self._begin_another("delete")
            super().delete(names)

        def delete_checkpoint(self) -> None:
            self._begin_another("delete_checkpoint")
            super().delete_checkpoint()

        def _begin_another(self, before: str) -> None:
            if before == step:
                _fail(_plan(endpoint="views", if_exists="replace"), place, later, RateLimited)

    later = Service(4, fail_at={2: QUOTA})
    export(_plan(), Halted(place.filesystem, place.root, "uri"), Service(3).source())
    plan = _plan(endpoint="views", if_exists="replace")
    place.assert_whole(export(plan, place.directory(), later.source()), rows=12)
    assert later.asked == [0, 1, 2, 2, 3]


def test_a_part_that_someone_deletes_meanwhile_is_never_listed(place: Place) -> None:
    class Robbed(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:
                    new = set(place.names()) - {file.name for file in old.files}
                    part = next(name for name in new if name.startswith("part-00000"))
                    place.filesystem.rm_file(f"{place.root}/{part}")
                yield page

    old = export(_plan(), place.directory(), Service(1).source())
    with pytest.raises(StorageError, match=r"part-00000-.* is missing"):
        export(_plan(), place.directory(), Robbed(5).source())
    assert place.rows(old) == [0, 1, 2]
    assert msgspec.json.decode(place.read("_manifest.json"), type=Manifest) == old
    place.assert_whole(export(_plan(), place.directory(), Service(5).source()), rows=15)


def test_an_interruption_while_a_part_is_published_costs_no_page(place: Place) -> None:
    class Interrupted(ExportDirectory):
        interrupted = False

        def publish(self, spool: IO[bytes], name: str) -> None:
            if not self.interrupted:
                self.interrupted = True
                raise KeyboardInterrupt
            super().publish(spool, name)

    service = Service(4)
    directory = Interrupted(place.filesystem, place.root, "uri")
    with pytest.raises(KeyboardInterrupt):
        export(_plan(), directory, service.source())
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]


def test_rows_on_their_way_to_s3_lie_in_no_file_that_has_a_name(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = Place(s3, "lake/nameless")

    class Looking(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                yield page
                assert list(tmp_path.iterdir()) == []

    place.assert_whole(export(_plan(), place.directory(), Looking(3).source()), rows=9)


@pytest.mark.usefixtures("s3")
def test_a_write_that_a_store_refuses_is_not_taken_for_another_attempts(s3_url: str) -> None:
    with s3_proxy.proxy(s3_url) as url:
        place = Place(_s3(url), "lake/refused")
        _fail(_plan(), place, Service(6, fail_at={4: QUOTA}), RateLimited)
        directory = place.directory()
        checkpoint = directory.read_checkpoint()
        assert checkpoint is not None
        s3_proxy.fail(url, 1, "AccessDenied 403")
        with pytest.raises(StorageError, match=r"could not replace _checkpoint\.json"):
            directory.write_checkpoint(checkpoint)
        assert directory.write_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("endpoint", "pages", "lines"),
    [
        ("conversations", 1, ["Exported 3 conversations to {uri} (1 file, 1 request)"]),
        (
            "views",
            3,
            [
                "6 rows of views so far (page 2, 2 requests",
                "9 rows of views so far (page 3, 3 requests",
                "Exported 9 rows of views to {uri} (2 files, 3 requests)",
            ],
        ),
    ],
)
def test_the_log_says_what_was_exported_and_the_progress_if_there_are_several_pages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, endpoint: str, pages: int, lines: list[str]
) -> None:
    place = Place(fsspec.filesystem("file"), str(tmp_path))
    caplog.set_level("INFO", LOGGER)
    export(_plan(endpoint=endpoint), place.directory(), Service(pages).source())
    said = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    wanted = [line.format(uri=place.directory().uri) for line in lines]
    assert [line[: len(want)] for line, want in zip(said, wanted, strict=True)] == wanted


def test_the_log_of_a_resumed_export_counts_the_rows_of_earlier_attempts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(fsspec.filesystem("file"), str(tmp_path))
    _fail(_plan(), place, Service(5, fail_at={4: QUOTA}), RateLimited)
    caplog.set_level("INFO", LOGGER)
    export(_plan(), place.directory(), Service(5).source())
    assert "15 conversations so far (page 5, " in caplog.text


def test_a_store_without_conditional_writes_is_written_to_and_named_once(
    s3: Any, s3_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with s3_proxy.proxy(s3_url) as url:
        s3_proxy.fail(url, 0, s3_proxy.NO_CONDITIONS)
        place = Place(_s3(url), "lake/unconditional")
        place.assert_whole(export(_plan(), place.directory(), Service(4).source()), rows=12)
        caplog.clear()
        again = export(_plan(), place.directory(), Service(6).source())
    place = Place(s3, place.root)
    place.assert_whole(again, rows=18)
    assert caplog.text.count("no conditional writes") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("checkpoint_version", 2),
        ("updated_at", "2026-01-01T00:00:00"),
        ("updated_at", "2999-01-01T00:00:00Z"),
        ("progress", {"started_at": "2026-01-01T00:00:00Z", "rows": 6}),
        ("progress", {"started_at": "2026-01-01T00:00:00Z", "rows": -6}),
    ],
)
def test_a_checkpoint_that_cannot_be_true_is_not_resumed(
    place: Place, field: str, value: object
) -> None:
    _fail(_plan(), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    checkpoint = json.loads(place.read("_checkpoint.json"))
    place.write("_checkpoint.json", json.dumps(checkpoint | {field: value}).encode())
    service = Service(4)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]


def test_a_manifest_of_a_newer_version_is_refused(place: Place) -> None:
    export(_plan(), place.directory(), Service(1).source())
    manifest = json.loads(place.read("_manifest.json")) | {"manifest_version": 2}
    place.write("_manifest.json", json.dumps(manifest).encode())
    _fail(_plan(if_exists="replace"), place, Service(1), ConfigError)


def test_a_storage_that_refuses_is_named(s3: Any) -> None:
    directory = ExportDirectory(s3, "no-such-bucket/out", "s3://no-such-bucket/out")
    with pytest.raises(StorageError, match=r"s3://no-such-bucket/out: could not write"):
        export(_plan(), directory, Service(1).source())


@pytest.mark.parametrize(
    ("file_format", "found"), [("jsonl", ()), ("csv", ("n500",)), ("parquet", ("n500",))]
)
def test_formats_that_decode_every_row_check_every_row_and_the_others_a_sample(
    tmp_path: Path, file_format: str, found: tuple[str, ...]
) -> None:
    def read(_: str | None) -> Iterator[Page]:
        rows = [b'{"n":%d}' % number for number in range(1000)]
        rows[505] = b'{"n":505,"n500":1}'
        yield Page(rows, None)

    place = Place(fsspec.filesystem("file"), str(tmp_path))
    fields = (Field("n", Kind.INTEGER),)
    plan = Plan(_identity(file_format=file_format), {"_project_id": "p"}, fields=fields)
    manifest = export(plan, place.directory(), Source("https://service", read, lambda: 1))
    assert manifest.drift.new == found


@pytest.mark.parametrize(
    ("asked", "reduced", "listed"),
    [(None, None, msgspec.UNSET), (50, None, 50), (None, 25, 25), (50, 25, 25)],
)
def test_the_manifest_tells_the_size_of_pages_that_were_smaller_than_the_largest(
    tmp_path: Path, asked: int | None, reduced: int | None, listed: object
) -> None:
    class Small(Page):
        page_size = reduced

    place = Place(fsspec.filesystem("file"), str(tmp_path))
    plan = Plan(_identity(), {"_project_id": "p"}, page_size=asked)
    source = Source("https://service", lambda _: iter([Small([b'{"n":0}'], None)]), lambda: 1)
    assert export(plan, place.directory(), source).page_size == listed
    written = json.loads(place.read("_manifest.json"))
    assert written.get("page_size", msgspec.UNSET) == listed


@pytest.mark.parametrize(
    "wrong", [{"pages_per_file": 0}, {"if_exists": "append"}, {"file_format": "xml"}]
)
def test_a_plan_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"^{name}="):
        _plan(**wrong)
