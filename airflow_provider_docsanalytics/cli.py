"""The command line: ``docsanalytics simulator …`` and ``docsanalytics examples DIRECTORY``.

Exit status: 0 fine, 1 something found that needs you, 2 could not run.
"""

from __future__ import annotations

import argparse
import ast
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.simulator import __main__ as simulator

if TYPE_CHECKING:
    from collections.abc import Sequence

FINE, FOUND, COULD_NOT_RUN = range(3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except DocsAnalyticsError as error:
        sys.stderr.write(f"docsanalytics: {error}\n")
        return COULD_NOT_RUN
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docsanalytics", description="Documentation analytics of Mintlify and Vyom."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    about = "serve both APIs on loopback, with made-up data"
    serve = commands.add_parser("simulator", help=about, description=simulator.__doc__)
    simulator.add_options(serve)
    serve.set_defaults(run=partial(_serve, serve))
    about = "copy the example Dags into a directory"
    copy = commands.add_parser("examples", help=about, description=f"{about.capitalize()}.")
    copy.add_argument("directory", type=Path, metavar="DIRECTORY", help="such as your dags folder")
    copy.add_argument("names", nargs="*", metavar="NAME", help="such as first_export (all)")
    copy.set_defaults(run=_copy_examples)
    return parser


def _serve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    simulator.serve(parser, options)
    return FINE


def _copy_examples(options: argparse.Namespace) -> int:
    """Copy example Dags; a file that is there and differs is reported and left alone."""
    examples = {path.stem: path for path in sorted(_example_dags().glob("*.py"))}
    names = [name.removesuffix(".py") for name in options.names] or list(examples)
    if unknown := [name for name in names if name not in examples]:
        raise ConfigError(
            f"No example Dag is named {', '.join(unknown)}.\nUse one of: {', '.join(examples)}."
        )
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        copied = [_copy(examples[name], options.directory) for name in names]
    except OSError as error:
        raise ConfigError(
            f"Cannot copy to {options.directory}: {error.strerror}.\n"
            "Choose a directory in which you may create files."
        ) from error
    return FINE if all(copied) else FOUND


def _copy(example: Path, directory: Path) -> bool:
    """Copy one file, if none of that name is there; return whether the example is there now."""
    target, text = directory / example.name, example.read_bytes()
    there = target.read_bytes() if target.exists() else None
    if there is None:
        target.write_bytes(text)
        sys.stdout.write(f"{target}: {_first_line(text)}\n")
    elif there == text:
        sys.stdout.write(f"{target}: already there\n")
    else:
        sys.stdout.write(
            f"{target}: not copied, because this file exists and differs from the example.\n"
            "  Rename it, or choose another directory.\n"
        )
    return there in (None, text)


def _example_dags() -> Path:
    """Return their directory: in the installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parent
    inside = package / "example_dags"
    return inside if inside.is_dir() else package.parent / "example_dags"


def _first_line(source: bytes) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
