"""A day's feedback and searches in a DuckDB database, each export once, however often it is loaded.

Before the first run:

* ``pip install duckdb 'airflow-provider-docsanalytics[parquet]'`` on the workers;
* create a connection ``mintlify_default``, a variable ``docs_lake`` with the root to write to, and
  a variable ``docs_duckdb`` with the database's file, on a disk that all workers share;
* create the tables, as in ``docsanalytics schema feedback --dialect duckdb | duckdb FILE``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator


# One at a time, because DuckDB lets one process write.
@task(max_active_tis_per_dag=1, map_index_template="{{ task.op_kwargs['export'].endpoint }}")
def load(export: dict[str, Any], database: str) -> int:
    """Put an export's rows in place of those of its window, all or none; return how many."""
    import duckdb

    table, window = export["endpoint"], [export["project_id"], export["date_from"]]
    with duckdb.connect(database) as connection:
        connection.register_filesystem(ObjectStoragePath(export["path"]).fs)
        connection.begin()  # an error closes the connection, which undoes everything
        connection.execute(f"DELETE FROM {table} WHERE _project_id = ? AND _date_from = ?", window)
        files = "read_parquet(?, union_by_name = true, hive_partitioning = false)"
        connection.execute(f"INSERT INTO {table} BY NAME FROM {files}", [export["uris"]])
        (loaded,) = connection.fetchone() or (0,)
        if loaded != export["rows"]:
            raise ValueError(f"{export['manifest']} has {export['rows']} rows, read {loaded}.")
        connection.commit()
    return int(loaded)


with DAG(
    dag_id="load_duckdb",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
    tags=["docsanalytics", "mintlify"],
):
    export = MintlifyExportOperator.partial(
        task_id="export",
        path="{{ var.value.docs_lake }}/parquet/{endpoint}/dt={date_from:%Y-%m-%d}",
        file_format="parquet",
        map_index_template="{{ task.endpoint }}",
    ).expand(endpoint=["feedback", "searches"])
    load.partial(database="{{ var.value.docs_duckdb }}").expand(export=export.output)
