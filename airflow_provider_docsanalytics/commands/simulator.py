"""``docsanalytics simulator``: as ``python -m airflow_provider_docsanalytics.simulator``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE
from airflow_provider_docsanalytics.simulator import __main__ as simulator

if TYPE_CHECKING:
    import argparse


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    about = "serve both APIs on loopback, with made-up data"
    parser = commands.add_parser("simulator", help=about, description=simulator.__doc__)
    simulator.add_options(parser)
    parser.set_defaults(run=partial(_serve, parser))


def _serve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    simulator.serve(parser, options)
    return FINE
