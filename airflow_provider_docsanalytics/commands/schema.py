"""``docsanalytics schema ENDPOINT --dialect …``: the table for an endpoint's rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.schema import DIALECTS, table_of
from airflow_provider_docsanalytics.parameters import did_you_mean

if TYPE_CHECKING:
    import argparse


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    about = "print the table for an endpoint's rows"
    parser = commands.add_parser(
        "schema",
        help=about,
        description=f"{about.capitalize()}, as SQL; for BigQuery, as a JSON schema file.",
    )
    parser.add_argument("endpoint", metavar="ENDPOINT", help="such as conversations")
    parser.add_argument("--dialect", choices=DIALECTS, required=True)
    parser.set_defaults(run=_print_table)


def _print_table(options: argparse.Namespace) -> int:
    from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
    from airflow_provider_docsanalytics.api.vyom import VYOM

    platforms = {name: platform for platform in (MINTLIFY, VYOM) for name in platform.endpoints}
    if options.endpoint not in platforms:
        raise ConfigError(
            f"No endpoint is named {options.endpoint}.{did_you_mean(options.endpoint, platforms)}\n"
            f"Use one of: {', '.join(platforms)}."
        )
    platform = platforms[options.endpoint]
    table = table_of(platform, platform.endpoints[options.endpoint], options.dialect)
    sys.stdout.write(f"{table}\n")
    return FINE
