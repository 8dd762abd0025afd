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
from tests.reliability.places import LocalPlace, S3Place
from tests.reliability.stage import play, stage
from tests.reliability.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.cases import Case
    from tests.reliability.children import Ended
    from tests.reliability.places import Place

_ONE, _OTHER = "one", "other"
_STOPS = ("Superseded", "ConfigError")
_BOUNDARIES = 60


def cases() -> Iterator[Case]:
    """Race on local disks and on S3."""
    with stage() as (lake, s3):
        places = (("local", partial(_local, lake)), ("S3", partial(S3Place, s3)))
        works = [
            partial(race, place("race"), where, runs)
            for (where, place), runs in zip(places, (200, 40), strict=True)
        ]
        for other in (_ONE, _OTHER):
            works += [
                partial(woken, place(f"woken-{other}"), where, other) for where, place in places
            ]
        works += [
            partial(overtaken_twice, place("twice"), where, runs)
            for (where, place), runs in zip(places, (150, 20), strict=True)
        ]
        yield from play(works)


def quick() -> Iterator[Case]:
    """Try a few of them."""
    with stage() as (lake, s3):
        yield race(LocalPlace(lake / "race"), "local", 4)
        yield race(S3Place(s3, "race"), "S3", 2)
        yield woken(LocalPlace(lake / "woken"), "local", _OTHER, every=3)
        yield overtaken_twice(LocalPlace(lake / "twice"), "local", 4)


def _local(lake: Any, name: str) -> LocalPlace:
    return LocalPlace(lake / name)


class _Rivals:
    """Two exports that may win, and the judgement over who has."""

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

    def judge(self, tally: Tally, ended: list[Ended], what: str) -> None:
        """Add a race: someone has finished, the others have stopped, one whole export stands."""
        winners = [each for each in ended if each.saw == "complete"]
        losers = [each for each in ended if each.saw != "complete"]
        tally.complain(
            *(f"{what}: {each.saw} {each.text}" for each in losers if each.saw not in _STOPS)
        )
        if not winners:
            tally.complain(f"{what}: nobody finished")
        saw = " + ".join(sorted(each.saw for each in ended))
        tally.add(saw, self.exports, what, self.rows[self._standing()])

    def _standing(self) -> str:
        return str(json.loads(self.exports.place.read("_manifest.json"))["filters"]["version"])


def race(place: Place, where: str, runs: int) -> Case:
    """Let two processes dawdle through the same directory, every third time for two exports."""
    with Exports(KINDS[0], place) as exports:
        rivals = _Rivals(exports)
        tally = Tally(f"two attempts at once, random delays ({where})", [], None)
        for number in range(runs):
            exports.fresh(rivals.old if number % 2 else None)
            versions = (_ONE, _OTHER if number % 3 == 0 else _ONE)
            children = [
                rivals.attempt(version, Boundaries(dawdle(f"{where} {number} {each}")))
                for each, version in enumerate(versions)
            ]
            rivals.judge(tally, [child.wait() for child in children], f"race {number}")
        return tally.case()


def woken(place: Place, where: str, version: str, every: int = 1) -> Case:
    """Halt one attempt at each boundary, let another run to its end, and wake the first."""
    kind = "its retry" if version == _ONE else "another export"
    with Exports(KINDS[0], place) as exports:
        rivals = _Rivals(exports)
        tally = Tally(f"halted at every boundary, woken after {kind} ({where})", [], None)
        for number in count(1, every):
            exports.fresh(rivals.old)
            zombie = rivals.attempt(_ONE, Boundaries(stop_at(number)))
            if not zombie.wait_until_stopped():
                zombie.wait()
                break
            winner = rivals.attempt(version, Boundaries(lambda *_: None)).wait()
            zombie.go_on()
            rivals.judge(tally, [winner, zombie.wait()], f"halted at {number}")
        return tally.case()


def overtaken_twice(place: Place, where: str, runs: int) -> Case:
    """Halt one attempt and then its rival, wake the first until its end, and then the second."""
    chance = random.Random(where)  # noqa: S311 - to be repeated
    with Exports(KINDS[0], place) as exports:
        rivals = _Rivals(exports)
        tally = Tally(f"both halted at random boundaries, woken in turn ({where})", [], None)
        while tally.runs < runs:
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
            rivals.judge(tally, ended, f"halted at {at}")
        return tally.case()
