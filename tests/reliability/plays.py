"""One schedule: a few attempts at exports into one directory, drawn and moved by chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_docsanalytics.errors import CursorLost, RateLimited
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from tests.reliability.baton import Attempt, Baton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.reliability.seam import Store

_MOST_STEPS = 400_000
_CALM_AFTER_S = 3600.0
_TO_THE_END = 10**9
_BURSTS: tuple[Callable[[Random], float], ...] = (
    lambda _: 1,
    lambda random: random.expovariate(1 / 3),
    lambda random: random.expovariate(1 / 12),
    lambda random: random.expovariate(1 / 80),
    lambda random: random.paretovariate(0.6),
    lambda random: 10 ** random.uniform(0, 3.5),
)
"""How many steps an attempt takes before another may move."""


@dataclass(frozen=True, slots=True)
class Role:
    """What one attempt is at.

    Attributes:
        export: which export: ``A``, ``B`` or ``C``.
        stops_at: the page instead of which the quota is spent, if any.
        loses_cursor: whether the service refuses the cursor that it resumes from.
    """

    export: str
    if_exists: Literal["error", "replace"] = "replace"
    pages_per_file: int = 2
    stops_at: int | None = None
    loses_cursor: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page, as the export takes it."""

    rows: list[bytes]
    next_cursor: str | None
    totals: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


class Play:
    """The attempts of one schedule, and what the rules look at.

    Args:
        store: where they export to, empty.
        seed: decides everything.
        say: takes the lines of a trace.
    """

    def __init__(self, store: Store, seed: str, say: Callable[[str], None] | None = None) -> None:
        self._random = Random(seed)  # noqa: S311 - to be repeated
        self.store = store
        self.baton = store.baton = Baton(Random(f"{seed} names"), say)  # noqa: S311
        self._say = say or (lambda _: None)
        self.pages = {each: self._random.randint(1, 6) for each in "ABC"}
        self.others = self._random.choice(("A", "AAB", "AB", "ABC"))
        self.roles: list[Role] = []
        self.attempts: list[Attempt] = []

    def rows(self, export_: str) -> list[bytes]:
        """Return the rows of an export, as they are stored."""
        return [_stored(export_, page) for page in range(self.pages[export_])]

    def act(self, check: Callable[[], None]) -> None:
        """Run all attempts until each has ended; ``check`` is called whenever one halts."""
        for _ in range(self._random.choice((0, 0, 1, 1, 2))):
            self._solo(self._cast(), check)
        cast = [self._cast() for _ in range(self._random.choice((2, 2, 2, 3, 3, 4)))]
        self._together([self._enter(role) for role in cast], check)

    def calm(self) -> Attempt:
        """Make one more attempt an hour later, to which nothing happens."""
        self.baton.clock_s += _CALM_AFTER_S
        role = Role(self._random.choice(self.others), "replace", self._random.randint(1, 3))
        attempt = self._enter(role)
        self.baton.run(attempt, _TO_THE_END)
        while not attempt.saw:
            self.baton.run(attempt, _TO_THE_END)  # it slept
        return attempt

    def _cast(self) -> Role:
        chance = self._random
        return Role(
            chance.choice(self.others),
            chance.choice(("error", "replace", "replace")),
            chance.randint(1, 3),
            chance.choice((None, None, None, chance.randint(0, 5))),
            chance.random() < 1 / 6,
        )

    def _enter(self, role: Role) -> Attempt:
        attempt = Attempt(len(self.attempts), partial(self._export, role))
        self._say(f"        attempt {attempt.number}: {role}, {self.pages[role.export]} pages")
        self.roles.append(role)
        self.attempts.append(attempt)
        return attempt

    def _solo(self, role: Role, check: Callable[[], None]) -> None:
        """Let an earlier attempt run to its end, or be killed on the way."""
        attempt = self._enter(role)
        lives = self._lifetime(deadly=1 / 2)
        while not attempt.saw:
            self._move(attempt, _TO_THE_END, lives)
        check()

    def _together(self, attempts: list[Attempt], check: Callable[[], None]) -> None:
        chance = self._random
        burst = chance.choice(_BURSTS)
        deadly, freezing = chance.choice((0, 1 / 3)), chance.choice((0, 0, 0.1, 0.3))
        lives = {attempt: self._lifetime(deadly) for attempt in attempts}
        frozen: set[Attempt] = set()
        while moving := [attempt for attempt in attempts if not attempt.saw]:
            if self.baton.step > _MOST_STEPS:
                raise RuntimeError("this schedule does not end")
            attempt = chance.choice([each for each in moving if each not in frozen] or moving)
            frozen.discard(attempt)
            self._move(attempt, int(min(burst(chance), _TO_THE_END)), lives[attempt])
            if chance.random() < freezing:
                frozen.add(attempt)
            check()

    def _move(self, attempt: Attempt, steps: int, lifetime: int) -> None:
        """Let an attempt take so many steps; kill it at the end of its lifetime."""
        left = lifetime - attempt.steps
        self.baton.run(attempt, max(1, min(steps, left)))
        if not attempt.saw and attempt.steps >= lifetime:
            self.baton.kill(attempt)

    def _lifetime(self, deadly: float) -> int:
        """Return after how many steps an attempt is killed; mostly none comes that far."""
        if self._random.random() >= deadly:
            return _TO_THE_END
        return int(10 ** self._random.uniform(0.3, 2.3))

    def _export(self, role: Role) -> None:
        identity = Identity(
            platform="mintlify",
            endpoint="conversations",
            project_id=role.export,
            date_from=None,
            date_to=None,
            filters={},
            file_format="jsonl",
            compression=None,
        )
        plan = Plan(identity, {"_project_id": role.export}, role.pages_per_file, role.if_exists)
        source = Source("service", partial(self._read, role), lambda: 0)
        export(plan, self.store.directory(), source)

    def _read(self, role: Role, cursor: str | None) -> Iterator[Page]:
        self.baton.begins_to_read()
        for page in range(int(cursor or 0), self.pages[role.export]):
            self.baton.halt(f"asks for page {page} of {role.export}")
            if cursor and role.loses_cursor:
                raise CursorLost("it is too old")
            if page == role.stops_at:
                raise RateLimited(429, "conversations", "spent")
            last = page + 1 == self.pages[role.export]
            yield Page([b'{"page":%d}' % page], None if last else str(page + 1))


def _stored(export_: str, page: int) -> bytes:
    return b'{"_project_id":"%s","page":%d}' % (export_.encode(), page)
