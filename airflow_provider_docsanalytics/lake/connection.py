"""A lake as a DuckDB database: views of its endpoints, of its exports, and of the models."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, time
from importlib import import_module, resources
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.lake.catalog import read_directories
from airflow_provider_docsanalytics.lake.endpoint_views import (
    is_event,
    is_read,
    rows_query,
    settled_query,
)
from airflow_provider_docsanalytics.lake.models import MODELS
from airflow_provider_docsanalytics.lake.settle import day_of, exports_of, settle
from airflow_provider_docsanalytics.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.models import Model
    from airflow_provider_docsanalytics.lake.settle import LakeExport, Segment

ENDPOINTS = {
    name: endpoint for platform in (MINTLIFY, VYOM) for name, endpoint in platform.endpoints.items()
}
_ALL_MODELS = "\n".join(model.sql for model in MODELS)
_LONG_TEXTS = ("response", "messages", "code", "_extra")
_CONFIG = {
    "autoinstall_known_extensions": "false",  # nothing is downloaded
    "autoload_known_extensions": "false",
    "enable_external_file_cache": "false",  # it would keep every file in memory
}
_EXPORT_TYPES = {
    "export": "INTEGER",
    "platform": "VARCHAR",
    "endpoint": "VARCHAR",
    "owner": "VARCHAR",
    "date_from": "TIMESTAMPTZ",
    "date_to": "TIMESTAMPTZ",
    "date": "DATE",
    "rows": "BIGINT",
    "path": "VARCHAR",
    "finished_at": "TIMESTAMPTZ",
    "superseded": "BOOLEAN",
    "filters": "VARCHAR",
    "problem": "VARCHAR",
    "counts": "BOOLEAN",
    "is_event": "BOOLEAN",
    "file_format": "VARCHAR",
    "series": "INTEGER",
    "offset_s": "INTEGER",
}
_SEGMENT_TYPES = {
    "export": "INTEGER",
    "series": "INTEGER",
    "spoken_from": "TIMESTAMPTZ",
    "spoken_to": "TIMESTAMPTZ",
}
_MIDNIGHTS = """
    WITH midnights AS (
      SELECT series, date, date_from AS midnight FROM exports
      WHERE counts AND date_to - date_from >= INTERVAL 23 HOURS
      UNION ALL
      SELECT series, date + CAST(round(EXTRACT(EPOCH FROM date_to - date_from) / 86400) AS INTEGER),
        date_to
      FROM exports WHERE counts AND date_to - date_from >= INTERVAL 23 HOURS
    ),
    nearest AS (
      SELECT
        arg_min(midnight + to_days(CAST(d.day - date AS INTEGER)), abs(d.day - date)) AS midnight
      FROM midnights, (SELECT CAST(? AS DATE) AS day) d
      GROUP BY series
    )
    SELECT DISTINCT midnight FROM nearest"""
"""When a date starts: for each series by its nearest window."""


def connect(files: LakeFiles, base_url: str = "", *, in_memory: bool = False) -> DuckDBPyConnection:
    """Return a DuckDB connection with the views of a lake.

    Args:
        files: the lake.
        base_url: where the site is, such as ``https://example.com/docs``: see ``page_key``.
        in_memory: read the files of the endpoints that models use once, now, instead of by each
            query: for many models. Their tables are without answers and other long texts.

    Raises:
        ConfigError: there is no lake, ``base_url`` is no URL, or DuckDB is not installed.
        StorageError: the storage failed, or a file cannot be read.
    """
    if base_url and not re.match(r"https?://[^/?#]", str(base_url), re.IGNORECASE):
        raise ConfigError(
            f"base_url={base_url!r:.200} is not a URL.\n"
            "Write where the site is, such as https://example.com/docs."
        )
    duckdb = _duckdb()
    exports, segments = settle(exports_of(read_directories(files)))
    connection: DuckDBPyConnection = duckdb.connect(config=_CONFIG)
    try:
        _prepare(connection, files, exports)
        _create_tables(connection, exports, segments)
        connection.execute("SET VARIABLE base_url = ?", [base_url])
        set_period(connection)
        with readable(files):
            _create_views(connection, exports, in_memory=in_memory)
    except BaseException:
        connection.close()
        raise
    return connection


def set_period(
    connection: DuckDBPyConnection,
    date_from: object = None,
    date_to: object = None,
    change_date: object = None,
) -> None:
    """Set the time for which the models answer: ``[date_from, date_to)``.

    If all dates are midnights in UTC, as bare dates are, they mean the midnights of the lake's
    windows, if these all start at the same time of the day.

    Args:
        connection: of :func:`connect`.
        date_from: ISO 8601 text, a date or an instant; ``None`` is the start of the lake.
        date_to: the same; ``None`` is its end.
        change_date: the same, in the period; ``page_changes`` compares what was before it and
            after it.

    Raises:
        ConfigError: one of them is not a date, or not in this order.
    """
    given = {"date_from": date_from, "date_to": date_to, "change_date": change_date}
    instants = {
        name: None if value is None else parse_instant(value, name) for name, value in given.items()
    }
    # Exports that do not count are of the lake: their time is missing.
    found = "SELECT min(date_from), max(date_to) FROM exports WHERE filters = ''"
    lake_from, lake_to = connection.execute(found).fetchone() or (None, None)
    start = instants["date_from"] or lake_from
    end = instants["date_to"] or lake_to
    change = instants["change_date"]
    for name, earlier, later, of in (
        ("date_to", start, end, "date_from"),
        ("change_date", start, change, "date_from"),
        ("date_to", change, end, "change_date"),
    ):
        if earlier is not None and later is not None and earlier >= later:
            raise ConfigError(
                f"{name}={later.isoformat()} is not after {of}={earlier.isoformat()}.\n"
                "Correct them. Without them, the period is that of the lake."
            )
    are_dates = all(map(_is_midnight, filter(None, instants.values())))
    for name, value in (("date_from", start), ("date_to", end), ("change_date", change)):
        is_date = instants[name] is not None and are_dates
        instant = _midnight_of_windows(connection, value) if is_date and value else value
        connection.execute(f"SET VARIABLE {name} = ?::TIMESTAMPTZ", [instant])


def _is_midnight(instant: datetime) -> bool:
    return instant.astimezone(UTC).time() == time()


def _midnight_of_windows(connection: DuckDBPyConnection, midnight: datetime) -> datetime:
    """Return when the date of a midnight in UTC starts by the windows of the lake."""
    found = connection.execute(_MIDNIGHTS, [midnight.astimezone(UTC).date()]).fetchall()
    return found[0][0] if len(found) == 1 else midnight


def _duckdb() -> Any:
    try:
        import_module("pytz")  # DuckDB gives instants in it
        return import_module("duckdb")
    except ImportError as error:
        raise ConfigError(
            f"Queries of a lake need the package {error.name}.\n"
            "Run pip install 'airflow-provider-docsanalytics[lake]'."
        ) from error


def _prepare(
    connection: DuckDBPyConnection, files: LakeFiles, exports: Iterable[LakeExport]
) -> None:
    from airflow_provider_docsanalytics.lake.export_files import ExportFiles

    connection.register_filesystem(ExportFiles(files, exports))
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(_sql_file("macros.sql"))


def _create_tables(
    connection: DuckDBPyConnection, exports: Iterable[LakeExport], segments: Iterable[Segment]
) -> None:
    _create_table(connection, "exports", _EXPORT_TYPES, map(_export_row, exports))
    _create_table(connection, "segments", _SEGMENT_TYPES, _segment_rows(exports, segments))


def _create_table(
    connection: DuckDBPyConnection, name: str, types: dict[str, str], rows: Iterable[Any]
) -> None:
    structure = msgspec.json.encode([types]).decode()
    connection.execute(
        f"CREATE TABLE {name} AS SELECT unnest(from_json(?, '{structure}'), recursive := true)",
        [msgspec.json.encode(list(rows)).decode()],
    )


def _export_row(each: LakeExport) -> dict[str, Any]:
    export = each.export
    window, day = export.window, day_of(export)
    return {
        "export": each.number,
        "platform": export.series.platform,
        "endpoint": export.series.endpoint,
        "owner": each.owner,
        "date_from": window and window.date_from,
        "date_to": window and window.date_to,
        "date": day and day.date,
        "rows": export.rows,
        "path": each.path,
        "finished_at": each.finished_at,
        "superseded": each.superseded,
        "filters": ", ".join(f"{name}={value}" for name, value in sorted(each.filters.items())),
        "problem": each.problem,
        "counts": each.counts,
        "is_event": bool(export.series.table_row and is_event(export.series.table_row)),
        "file_format": export.file_format,
        "series": each.series,
        "offset_s": int(day.offset.total_seconds()) if day and day.offset is not None else None,
    }


def _segment_rows(
    exports: Iterable[LakeExport], segments: Iterable[Segment]
) -> Iterator[dict[str, Any]]:
    series = {each.number: each.series for each in exports}
    for each in segments:
        yield {
            "export": each.export,
            "series": series[each.export],
            "spoken_from": each.window[0],
            "spoken_to": each.window[1],
        }


def _create_views(
    connection: DuckDBPyConnection, exports: list[LakeExport], *, in_memory: bool
) -> None:
    used = set(re.findall(r"(?:FROM|JOIN) (\w+)", _sql_file("views.sql") + _ALL_MODELS))
    for endpoint in ENDPOINTS.values():
        read = [each for each in exports if is_read(endpoint, each)]
        connection.execute(f"CREATE VIEW rows_{endpoint.name} AS {rows_query(endpoint, read)}")
        query = settled_query(endpoint)
        if in_memory and endpoint.name in used:
            columns = f"COLUMNS(lambda c: c NOT IN {_LONG_TEXTS})"
            query = f"SELECT {columns} FROM ({query})"  # noqa: S608 - see endpoint_views
            connection.execute(f"CREATE TABLE {endpoint.name} AS {query}")
        else:
            connection.execute(f"CREATE VIEW {endpoint.name} AS {query}")
    connection.execute(_sql_file("views.sql"))
    for model in MODELS:
        connection.execute(f"CREATE VIEW {model.name} AS {model.sql}")


def _sql_file(name: str) -> str:
    return resources.files("airflow_provider_docsanalytics.lake").joinpath(name).read_text()


class Answer(NamedTuple):
    """What a model answers: rows, and the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def ask(connection: DuckDBPyConnection, files: LakeFiles, model: Model) -> Answer:
    """Return the rows of a model, in its order.

    Raises:
        StorageError: a file cannot be read.
    """
    with readable(files):
        done = connection.execute(f"FROM {model.name}")
        return Answer(tuple(column[0] for column in done.description), done.fetchall())


@contextmanager
def readable(files: LakeFiles) -> Iterator[None]:
    """Raise what DuckDB says about a lake's files as :class:`StorageError`."""
    try:
        yield
    except _duckdb().Error as error:
        raise StorageError(
            f"The rows of {files.uri} cannot be read: {str(error).partition(chr(10))[0]:.300}.\n"
            "If exports were running, ask again. Otherwise docsanalytics audit LAKE --deep names "
            "the file."
        ) from error
