"""Run several Airflow commands in one process, so that Airflow is imported once.

usage: airflow_commands.py COMMAND [COMMAND …], each command one argument: "db migrate"
"""

from __future__ import annotations

import functools
import shlex
import sys
from importlib.metadata import version

from airflow.cli import cli_parser


def main() -> int:
    """Run the commands; return how many of them failed."""
    if version("apache-airflow").startswith(("3.0.", "3.1.", "3.2.")):
        _build_the_api_once()
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


def _build_the_api_once() -> None:
    """Do as Airflow 3.3 does: before, ``dags test`` takes 2 s to build its API, for each task."""
    from airflow.sdk.execution_time import supervisor

    supervisor.in_process_api_server = functools.cache(supervisor.in_process_api_server)


if __name__ == "__main__":
    sys.exit(main())
