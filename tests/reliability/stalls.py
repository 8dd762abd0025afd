"""Pairs of attempts in real processes, in which single storage calls stand still for seconds."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.reliability.boundaries import Boundaries, WatchedS3
from tests.reliability.children import Child, in_lanes
from tests.reliability.exports import KINDS, Exports
from tests.reliability.stage import stage
from tests.reliability.summary import Case
from tests.reliability.targets import LocalTarget, S3Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.children import Ended
    from tests.reliability.targets import Target

_PAIRS = 102
"""At each target."""
_LANES = 17
"""At each target at once: they mostly sleep."""
_STALL_S = (1.0, 3.0)
_LATER_S = 8.0
"""The second attempt of a pair begins at most so much later."""
_CHANCE = {"local": 1 / 30, "S3": 1 / 10}
"""That one call stalls. On local disks these are system calls, of which a read or a write takes
three and more."""
_CALLS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.scandir", "os.listdir"}
_ONE, _OTHER = "one", "other"
_STOPS = ("complete", "Superseded")
_MOST_BROKEN = 5


def cases() -> Iterator[Case]:
    """Let pairs race on S3 and on a local disk, all at once."""
    with stage() as (lake, s3):
        works = [
            partial(_lane, target, where, range(lane, _PAIRS, _LANES))
            for lane in range(_LANES)
            for where, target in (
                ("local", LocalTarget(lake / f"stalls-{lane}")),
                ("S3", StallingS3Target(s3, f"stalls-{lane}")),
            )
        ]
        raced = [pair for lane in in_lanes(works, len(works)) for pair in lane]
    for where in _CHANCE:
        yield _summary(where, [_Pair(**fields) for fields in raced if fields["where"] == where])


@dataclass
class _Pair:
    """What one pair of attempts came to."""

    where: str
    saw: list[str]
    lost: int
    doubled: int
    wrong: list[str]


class Stalls(Boundaries):
    """Lets some of one process's storage calls wait before they are made.

    Args:
        seed: decides which, and how long.
        chance: how probable it is for a call.
    """

    def __init__(self, seed: str, chance: float) -> None:
        super().__init__(lambda *_: None)
        self._random = random.Random(seed)  # noqa: S311 - to be repeated
        self._chance = chance

    def reach(self, what: str) -> None:
        """Stall, perhaps: not where the service is asked, which is no storage."""
        if "request" not in what and "answer" not in what and self._random.random() < self._chance:
            time.sleep(self._random.uniform(*_STALL_S))

    def watch(self, *paths: str) -> None:
        """Stall system calls below these paths, and locks, from now on."""
        self._paths = paths
        sys.addaudithook(self._stall)

    def _stall(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "fcntl.flock" or (event in _CALLS and self._is_ours(arguments[0])):
            self.reach(event)


class _StallingS3(WatchedS3):
    """S3, with a boundary before every call, those that only read included."""

    async def _call_s3(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self.boundaries is not None and method.startswith(("head_", "get_", "list_")):
            self.boundaries.reach(f"before {method}")
        return await super()._call_s3(method, *args, **kwargs)


class StallingS3Target(S3Target):
    """A prefix of a bucket, where every call can be stalled."""

    kind = _StallingS3


def _lane(target: Target, where: str, numbers: range) -> list[dict[str, Any]]:
    """Let one pair after the other race, each from another start."""
    with Exports(KINDS[0], target) as exports:
        rows, old = {}, {}
        for version in (_OTHER, _ONE):
            rows[version], old = exports.undisturbed(version=version)
        raced = []
        for number in numbers:
            exports.fresh(old if number % 3 == 0 else None)
            raced.append(asdict(_race(exports, rows, where, number)))
        return raced


def _race(exports: Exports, rows: dict[str, list[bytes]], where: str, number: int) -> _Pair:
    seed = f"{where} {number}"
    later = random.Random(seed).uniform(0, _LATER_S)  # noqa: S311 - to be repeated
    versions = (_ONE, _OTHER if number % 4 == 0 else _ONE)
    children = [
        Child(partial(_attempt, exports, version, Stalls(f"{seed} {each}", _CHANCE[where]), delay))
        for each, (version, delay) in enumerate(zip(versions, (0.0, later), strict=True))
    ]
    ended = [child.wait() for child in children]
    pair = _Pair(where, [each.saw for each in ended], 0, 0, [])
    pair.wrong += [f"{each.saw} {each.text}" for each in ended if each.saw not in _STOPS]
    if "complete" not in pair.saw:
        pair.wrong.append("nobody finished")
    _verify(exports, rows, pair)
    if not pair.wrong:
        _verify_calm(exports, rows, pair)
    pair.wrong = [f"pair {number}, {' + '.join(pair.saw)}: {wrong}" for wrong in pair.wrong]
    return pair


def _attempt(exports: Exports, version: str, stalls: Stalls, delay_s: float) -> int:
    time.sleep(delay_s)
    return exports.export(stalls, version=version, if_exists="replace")


def _verify(exports: Exports, rows: dict[str, list[bytes]], pair: _Pair) -> None:
    """Judge what lies there after both have ended: one whole export and nothing else."""
    names = exports.target.names()
    standing = _ONE
    if "_manifest.json" in names:
        standing = json.loads(exports.target.read("_manifest.json"))["filters"]["version"]
    verdict = exports.verify(rows[standing])
    pair.lost, pair.doubled = pair.lost + verdict.lost, pair.doubled + verdict.doubled
    pair.wrong += verdict.wrong


def _verify_calm(exports: Exports, rows: dict[str, list[bytes]], pair: _Pair) -> None:
    """Let one more attempt run, to which nothing happens."""
    calm: Ended = Child(partial(exports.export, version=_ONE, if_exists="replace")).wait()
    if calm.saw != "complete":
        pair.wrong.append(f"the calm attempt: {calm.saw} {calm.text}")
    _verify(exports, rows, pair)


def _summary(where: str, pairs: list[_Pair]) -> Case:
    saw = Counter(" + ".join(sorted(pair.saw)) for pair in pairs)
    broken = [wrong for pair in pairs for wrong in pair.wrong]
    return Case(
        f"two attempts at once, single calls stalled 1 to 3 s ({where})",
        len(pairs),
        ", ".join(f"{count:,} {what}" for what, count in saw.most_common()),
        tuple(broken[:_MOST_BROKEN]) if pairs else ("nothing was tried",),
        sum(pair.lost for pair in pairs),
        sum(pair.doubled for pair in pairs),
    )
