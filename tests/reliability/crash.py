"""SIGKILL of the worker at every boundary of an export, and what the next attempt makes of it."""

from __future__ import annotations

import random
from functools import partial
from itertools import count, product
from typing import TYPE_CHECKING, Any

from tests.reliability.boundaries import Boundaries, kill_at, terminate_at
from tests.reliability.children import run
from tests.reliability.exports import KINDS, PAGES_PER_FILE, Exports, Kind
from tests.reliability.stage import play, stage
from tests.reliability.summary import Summary, listed_rows
from tests.reliability.targets import LocalTarget, S3Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.summary import Case
    from tests.reliability.targets import Target

_LOCAL = (
    *((kind, None) for kind in KINDS),
    *zip(KINDS, ("gzip", "zstd", "gzip", "gzip", "zstd"), strict=True),
)
_ON_S3 = tuple(zip(KINDS, ("gzip", None, None, "zstd", None), strict=True))
_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 503},
    {"kind": "reset_in_body"},
)
_BOUNDARIES = 40
"""About as many as an export of the first kind has."""


def cases() -> Iterator[Case]:
    """Kill local exports, then exports to S3."""
    with stage() as (lake, s3):
        works = [
            partial(killed_everywhere, kind, packed, LocalTarget(lake / f"{number}"), "local")
            for number, (kind, packed) in enumerate(_LOCAL)
        ]
        works += [
            partial(killed_everywhere, kind, packed, S3Target(s3, kind.endpoint), "S3")
            for kind, packed in _ON_S3
        ]
        works += [
            *(
                partial(refused, kind, LocalTarget(lake / f"refused-{kind.paging}"), "local")
                for kind in KINDS
            ),
            partial(stopped_in_order, KINDS[0], LocalTarget(lake / "stopped"), "local"),
            partial(stopped_in_order, KINDS[1], S3Target(s3, "stopped"), "S3"),
            partial(killed_twice, LocalTarget(lake / "twice"), "local", 300),
            partial(killed_twice, S3Target(s3, "twice"), "S3", 30),
        ]
        yield from play(works)


def quick() -> Iterator[Case]:
    """Try a few of them."""
    with stage() as (lake, s3):
        yield killed_everywhere(KINDS[3], "gzip", LocalTarget(lake / "killed"), "local", every=3)
        yield killed_everywhere(KINDS[2], None, S3Target(s3, "killed"), "S3", every=2)
        yield refused(KINDS[2], LocalTarget(lake / "refused"), "local")
        yield stopped_in_order(KINDS[0], LocalTarget(lake / "stopped"), "local")


def killed_everywhere(
    kind: Kind, compression: str | None, target: Target, where: str, every: int = 1
) -> Case:
    """Kill at the first boundary, at the next, and so on, until one run gets through.

    The directory holds an earlier run of the same export, which has to be whole until it is
    replaced.
    """
    name = f"SIGKILL at every boundary ({kind.paging}, {compression or 'plain'}, {where})"
    with Exports(kind, target, compression) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(name, rows, allowed_again=PAGES_PER_FILE)
        for number in count(1, every):
            exports.fresh(old)
            killed = run(partial(exports.export, Boundaries(kill_at(number))))
            if not killed.killed:
                break
            summary.complain(*listed_rows(target)[1])
            if exports.is_finished:  # all was done: to run it again is to export again
                exports.service.forget_requests()
            summary.finish(run(exports.export), exports, f"killed at boundary {number}")
        return summary.case()


def killed_twice(target: Target, where: str, runs: int) -> Case:
    """Kill at a random boundary, kill what resumes at another, and let the third attempt finish."""
    chance = random.Random(target.root)  # noqa: S311 - to be repeated
    name = f"SIGKILL, and SIGKILL of the retry, at random ({where})"
    with Exports(KINDS[0], target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(name, rows, allowed_again=2 * PAGES_PER_FILE)
        while summary.runs < runs:
            exports.fresh(old)
            at = [chance.randrange(1, _BOUNDARIES), chance.randrange(1, _BOUNDARIES)]
            ended = [run(partial(exports.export, Boundaries(kill_at(number)))) for number in at]
            if all(each.killed for each in ended):
                summary.finish(run(exports.export), exports, f"killed at boundaries {at}")
        return summary.case()


def stopped_in_order(kind: Kind, target: Target, where: str) -> Case:
    """Let SIGTERM come at every request and answer, and raise an exception as Airflow's does.

    An answer that has just come and is not yet taken is lost with it; what was taken is not.
    """
    name = f"SIGTERM at every request and answer ({kind.paging}, {where})"
    with Exports(kind, target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(name, rows, allowed_again=1)
        for number in count(1):
            exports.fresh(old)
            stopped = run(partial(exports.export, Boundaries(terminate_at(number))))
            if not stopped.error:
                break
            summary.complain(*listed_rows(target)[1])
            summary.finish(run(exports.export), exports, f"stopped at {number}")
        return summary.case()


def refused(kind: Kind, target: Target, where: str) -> Case:
    """Let the quota be spent, or the service fail, at every request."""
    name = f"429, 503 or a reset at every request ({kind.paging}, {where})"
    with Exports(kind, target) as exports:
        rows, old = exports.undisturbed()
        pages = len(exports.service.requests())
        summary = Summary(name, rows, allowed_again=0)
        for number, fault in product(range(1, pages + 1), _FAULTS):
            exports.fresh(old)
            exports.service.set_faults({**fault, "match": {"nth": number}})
            if not run(exports.export).error:
                summary.complain(f"{fault} at request {number} was not noticed")
            exports.service.set_faults()
            summary.complain(*listed_rows(target)[1])
            summary.finish(run(exports.export), exports, f"{fault} at request {number}")
        return summary.case()
