"""One part of ``make reliability``, in a process of its own: it forks, and may have no threads.

usage: python -m tests.reliability [--quick] PART; prints a line of the table for each case, and
what does not hold; exits with 1 if rows were lost or doubled, or a promise was broken.
"""

from __future__ import annotations

import argparse
import logging
import sys
from importlib import import_module

from tests.reliability.summary import line


def main() -> int:
    """Run the part; return 0 if all its cases hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few runs of each kind")
    parser.add_argument("part")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what is provoked by the thousand needs no reading
    part = import_module(f"tests.reliability.{options.part}")
    failed = False
    for case in part.quick() if options.quick else part.cases():
        print(line(case), *(f"  FAILS: {broken}" for broken in case.broken), sep="\n", flush=True)
        failed |= bool(case.broken or case.rows_lost or case.rows_doubled or not case.runs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
