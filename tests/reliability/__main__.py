"""Everything that goes wrong in production, made to happen, and what became of the rows.

usage: reliability.py [PART …]; all of them without arguments. Prints a table of cases; exits with 1
if any row was lost or doubled, or a promise broken.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import TYPE_CHECKING

from tests.reliability import (
    clock,
    crash,
    cursors,
    deadline,
    differential,
    explorer,
    labels,
    memory,
    modes,
    pages,
    pairs,
    races,
    rights,
    stalls,
    storage,
    templates,
    windows,
    wire,
)
from tests.reliability.cases import Case, heading, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTS: dict[str, Callable[[], Iterator[Case]]] = {
    "crash": crash.cases,
    "races": races.cases,
    "explorer": explorer.cases,
    "stalls": stalls.cases,
    "storage": storage.cases,
    "rights": rights.cases,
    "clock": clock.cases,
    "wire": wire.cases,
    "pairs": pairs.cases,
    "pages": pages.cases,
    "windows": windows.cases,
    "cursors": cursors.cases,
    "modes": modes.cases,
    "differential": differential.cases,
    "labels": labels.cases,
    "templates": templates.cases,
    "memory": memory.cases,
    "deadline": deadline.cases,
}


def main() -> int:
    """Run the chosen parts; return 0 if all cases hold."""
    logging.disable(logging.CRITICAL)  # what is provoked by the thousand needs no reading
    started, failed = time.monotonic(), []
    print(heading(), flush=True)
    for name in _chosen():
        for case in PARTS[name]():
            print(line(case), flush=True)
            failed += [f"{case.name}: {broken}" for broken in case.broken]
            if case.rows_lost or case.rows_doubled:
                failed.append(f"{case.name}: rows lost or doubled")
    print(f"\n{time.monotonic() - started:.0f} s, {len(failed)} failures", *failed, sep="\n  ")
    return 1 if failed else 0


def _chosen() -> list[str]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen: list[str] = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
