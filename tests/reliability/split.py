"""A window that is split by day, killed and halted everywhere: each day is complete or absent."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.moments import WindowOfRow
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.split import Day, export_by_day
from airflow_provider_docsanalytics.storage.local import LOCK
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability.boundaries import Boundaries, kill_at, stop_at, terminate_at
from tests.reliability.children import Child, run
from tests.reliability.exports import KINDS, PAGES_PER_FILE, Exports, identity_of
from tests.reliability.stage import play, stage
from tests.reliability.summary import Summary, Verdict, listed_rows, verify
from tests.reliability.targets import LocalTarget, S3Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.summary import Case
    from tests.reliability.targets import Target

WINDOW = DateWindow.parse("2026-01-01", "2026-01-05")
_READING = "_split"
_STOPS = ("Superseded",)
_BOUNDARIES = 130
"""About as many as an export of four days has."""


def cases() -> Iterator[Case]:
    """Kill, halt and stop, on local disks and on S3."""
    with stage() as (lake, s3):
        yield from play(
            [
                partial(killed_everywhere, Tree(lake / "killed"), "local"),
                partial(killed_everywhere, S3Target(s3, "split-killed"), "S3"),
                partial(killed_twice, Tree(lake / "twice"), "local", 200),
                partial(killed_twice, S3Target(s3, "split-twice"), "S3", 30),
                partial(woken, Tree(lake / "woken"), "local"),
                partial(woken, S3Target(s3, "split-woken"), "S3"),
                partial(stopped_in_order, Tree(lake / "stopped"), "local"),
                partial(stopped_in_order, S3Target(s3, "split-stopped"), "S3"),
            ]
        )


def quick() -> Iterator[Case]:
    """Try a few of them."""
    with stage() as (lake, s3):
        yield killed_everywhere(Tree(lake / "killed"), "local", every=23)
        yield killed_everywhere(S3Target(s3, "split-killed"), "S3", every=41)
        yield woken(Tree(lake / "woken"), "local", every=29)


class Tree(LocalTarget):
    """A directory of this machine, with what lies below it."""

    def names(self) -> list[str]:
        """Return the paths of all files."""
        files = (path for path in self._path.rglob("*") if not path.is_dir())
        return sorted(str(path.relative_to(self._path)) for path in files)

    def write(self, name: str, content: bytes) -> None:
        """Put a file there."""
        (self._path / name).parent.mkdir(parents=True, exist_ok=True)
        super().write(name, content)


class Below:
    """One directory of a target, as a target: only to be read."""

    def __init__(self, target: Target, name: str) -> None:
        self.root = f"{target.root}/{name}"
        self._target = target
        self._name = name

    def names(self) -> list[str]:
        """Return the names."""
        prefix = f"{self._name}/"
        found = self._target.names()
        return [each.removeprefix(prefix) for each in found if each.startswith(prefix)]

    def read(self, name: str) -> bytes:
        """Return a file."""
        return self._target.read(f"{self._name}/{name}")

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)


class Splits(Exports):
    """Exports of one window into a directory for each day."""

    def __init__(self, target: Target) -> None:
        super().__init__(KINDS[0], target, start=WINDOW.date_from, end=WINDOW.date_to)
        days = WINDOW.days()
        self.names = [f"dt={day.local_start:%Y-%m-%d}" for day in days]
        self.days = [Below(target, name) for name in self.names]

    def export(self, boundaries: Boundaries | None = None, **_: Any) -> int:
        """Export as a task would, in this process; return the number of rows."""
        wide = self._select(WINDOW)
        tempfile.tempdir = self.temporary
        if boundaries:
            boundaries.watch(self.target.root, self.temporary)
        filesystem = self.target.filesystem(boundaries)
        root = f"{self.target.root}/{_READING}"
        reading = ExportDirectory(filesystem, root, root)
        with self._client() as client:

            def pages(cursor: str | None) -> Any:
                found = client.iter_pages(wide, cursor)
                return boundaries.pages(found) if boundaries else found

            source = Source(client.base_url, pages, lambda: client.requests_sent)
            plan = replace(Plan(identity_of(wide), {}, PAGES_PER_FILE), raw=True)
            days = [
                Day(
                    Plan(identity_of(self._select(day)), {"_day": name}, PAGES_PER_FILE),
                    reading.beside(name),
                )
                for day, name in zip(WINDOW.days(), self.names, strict=True)
            ]
            day_of = WindowOfRow("conversations", "timestamp", WINDOW.days())
            split = export_by_day(
                plan, reading, days, source, day_of, page_rows=self.kind.page_size
            )
            return sum(each.rows for each in split.manifests)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to resume: the next attempt reads the window again."""
        return f"{_READING}/_checkpoint.json" not in self.target.names()

    def undisturbed(self, **_: Any) -> tuple[list[bytes], dict[str, bytes]]:
        """Return the rows of all days of an export to which nothing happens, and its files."""
        self.fresh()
        ended = run(self.export)
        if ended.saw != "complete":
            raise RuntimeError(f"an undisturbed export: {ended.saw}: {ended.text}")
        self.rows = [listed_rows(day)[0] for day in self.days]
        if not all(self.rows):
            raise RuntimeError("a day without rows proves little")
        files = {name: self.target.read(name) for name in self.target.names()}
        return [row for rows in self.rows for row in rows], files

    def verify(self, expected: list[bytes]) -> Verdict:  # noqa: ARG002 - self.rows, by day
        """Compare each day with what it should hold, and require that nothing else is there."""
        found = [
            verify(day, rows, self.temporary)
            for day, rows in zip(self.days, self.rows, strict=True)
        ]
        # A day that is kept is not written, so the lock of the killed process stays until it is.
        wrong = [each for one in found for each in one.wrong if each != f"stray: {LOCK}"]
        stray = [name for name in self.target.names() if name.startswith(_READING)]
        wrong += [f"stray: {name}" for name in stray]
        lost, doubled = sum(each.lost for each in found), sum(each.doubled for each in found)
        return Verdict(lost, doubled, tuple(wrong))

    def broken_days(self) -> list[str]:
        """Return the days that are neither complete nor absent, as a sentence each."""
        broken = []
        for name, day, rows in zip(self.names, self.days, self.rows, strict=True):
            if "_manifest.json" in day.names():
                found, wrong = listed_rows(day)
                broken += [f"{name}: {each}" for each in wrong]
                if Counter(found) != Counter(rows):
                    broken.append(f"{name} has a manifest, and {len(found)} of {len(rows)} rows")
        return broken


def killed_everywhere(target: Target, where: str, every: int = 1) -> Case:
    """Kill at each boundary, with and without an earlier export, and let a retry finish."""
    with Splits(target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(
            f"split by day, SIGKILL at every boundary ({where})", rows, PAGES_PER_FILE
        )
        for number in count(1, every):
            exports.fresh(old if number % 2 else None)
            killed = run(partial(exports.export, Boundaries(kill_at(number))))
            if not killed.killed:
                break
            summary.complain(*(f"{number}: {each}" for each in exports.broken_days()))
            if exports.is_finished:  # all was done: to run it again is to export again
                exports.service.forget_requests()
            summary.finish(run(exports.export), exports, f"killed at boundary {number}")
        return summary.case()


def killed_twice(target: Target, where: str, runs: int) -> Case:
    """Kill at a random boundary, kill what resumes at another, and let the third attempt finish."""
    chance = random.Random(target.root)  # noqa: S311 - to be repeated
    with Splits(target) as exports:
        rows, _ = exports.undisturbed()
        name = f"split by day, SIGKILL, and SIGKILL of the retry, at random ({where})"
        summary = Summary(name, rows, 2 * PAGES_PER_FILE)
        while summary.runs < runs:
            exports.fresh()
            at = [chance.randrange(1, _BOUNDARIES), chance.randrange(1, _BOUNDARIES)]
            ended = [run(partial(exports.export, Boundaries(kill_at(number)))) for number in at]
            if all(each.killed for each in ended) and not exports.is_finished:
                summary.complain(*(f"{at}: {each}" for each in exports.broken_days()))
                summary.finish(run(exports.export), exports, f"killed at boundaries {at}")
        return summary.case()


def woken(target: Target, where: str, every: int = 1) -> Case:
    """Halt one attempt at each boundary, let its retry run to the end, and wake the first."""
    with Splits(target) as exports:
        rows, _ = exports.undisturbed()
        summary = Summary(
            f"split by day, halted at every boundary, woken after its retry ({where})", rows, None
        )
        for number in count(1, every):
            exports.fresh()
            zombie = Child(partial(exports.export, Boundaries(stop_at(number))))
            if not zombie.wait_until_stopped():
                zombie.wait()
                break
            winner = run(partial(exports.export, Boundaries(lambda *_: None)))
            if winner.saw != "complete":
                summary.complain(f"halted at {number}: the retry: {winner.saw} {winner.text}")
            zombie.go_on()
            ended = zombie.wait()
            if ended.saw not in ("complete", *_STOPS):
                summary.complain(f"halted at {number}: woken: {ended.saw} {ended.text}")
            summary.add(f"{winner.saw} + {ended.saw}", exports, f"halted at {number}")
        return summary.case()


def stopped_in_order(target: Target, where: str) -> Case:
    """Let SIGTERM come at every request and answer, and raise an exception as Airflow's does."""
    with Splits(target) as exports:
        rows, _ = exports.undisturbed()
        summary = Summary(f"split by day, SIGTERM at every request and answer ({where})", rows, 1)
        for number in count(1):
            exports.fresh()
            stopped = run(partial(exports.export, Boundaries(terminate_at(number))))
            if not stopped.error:
                break
            summary.complain(*(f"{number}: {each}" for each in exports.broken_days()))
            summary.finish(run(exports.export), exports, f"stopped at {number}")
        return summary.case()
