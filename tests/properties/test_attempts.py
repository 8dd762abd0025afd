"""Attempts at one export that fail, are killed, or overtake each other, in any order."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from airflow_provider_docsanalytics.errors import RateLimited, Superseded
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.storage import Storage
from tests.support.exported import read_export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDENTITY = Identity("mintlify", "views", "p", None, None, {}, "jsonl", None)
STEPS = ("make", "sizes", "read", "replace", "open_spool", "publish", "delete", "remove")
NEVER = 10**6
STEP = st.integers(0, 40)
PAGE = st.integers(0, 7)


class Killed(BaseException):
    """The process is gone: nothing of it runs any more, no ``finally`` either."""


@dataclass
class Page:
    rows: list[bytes]
    next_cursor: str | None
    totals: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Mortal(Storage):
    """Storage whose process is killed before, or right after, one of its steps."""

    def __init__(self, root: str, dies_at: int, *, after: bool) -> None:
        super().__init__(fsspec.filesystem("file"), root, root)
        self._left = dies_at
        self._after = after
        self._dead = False

    def take(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Take one step, or die."""
        dies = self._dead or self._left == 0
        self._left -= 1
        if dies and (self._dead or not self._after):
            self._dead = True
            raise Killed
        result = step(*arguments)
        if dies:
            self._dead = True
            raise Killed
        return result


def _mortal(name: str) -> Callable[..., Any]:
    whole = getattr(Storage, name)
    return lambda self, *arguments: self.take(whole, self, *arguments)


for _name in STEPS:
    setattr(Mortal, _name, _mortal(_name))


def _directory(root: str, dies_at: int, *, after: bool) -> ExportDirectory:
    directory = ExportDirectory(fsspec.filesystem("file"), root, root)
    storage = Mortal(root, dies_at, after=after)
    directory._storage = storage
    directory.make, directory.open_spool = storage.make, storage.open_spool
    return directory


class Attempts(RuleBasedStateMachine):
    """Every rule is one attempt; between them the directory keeps its promises."""

    @initialize(
        pages=st.lists(st.integers(0, 3), min_size=1, max_size=8), per_file=st.integers(1, 3)
    )
    def begin(self, pages: list[int], per_file: int) -> None:
        self.root = Path(tempfile.mkdtemp(dir=_scratch()))
        numbers = iter(range(100))
        self.pages = [[b'{"n":%d}' % next(numbers) for _ in range(count)] for count in pages]
        self.plan = Plan(IDENTITY, {"_project_id": "p"}, per_file)
        (self.root / "theirs.txt").write_text("not ours")
        self.was_there = False

    @rule(dies_at=STEP, after=st.booleans())
    def is_killed(self, dies_at: int, after: bool) -> None:  # noqa: FBT001 - hypothesis gives it by name
        self._attempt(dies_at, after=after)

    @rule(fails_at=PAGE)
    def fails(self, fails_at: int) -> None:
        self._attempt(NEVER, at=fails_at, act=_refuse)

    @rule(at=PAGE, inner_dies_at=st.none() | STEP, inner_fails_at=PAGE)
    def is_overtaken(self, at: int, inner_dies_at: int | None, inner_fails_at: int) -> None:
        def overtake() -> None:
            if inner_dies_at is None:
                self._attempt(NEVER, at=inner_fails_at, act=_refuse)
            else:
                self._attempt(inner_dies_at, after=True)

        self._attempt(NEVER, at=at, act=overtake)

    @rule()
    def succeeds(self) -> None:
        self._attempt(NEVER)
        self._assert_finished()

    @invariant()
    def what_the_manifest_lists_is_whole(self) -> None:
        if not hasattr(self, "root"):
            return
        path = self.root / "_manifest.json"
        assert path.exists() or not self.was_there
        self.was_there = path.exists()
        if self.was_there:
            manifest = json.loads(path.read_text())
            assert self._rows(manifest["files"]) == [row for page in self.pages for row in page]
            assert manifest["pages"] == len(self.pages)

    @invariant()
    def what_the_checkpoint_lists_is_whole(self) -> None:
        if not hasattr(self, "root") or not (self.root / "_checkpoint.json").exists():
            return
        progress = json.loads((self.root / "_checkpoint.json").read_text())["progress"]
        done = self.pages[: progress["pages"]]
        assert self._rows(progress["files"]) == [row for page in done for row in page]
        expected = str(progress["pages"]) if progress["pages"] else None
        assert progress["cursor"] == (None if progress["complete"] else expected)

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.succeeds()
            self.what_the_manifest_lists_is_whole()
            shutil.rmtree(self.root)

    def _attempt(
        self,
        dies_at: int,
        *,
        after: bool = False,
        at: int = NEVER,
        act: Callable[[], None] | None = None,
    ) -> None:
        published = self._published()

        def read(cursor: str | None) -> Iterator[Page]:
            assert int(cursor or "0") == published, "a published page is asked for again"
            for number in range(int(cursor or "0"), len(self.pages)):
                if number == at and act is not None:
                    act()
                last = number + 1 == len(self.pages)
                yield Page(self.pages[number], None if last else str(number + 1))

        directory = _directory(str(self.root), dies_at, after=after)
        try:
            export(self.plan, directory, Source("https://service", read, lambda: 0))
        except (Killed, RateLimited, Superseded):
            return

    def _published(self) -> int:
        path = self.root / "_checkpoint.json"
        return json.loads(path.read_text())["progress"]["pages"] if path.exists() else 0

    def _rows(self, files: list[dict[str, Any]]) -> list[bytes]:
        rows = []
        for file in files:
            content = (self.root / file["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
            rows += [b'{"n":%d}' % json.loads(line)["n"] for line in content.splitlines()]
        return rows

    def _assert_finished(self) -> None:
        ours = read_export(self.root).names
        assert {path.name for path in self.root.iterdir()} == ours | {"theirs.txt"}


def _refuse() -> None:
    raise RateLimited(429, "views", "quota")


def _scratch() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(max_examples=100, stateful_step_count=12)
