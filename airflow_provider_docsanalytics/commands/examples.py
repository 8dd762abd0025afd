"""``docsanalytics examples DIRECTORY``: copies the example Dags, which travel in the wheel."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE, FOUND
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.parameters import did_you_mean

if TYPE_CHECKING:
    import argparse


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "examples",
        help="copy the example Dags into a directory",
        description="Copy the example Dags into a directory. No file that differs is replaced.",
    )
    parser.add_argument(
        "directory", type=Path, metavar="DIRECTORY", help="such as your dags folder"
    )
    parser.add_argument(
        "names", nargs="*", default=[], metavar="NAME", help="such as first_export (all)"
    )
    parser.set_defaults(run=_copy_examples)


def _copy_examples(options: argparse.Namespace) -> int:
    """Copy example Dags; a file that is there and differs is reported and left alone."""
    examples = {path.stem: path for path in sorted(_example_dags().glob("*.py"))}
    names = [name.removesuffix(".py") for name in options.names] or list(examples)
    if unknown := [name for name in names if name not in examples]:
        raise ConfigError(
            f"No example Dag is named {', '.join(unknown)}.{did_you_mean(unknown[0], examples)}\n"
            f"Use one of: {', '.join(examples)}."
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
    package = Path(__file__).resolve().parent.parent
    inside = package / "example_dags"
    return inside if inside.is_dir() else package.parent / "example_dags"


def _first_line(source: bytes) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
