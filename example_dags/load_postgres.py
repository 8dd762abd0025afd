"""A day's conversations, feedback and searches in PostgreSQL, each export once.

However often an export is loaded, the tables hold its rows once, and readers see all of them or
those before. Before the first run:

* ``pip install apache-airflow-providers-postgres`` on the workers;
* create a connection ``mintlify_default``, a connection ``postgres_default``, and a variable
  ``docs_lake`` with the root to write to;
* create the tables, as in ``docsanalytics schema searches --dialect postgres | psql``.
"""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

JSON_TYPES = {114: "json", 3802: "jsonb"}  # by the numbers that PostgreSQL gives them
# PostgreSQL's text holds no NUL, in JSON \u0000: the load puts U+FFFD there, and says so.
JSON_NUL, JSON_REPLACEMENT = r"(?<!\\)((?:\\\\)*)\\u0000", r"\1\\ufffd"


class WithoutNul:
    """A file with U+FFFD for each NUL; ``found`` counts them."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.found = file, 0

    def read(self, size: int = -1) -> bytes:
        """Return some of it."""
        chunk = self.file.read(size)
        self.found += chunk.count(b"\0")
        return chunk.replace(b"\0", "\ufffd".encode())


def copy(cursor: Any, file: IO[bytes]) -> int:
    """Copy a CSV file into the staging table; return how many NULs it had."""
    header = file.readline().decode().rstrip("\n").replace('"', '""')
    columns = ", ".join(f'"{name}"' for name in header.split(","))
    statement = f"COPY staging ({columns}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
    text = WithoutNul(file)
    if hasattr(cursor, "copy_expert"):  # psycopg2
        cursor.copy_expert(statement, text)
    else:
        with cursor.copy(statement) as target:
            while chunk := text.read(1 << 16):
                target.write(chunk)
    return text.found


def stage(cursor: Any, export: dict[str, Any]) -> str:
    """Fill a staging table, in which JSON is text; return the columns of the table from it."""
    cursor.execute(f"SELECT * FROM {export['endpoint']} LIMIT 0")
    types = {column.name: JSON_TYPES.get(column.type_code) for column in cursor.description}
    cursor.execute(f"CREATE TEMP TABLE staging (LIKE {export['endpoint']}) ON COMMIT DROP")
    cells = {name: f'"{name}"' for name in types}
    for name in filter(types.get, types):
        cursor.execute(f'ALTER TABLE staging ALTER "{name}" TYPE text')
        text = f"regexp_replace(\"{name}\", '{JSON_NUL}', '{JSON_REPLACEMENT}', 'g')"
        cells[name] = f"{text}::{types[name]}"
    filesystem = ObjectStoragePath(export["path"]).fs
    nuls = 0
    for uri in export["uris"]:
        with filesystem.open(uri, "rb", compression="infer") as file:
            nuls += copy(cursor, file)
    patterns = " OR ".join(f"\"{name}\" ~ '{JSON_NUL}'" for name in filter(types.get, types))
    cursor.execute(f"SELECT count(*), count(*) FILTER (WHERE {patterns}) FROM staging")
    rows, more = cursor.fetchone()
    if rows != export["rows"]:
        raise ValueError(f"{export['manifest']} has {export['rows']} rows, read {rows}.")
    if nuls or more:
        logging.getLogger(__name__).warning("%s: NUL characters became U+FFFD.", export["manifest"])
    return ", ".join(cells.values())


@task(map_index_template="{{ task.op_kwargs['export'].endpoint }}")
def load(export: dict[str, Any]) -> int:
    """Put an export's rows in place of those of its window, all or none; return how many."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    table, window = export["endpoint"], [export["project_id"], export["date_from"]]
    with closing(PostgresHook().get_conn()) as connection, connection.cursor() as cursor:
        cells = stage(cursor, export)
        # Waits for a load of the same table, and for no reader.
        cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"DELETE FROM {table} WHERE _project_id = %s AND _date_from = %s", window)
        cursor.execute(f"INSERT INTO {table} SELECT {cells} FROM staging")
        connection.commit()  # closing the connection before this undoes everything
    return int(export["rows"])


with DAG(
    dag_id="load_postgres",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
    tags=["docsanalytics", "mintlify"],
):
    exports = MintlifyExportOperator.partial(
        task_id="export",
        path="{{ var.value.docs_lake }}/csv/{endpoint}/dt={date_from:%Y-%m-%d}",
        file_format="csv",
        compression="gzip",
        map_index_template="{{ task.endpoint }}",
    ).expand(endpoint=["conversations", "feedback", "searches"])
    load.expand(export=exports.output)
