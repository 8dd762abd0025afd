"""What an export costs: CPU, memory, time and requests, beside other tools and what is promised.

The floor is the least that can be done: a ``requests`` loop at the largest page that writes the raw
responses to disk. Every contender runs in a process of its own against the same server, the
contenders in turn, several rounds. Figures are medians of the rounds, and ratios are taken within a
round, so that a slow machine slows both sides. Trust CPU more than time on a machine that has
something else to do. Every row of an export to disk is compared with the service's. A run that
fails, or that brings other rows, ends the command without a table.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import aims, parts
from benchmarks.audit import audit
from benchmarks.report import report
from benchmarks.rig import CLONE, WrongRunError, service
from benchmarks.storage import storage

PARTS = {
    part.__name__: part
    for part in (
        parts.text,
        parts.start,
        storage,
        parts.pages,
        parts.memory,
        parts.speed,
        parts.formats,
        audit,
        report,
    )
}


def main() -> int:
    """Print the tables and the verdict; return 1 if a promise does not hold, 2 if a run failed."""
    parser = argparse.ArgumentParser(
        "make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="*", help=f"default: all of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", action="store_true", help="10 million rows as well: 10 min more")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into README.md and docs/"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.part) - PARTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    names = chosen.part or list(PARTS)
    if chosen.write and set(names) != PARTS.keys():
        parser.error("--write needs all parts")
    try:
        return _run(names, rounds=chosen.rounds, long=chosen.long, write=chosen.write)
    except WrongRunError as error:
        print(error, file=sys.stderr)
        return 2


def _run(names: list[str], *, rounds: int, long: bool, write: bool) -> int:
    figures: dict[str, float] = {}
    printed: list[str] = []
    with service() as served:
        for name in names:
            started = time.monotonic()
            part = PARTS[name](service=served, rounds=rounds, long=long)
            figures |= part.figures
            lines = [*part.table, ""]
            printed += lines
            print("\n".join(lines), flush=True)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    verdict = aims.verdict(figures)
    printed += verdict
    print("\n".join(verdict))
    if write:
        _write(printed, figures)
    return 1 if any(line.startswith("FAILS") for line in verdict) else 0


def _write(printed: list[str], figures: dict[str, float]) -> None:
    docs = CLONE / "docs"
    aims.write_between(docs / "performance.md", "bench", ["```", *printed, "```"])
    aims.write_between(docs / "performance.md", "decisive", aims.decisive(figures))
    aims.write_between(CLONE / "README.md", "decisive", aims.decisive(figures))
    aims.write_between(docs / "performance.md", "audit", aims.audits(figures))
    aims.write_between(docs / "formats.md", "cost", aims.costs(figures))


if __name__ == "__main__":
    sys.exit(main())
