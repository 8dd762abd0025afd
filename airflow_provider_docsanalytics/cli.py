"""The command line ``docsanalytics``; :mod:`.commands` has a module for each command.

Exit status: 0 fine, 1 something found that needs you, 2 could not run.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.commands import (
    COULD_NOT_RUN,
    audit,
    examples,
    plan,
    quota,
    report,
    schema,
    simulator,
    sql,
)
from airflow_provider_docsanalytics.errors import DocsAnalyticsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = (simulator, examples, audit, sql, report, schema, quota, plan)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    before = logging.root.manager.disable
    logging.disable(logging.INFO)  # what Airflow and its libraries tell of their own start
    try:
        status: int = options.run(options)
    except DocsAnalyticsError as error:
        sys.stderr.write(f"docsanalytics: {error}\n")
        return COULD_NOT_RUN
    finally:
        logging.disable(before)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docsanalytics", description="Documentation analytics of Mintlify and Vyom."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_command(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
