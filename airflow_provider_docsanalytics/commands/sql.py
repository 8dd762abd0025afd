"""``docsanalytics sql [MODEL] --lake LAKE``: a question about the documentation, and its answer."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from contextlib import closing, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_docsanalytics.commands import FINE
from airflow_provider_docsanalytics.commands.connections import provide, provide_of
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.finding import printable
from airflow_provider_docsanalytics.parameters import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_docsanalytics.lake.connection import Answer
    from airflow_provider_docsanalytics.lake.models import Model

_DESCRIPTION = """\
Answer a question from the exports below LAKE. Without MODEL, list the questions.
Nothing is changed, and no request is sent to Mintlify or Vyom."""
_WIDEST = 40
"""Characters of a cell in a table; the other formats have all of them."""
_COMPLETENESS = "completeness"
"""The model that says what the others can know."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "sql",
        help="answer a question from the exports of a lake",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="such as unanswered_questions")
    add("--lake", metavar="LAKE", help="the root of the exports, a path or a URL")
    add("--storage-conn-id", metavar="ID", help="the Airflow connection of LAKE")
    add("--from", dest="date_from", metavar="A", help="start of the period (of the lake)")
    add("--to", dest="date_to", metavar="B", help="its end, which is not in it (of the lake)")
    add("--change-date", metavar="C", help="the date of page_changes")
    add("--base-url", default="", metavar="U", help="the site, such as https://example.com/docs")
    add("--sql", action="store_true", help="print the query of MODEL and do not run it")
    add(
        "--dialect",
        choices=["postgres"],
        help="print MODEL, or all models, as views of that database and do not run them",
    )
    add(
        "--format",
        choices=["table", "csv", "json"],
        default="table",
        help="table cuts long text; csv puts ' before what a spreadsheet takes for a formula",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from airflow_provider_docsanalytics.lake.models import MODELS

    if options.model is None and options.dialect:
        _print_views()
        return FINE
    if options.model is None:
        _print_models(MODELS, options.format)
        return FINE
    models = {each.name: each for each in MODELS}
    if options.model not in models:
        raise ConfigError(
            f"No model is named {options.model}.{did_you_mean(options.model, models)}\n"
            f"Use one of: {', '.join(models)}."
        )
    model = models[options.model]
    if options.dialect:
        _print_views([model])
        return FINE
    if options.sql:
        sys.stdout.write(f"{model.sql}\n")
        return FINE
    with redirect_stdout(sys.stderr):  # Airflow logs to it, and it is the answer's
        answer = _answer(model, options)
    sys.stdout.write(_FORMATS[options.format](answer))
    if not answer.rows and model.name != _COMPLETENESS:
        sys.stderr.write(
            "No row answers this. Where exports are missing, that means nothing:\n"
            f"docsanalytics sql {_COMPLETENESS} shows which endpoints and days this lake has.\n"
        )
    return FINE


def _print_views(models: Iterable[Model] | None = None) -> None:
    from airflow_provider_docsanalytics.lake.postgres import TRANSLATED, script_of

    sys.stdout.write(script_of(TRANSLATED if models is None else models))


def _print_models(models: Iterable[Model], form: str) -> None:
    from airflow_provider_docsanalytics.lake.connection import Answer

    listed = Answer(("model", "question"), [(each.name, each.question) for each in models])
    if form != "table":
        sys.stdout.write(_FORMATS[form](listed))
        return
    width = max(len(name) for name, _ in listed.rows)
    sys.stdout.writelines(f"{name:<{width}}  {question}\n" for name, question in listed.rows)


def _answer(model: Model, options: argparse.Namespace) -> Answer:
    from airflow_provider_docsanalytics.lake.connection import ask, connect, set_period
    from airflow_provider_docsanalytics.operators._lake import files_at

    if not options.lake:
        raise ConfigError(f"{model.name} needs a lake.\nGive its root with --lake.")
    if "getvariable('change_date')" in model.sql and not options.change_date:
        raise ConfigError(
            f"{model.name} compares the days before a date with those after it.\n"
            "Give the date with --change-date."
        )
    lake = options.lake if "://" in options.lake else str(Path(options.lake).resolve())
    provide(options.storage_conn_id)
    provide_of(lake)
    files = files_at(lake, options.storage_conn_id)
    with closing(connect(files, options.base_url)) as connection:
        if connection.execute("FROM exports LIMIT 1").fetchone() is None:
            raise ConfigError(
                f"{printable(lake)} holds no exports.\n"
                "Give the root of your exports: what stands before the first field of path."
            )
        set_period(connection, options.date_from, options.date_to, options.change_date)
        return ask(connection, files, model)


def _as_table(answer: Answer) -> str:
    """Return aligned columns; numbers are at the right."""
    cells = [[_cell(value) for value in row] for row in answer.rows]
    columns = list(zip(answer.columns, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [
        any(isinstance(value, int | float) for value in column)
        for column in (zip(*answer.rows, strict=True) if answer.rows else ())
    ] or [False] * len(columns)
    lines = [
        "  ".join(
            f"{cell:>{width}}" if right else f"{cell:<{width}}"
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in (answer.columns, *cells)
    ]
    count = len(answer.rows)
    return "\n".join([*lines, f"({count:,} {'row' if count == 1 else 'rows'})", ""])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = printable(" ".join(str(value).split()))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _as_csv(answer: Answer) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_csv_cell(value) for value in row] for row in answer.rows)
    return text.getvalue()


def _csv_cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULAS) else value
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else value


def _as_json(answer: Answer) -> str:
    rows: Sequence[Any] = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"


_FORMATS = {"table": _as_table, "csv": _as_csv, "json": _as_json}
