"""Two attempts at once on one directory: a task that was thought dead, and two Dag runs."""

from __future__ import annotations

import json
import random
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.reliability.boundaries import Boundaries, dawdle, stop_at
from tests.reliability.children import Child
from tests.reliability.exports import KINDS, Exports
from tests.reliability.stage import play, stage
from tests.reliability.summary import Summary
from tests.reliability.targets import LocalTarget, S3Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.children import Ended
    from tests.reliability.summary import Case
    from tests.reliability.targets import Target

_ONE, _OTHER = "one", "other"
_STOPS = ("Superseded", "ConfigError")
_BOUNDARIES = 60


def cases() -> Iterator[Case]:
    """Race on local disks and on S3."""
    with stage() as (lake, s3):
        targets = (("local", partial(_local, lake)), ("S3", partial(S3Target, s3)))
        works = [
            partial(race, target("race"), where, runs)
            for (where, target), runs in zip(targets, (200, 40), strict=True)
        ]
        for other in (_ONE, _OTHER):
            works += [
                partial(woken, target(f"woken-{other}"), where, other) for where, target in targets
            ]
        works += [
            partial(overtaken_twice, target("twice"), where, runs)
            for (where, target), runs in zip(targets, (150, 20), strict=True)
        ]
        yield from play(works)


def quick() -> Iterator[Case]:
    """Try a few of them."""
    with stage() as (lake, s3):
        yield race(LocalTarget(lake / "race"), "local", 4)
        yield race(S3Target(s3, "race"), "S3", 2)
        yield woken(LocalTarget(lake / "woken"), "local", _OTHER, every=3)
        yield overtaken_twice(LocalTarget(lake / "twice"), "local", 4)


def _local(lake: Any, name: str) -> LocalTarget:
    return LocalTarget(lake / name)


class _Rivals:
    """Two exports that may win, and the check of which one has."""

    def __init__(self, exports: Exports) -> None:
        self.exports = exports
        self.rows = {each: self._export(each) for each in (_OTHER, _ONE)}

    def _export(self, version: str) -> list[bytes]:
        rows, self.old = self.exports.undisturbed(version=version)
        return rows

    def attempt(self, version: str, boundaries: Boundaries) -> Child:
        """Start an attempt that may replace what is there."""
        options = {"version": version, "if_exists": "replace"}
        return Child(partial(self.exports.export, boundaries, **options))

    def verify(self, summary: Summary, ended: list[Ended], what: str) -> None:
        """Add a race: someone has finished, the others have stopped, one whole export stands."""
        winners = [each for each in ended if each.saw == "complete"]
        losers = [each for each in ended if each.saw != "complete"]
        summary.complain(
            *(f"{what}: {each.saw} {each.text}" for each in losers if each.saw not in _STOPS)
        )
        if not winners:
            summary.complain(f"{what}: nobody finished")
        saw = " + ".join(sorted(each.saw for each in ended))
        summary.add(saw, self.exports, what, self.rows[self._standing()])

    def _standing(self) -> str:
        return str(json.loads(self.exports.target.read("_manifest.json"))["filters"]["version"])


def race(target: Target, where: str, runs: int) -> Case:
    """Let two processes dawdle through the same directory, every third time for two exports."""
    with Exports(KINDS[0], target) as exports:
        rivals = _Rivals(exports)
        summary = Summary(f"two attempts at once, random delays ({where})", [], None)
        for number in range(runs):
            exports.fresh(rivals.old if number % 2 else None)
            versions = (_ONE, _OTHER if number % 3 == 0 else _ONE)
            children = [
                rivals.attempt(version, Boundaries(dawdle(f"{where} {number} {each}")))
                for each, version in enumerate(versions)
            ]
            rivals.verify(summary, [child.wait() for child in children], f"race {number}")
        return summary.case()


def woken(target: Target, where: str, version: str, every: int = 1) -> Case:
    """Halt one attempt at each boundary, let another run to its end, and wake the first."""
    kind = "its retry" if version == _ONE else "another export"
    with Exports(KINDS[0], target) as exports:
        rivals = _Rivals(exports)
        summary = Summary(f"halted at every boundary, woken after {kind} ({where})", [], None)
        for number in count(1, every):
            exports.fresh(rivals.old)
            zombie = rivals.attempt(_ONE, Boundaries(stop_at(number)))
            if not zombie.wait_until_stopped():
                zombie.wait()
                break
            winner = rivals.attempt(version, Boundaries(lambda *_: None)).wait()
            zombie.go_on()
            rivals.verify(summary, [winner, zombie.wait()], f"halted at {number}")
        return summary.case()


def overtaken_twice(target: Target, where: str, runs: int) -> Case:
    """Halt one attempt and then its rival, wake the first until its end, and then the second."""
    chance = random.Random(where)  # noqa: S311 - to be repeated
    with Exports(KINDS[0], target) as exports:
        rivals = _Rivals(exports)
        summary = Summary(f"both halted at random boundaries, woken in turn ({where})", [], None)
        while summary.runs < runs:
            exports.fresh(rivals.old)
            at = [chance.randrange(1, _BOUNDARIES) for _ in range(2)]
            ended = []
            halted = []
            for number, version in zip(at, (_ONE, chance.choice((_ONE, _OTHER))), strict=True):
                child = rivals.attempt(version, Boundaries(stop_at(number)))
                if child.wait_until_stopped():
                    halted.append(child)
                else:
                    ended.append(child.wait())
            for child in halted:
                child.go_on()
                ended.append(child.wait())
            rivals.verify(summary, ended, f"halted at {at}")
        return summary.case()
