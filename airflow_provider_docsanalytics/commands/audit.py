"""``docsanalytics audit LAKE``: proves a lake from its files, without a request to the services."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE, FOUND, times
from airflow_provider_docsanalytics.commands.connections import provide, provide_of
from airflow_provider_docsanalytics.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_docsanalytics.lake.finding import Report

_DESCRIPTION = """\
Compare every export below LAKE with its manifest: files, windows, totals, silence, drift.
Nothing is changed, and no request is sent to Mintlify or Vyom.
Exit status: 0 if all is well, 1 if something was found, 2 if the audit could not run."""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "audit",
        help="prove that a lake holds what its manifests say, without gaps",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("lake", metavar="LAKE", help="the root of the exports, a path or a URL such as s3://bucket")
    add("--storage-conn-id", metavar="ID", help="the Airflow connection of LAKE")
    add("--deep", action="store_true", help="also read every file: checksums, rows, keys, sums")
    add("--since", metavar="DATE", help="leave out windows that end before it (ISO 8601, UTC)")
    add("--until", metavar="DATE", help="up to when there should be exports (now)")
    add(
        "--every",
        type=times.length,
        metavar="TIME",
        help="how often each series is exported, such as 1d or 6h (learned from each series)",
    )
    add("--format", choices=["table", "json"], default="table", help="of the report (table)")
    parser.set_defaults(run=_audit)


def _audit(options: argparse.Namespace) -> int:
    lake = options.lake if "://" in options.lake else str(Path(options.lake).resolve())
    with redirect_stdout(sys.stderr):  # Airflow logs to it, and it is the report's
        report = _report(lake, options)
    if options.format == "json":
        sys.stdout.write(report.as_json().decode())
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(report))
    return FOUND if report.findings else FINE


def _report(lake: str, options: argparse.Namespace) -> Report:
    from airflow_provider_docsanalytics.lake.audit import Scope, audit
    from airflow_provider_docsanalytics.operators._lake import files_at

    scope = Scope(
        until=parse_instant(options.until, "--until") if options.until else datetime.now(UTC),
        since=parse_instant(options.since, "--since") if options.since else None,
        every=options.every,
        deep=options.deep,
    )
    provide(options.storage_conn_id)
    provide_of(lake)
    return audit(files_at(lake, options.storage_conn_id), scope, _show_progress)


def _show_progress(text: str) -> None:
    sys.stderr.write(f"docsanalytics: {text}\n")
    sys.stderr.flush()


def _lines(report: Report) -> Iterable[str]:
    for each in report.findings:
        yield f"{each.severity:<7}  {each.code:<16}  {each.where}"
        yield f"{'':27}{each.what}"
        yield f"{'':27}→ {each.do}"
    errors = len(report.errors)
    warnings = len(report.findings) - errors
    found = (
        f"{_count(errors, 'error')}, {_count(warnings, 'warning')}" if errors or warnings else "ok"
    )
    exports = f"{_count(report.exports, 'export')} with {_count(report.rows, 'row')}"
    yield f"{report.lake}: {exports}: {found}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
