"""Attempts that meet: each stands still between two steps while the other takes some."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ConfigError,
    CursorLost,
    RateLimited,
    StorageError,
    Superseded,
)
from airflow_provider_docsanalytics.export import lease
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.plan import Source
from airflow_provider_docsanalytics.export.run import export
from tests.export.test_run import QUOTA, Page, Place, Service, _age, _fail, _plan, place, s3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.export.documents import Checkpoint, Manifest

__all__ = ["place", "s3"]  # fixtures


class Dies(ExportDirectory):
    """The attempt has acquired the directory, and ends before its manifest."""

    def write_manifest(self, manifest: Manifest, owner: str) -> bool:  # noqa: ARG002 - the base class's signature
        raise StorageError("gone")


def test_an_overtaken_attempt_never_deletes_what_its_successor_has_just_committed(
    place: Place,
) -> None:
    """The successor commits between the two reads by which the overtaken one tidies up.

    It has taken the part over: the checkpoint that lists it was written, and the answer was lost.
    """

    class Overtaken(ExportDirectory):
        tidies = False
        winner: Manifest | None = None

        def listed_parts(self) -> set[str]:
            self.tidies = True
            return super().listed_parts()

        def read_manifest(self) -> Manifest | None:
            manifest = super().read_manifest()
            self._moment()
            return manifest

        def read_checkpoint(self) -> Checkpoint | None:
            checkpoint = super().read_checkpoint()
            self._moment()
            return checkpoint

        def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
            written = super().write_checkpoint(checkpoint)
            if not checkpoint.progress.complete:
                return written
            with pytest.raises(StorageError):
                export(_plan(), Dies(place.filesystem, place.root, "uri"), Service(6).source())
            return False

        def _moment(self) -> None:
            if self.tidies and self.winner is None:
                self.winner = export(_plan(), place.directory(), Service(6).source())

    directory = Overtaken(place.filesystem, place.root, "uri")
    with pytest.raises(Superseded):
        export(_plan(), directory, Service(6).source())
    assert directory.winner is not None
    place.assert_whole(directory.winner, rows=18)


def test_a_storage_that_fails_while_an_overtaken_attempt_tidies_up_hides_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(ExportDirectory):
        def listed_parts(self) -> set[str]:
            raise StorageError("it does not answer")

        def publish(self, spool: IO[bytes], name: str) -> None:
            super().publish(spool, name)
            export(_plan(), place.directory(), Service(4).source())

    with pytest.raises(Superseded):
        export(_plan(), Failing(place.filesystem, place.root, "uri"), Service(4).source())
    assert "remains until the next export commits: it does not answer" in caplog.text
    place.assert_whole(export(_plan(), place.directory(), Service(4).source()), rows=12)


def test_an_attempt_whose_checkpoint_was_removed_under_it_puts_it_back(place: Place) -> None:
    """S3 removes without a condition: the one that ends may remove what another has acquired."""

    class Robbed(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:
                    place.filesystem.rm_file(f"{place.root}/_checkpoint.json")
                yield page

    service = Robbed(6)
    place.assert_whole(export(_plan(), place.directory(), service.source()), rows=18)
    assert service.asked == [0, 1, 2, 3, 4, 5]


def test_a_manifest_whose_answer_was_lost_stands_although_the_checkpoint_is_gone(
    place: Place,
) -> None:
    """On S3 the attempt that ended before may remove the checkpoint of the one that commits."""

    class Unanswered(ExportDirectory):
        def write_manifest(self, manifest: Manifest, owner: str) -> bool:
            super().write_manifest(manifest, owner)
            place.filesystem.rm_file(f"{place.root}/_checkpoint.json")
            return False

    directory = Unanswered(place.filesystem, place.root, "uri")
    place.assert_whole(export(_plan(), directory, Service(4).source()), rows=12)


def test_an_attempt_that_was_overtaken_and_finds_no_checkpoint_does_not_begin_again(
    place: Place,
) -> None:
    class Overtaken(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:
                    other = _plan(endpoint="views", if_exists="replace")
                    self.winner = export(other, place.directory(), Service(2).source())
                yield page

    loser = Overtaken(6)
    with pytest.raises(Superseded, match="it has finished"):
        export(_plan(if_exists="replace"), place.directory(), loser.source())
    place.assert_whole(loser.winner, rows=6)


def test_an_attempt_of_a_newer_version_that_has_taken_over_is_left_alone(place: Place) -> None:
    """Whatever else its checkpoint holds: it names its owner."""
    theirs = b'{"checkpoint_version": 2, "owner": "newer", "progress": {"parts": []}}'

    class Overtaken(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            for page in super().read(cursor):
                if self.asked[-1] == 3:
                    place.write("_checkpoint.json", theirs)
                yield page

    with pytest.raises(Superseded, match="attempt 'newer'"):
        export(_plan(), place.directory(), Overtaken(6).source())
    assert place.read("_checkpoint.json") == theirs


def test_a_fresh_start_is_remembered_by_a_source_that_counts_no_requests(place: Place) -> None:
    class Forgetting(Service):
        def read(self, cursor: str | None) -> Iterator[Page]:
            if cursor is not None:
                raise CursorLost("expired")
            yield from super().read(cursor)

        def source(self) -> Source:
            return Source(self.name, self.read, lambda: 0)

    service = Forgetting(4, fail_at={3: QUOTA})
    _fail(_plan(pages_per_file=1), place, service, RateLimited)
    service.fail_at = {0: QUOTA}
    _fail(_plan(pages_per_file=1), place, service, RateLimited)
    checkpoint = place.directory().read_checkpoint()
    assert checkpoint is not None
    assert (checkpoint.progress.restarts, checkpoint.progress.files) == (1, ())


def test_a_checkpoint_that_was_deleted_without_an_answer_is_not_written_again(place: Place) -> None:
    class Unanswered(ExportDirectory):
        def delete_checkpoint(self) -> None:
            super().delete_checkpoint()
            raise StorageError("no answer")

    with pytest.raises(StorageError, match="no answer"):
        export(_plan(), Unanswered(place.filesystem, place.root, "uri"), Service(4).source())
    assert "_manifest.json" in place.names()
    assert "_checkpoint.json" not in place.names()


def test_a_finished_part_moves_the_checkpoint_once(place: Place) -> None:
    """Also where the last page fills the last part, and where a retry finds nothing to add."""

    class Counting(ExportDirectory):
        written = 0

        def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
            self.written += 1
            return super().write_checkpoint(checkpoint)

    for pages in (1, 2, 3, 4):
        directory = Counting(place.filesystem, f"{place.root}-{pages}", "uri")
        manifest = export(_plan(pages_per_file=2), directory, Service(pages).source())
        assert directory.written == len(manifest.files) + 1  # it is replaced once to find out


def test_an_attempt_that_was_overtaken_before_it_read_begins_anew(place: Place) -> None:
    """Another export finishes right after this one has taken its own checkpoint over."""
    plan, other = _plan(if_exists="replace"), _plan(endpoint="views", if_exists="replace")
    _fail(plan, place, Service(6, fail_at={4: QUOTA}), RateLimited)

    class Overtaken(ExportDirectory):
        met = False

        def write_checkpoint(self, checkpoint: Checkpoint) -> bool:
            written = super().write_checkpoint(checkpoint)
            if not self.met:
                self.met = True
                export(other, place.directory(), Service(2).source())
            return written

    service = Service(6)
    directory = Overtaken(place.filesystem, place.root, "uri")
    place.assert_whole(export(plan, directory, service.source()), rows=18)
    assert service.asked == [0, 1, 2, 3, 4, 5]


def test_attempts_that_read_no_page_do_not_make_old_pages_young(place: Place) -> None:
    _fail(_plan(), place, Service(6, fail_at={4: QUOTA}), RateLimited)
    for _ in range(3):
        _age(place, lease.CHECKPOINT_MAX_AGE / 2 - timedelta(minutes=1))
        service = Service(6, fail_at={4: QUOTA, 0: QUOTA})
        _fail(_plan(), place, service, RateLimited)
    assert service.asked == [0]


def test_the_longest_wait_that_a_service_may_ask_for_is_shorter_than_a_checkpoint_lives() -> None:
    queued = timedelta(hours=6)  # until a worker is free again
    assert LONGEST_RETRY_AFTER + queued <= lease.CHECKPOINT_MAX_AGE


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"service": "https://one"}, {"service": "https://two"}),
        (
            {"service": "https://one", "account": "first"},
            {"service": "https://one", "account": "second"},
        ),
    ],
)
def test_rows_of_another_service_or_account_are_another_export(
    place: Place, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    standing = export(_plan(**theirs), place.directory(), Service(2).source())
    service = Service(2)
    with pytest.raises(ConfigError, match=r"holds a different export:\n  (service|account): '"):
        export(_plan(**ours), place.directory(), service.source())
    assert service.asked == []
    place.assert_whole(standing, rows=6)


@pytest.mark.parametrize(
    ("ours", "advice"),
    [
        ({"date_to": "2026-01-17T00:00:00.000Z"}, "Put {date_to:%Y-%m-%d} into the path; or"),
        ({"date_to": "2026-01-11T06:00:00.000Z"}, "Put {date_to} into the path; or"),
        ({"endpoint": "views", "project_id": "x"}, "Put {endpoint} and {project_id} into the path"),
        ({"file_format": "csv"}, "Use separate paths where file_format differs; or"),
        (
            {"endpoint": "views", "filters": {"a": "b"}, "compression": "gzip"},
            "Put {endpoint} into the path, and use separate paths where filters and compression",
        ),
    ],
)
def test_the_advice_is_about_what_differs(place: Place, ours: dict[str, Any], advice: str) -> None:
    window = {"date_from": "2026-01-10T00:00:00.000Z", "date_to": "2026-01-11T00:00:00.000Z"}
    export(_plan(**window), place.directory(), Service(2).source())
    with pytest.raises(ConfigError) as refused:
        export(_plan(**window | ours), place.directory(), Service(2).source())
    *differences, action = str(refused.value).splitlines()[1:]
    assert {line.split(":")[0].strip() for line in differences} == ours.keys()
    assert action.startswith(advice)


def test_an_unfinished_export_of_another_account_is_not_continued(place: Place) -> None:
    one, two = {"account": "first"}, {"account": "second"}
    _fail(_plan(**one), place, Service(4, fail_at={3: QUOTA}), RateLimited)
    service = Service(4)
    place.assert_whole(export(_plan(**two), place.directory(), service.source()), rows=12)
    assert service.asked == [0, 1, 2, 3]
    assert json.loads(place.read("_manifest.json"))["account"] == "second"


def test_a_manifest_from_before_services_and_accounts_were_told_apart_is_replaced(
    place: Place,
) -> None:
    export(_plan(), place.directory(), Service(2).source())
    whose = {"service": "https://one", "account": "first"}
    place.assert_whole(export(_plan(**whose), place.directory(), Service(3).source()), rows=9)


def test_replacing_another_window_names_both(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    export(_plan(date_to="2026-01-02"), place.directory(), Service(1).source())
    export(_plan(date_to="2026-01-03", if_exists="replace"), place.directory(), Service(1).source())
    assert "date_to: '2026-01-02' there, '2026-01-03' now" in caplog.text
