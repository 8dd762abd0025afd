"""``docsanalytics report LAKE``: the page about a period, for the people who write the pages."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE
from airflow_provider_docsanalytics.commands.connections import provide, provide_of

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.lake.report import Report

_DESCRIPTION = """\
Write one HTML page about a period of LAKE: what changed, which questions stayed unanswered,
which searches led nowhere, which pages were rated badly, and whether the data is complete.
The page has no scripts and loads nothing. It is replaced if it is there. Needs the extra [lake].
Exit status: 0 if the page was written, 2 if not."""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "report",
        help="write the weekly page for the docs team",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("lake", metavar="LAKE", help="the root of the exports, a path or a URL such as s3://bucket")
    add("--storage-conn-id", metavar="ID", help="the Airflow connection of LAKE and FILE.html")
    add(
        "--from",
        dest="date_from",
        metavar="DATE",
        help="start of the period (ISO 8601, UTC); by default the last week, Monday to Sunday",
    )
    add("--to", dest="date_to", metavar="DATE", help="its end, which is not part of it")
    add("--output", required=True, metavar="FILE.html", help="the page, a path or a URL")
    add(
        "--base-url",
        metavar="URL",
        help="where the site is, such as https://example.com/docs, to link its pages",
    )
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    lake, output = _absolute(options.lake), _absolute(options.output)
    with redirect_stdout(sys.stderr):  # Airflow logs to it
        written = _write(lake, output, options)
    sys.stdout.write(f"{output}: {_described(written)}\n")
    return FINE


def _write(lake: str, output: str, options: argparse.Namespace) -> Report:
    from airflow_provider_docsanalytics.operators._lake import write_report

    provide(options.storage_conn_id)
    for url in (lake, output):
        provide_of(url)
    return write_report(
        lake=lake,
        report=output,
        date_from=options.date_from,
        date_to=options.date_to,
        base_url=options.base_url,
        storage_conn_id=options.storage_conn_id,
    )


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).resolve())


def _described(written: Report) -> str:
    if written.date_from is None:
        return "the lake holds no exports"
    incomplete = "" if written.complete else "; incomplete, see the end of the page"
    return (
        f"{written.date_from} to {written.date_to}, {written.questions:,} questions, "
        f"{written.unanswered:,} unanswered{incomplete}"
    )
