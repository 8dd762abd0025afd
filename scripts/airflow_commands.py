"""Run several Airflow commands in one process, so that Airflow is imported once.

usage: airflow_commands.py COMMAND [COMMAND …], each command one argument: "db migrate"
"""

from __future__ import annotations

import shlex
import sys

from airflow.cli import cli_parser


def main() -> int:
    """Run the commands; return how many of them failed."""
    parser = cli_parser.get_parser()
    failed = 0
    for command in sys.argv[1:]:
        print(f"\n$ airflow {command}", flush=True)
        arguments = parser.parse_args(shlex.split(command))
        try:
            arguments.func(arguments)
        except SystemExit as stop:
            if stop.code:
                print(f"FAILED: airflow {command}: {stop.code}", flush=True)
                failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
