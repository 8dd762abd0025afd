"""The full transcripts of a day's unanswered conversations: what the documentation lacks.

One transcript costs one request of the hourly quota, so their number is limited. You need what
``mintlify_daily_export.py`` needs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

MAX_TRANSCRIPTS = 20


@task
def unanswered_threads(export: dict[str, Any]) -> list[str]:
    """Return the IDs of the newest unanswered conversations, read from the export's own files."""
    import gzip
    import json

    from airflow.providers.common.compat.sdk import ObjectStoragePath

    directory = ObjectStoragePath(export["path"])
    manifest = json.loads((directory / "_manifest.json").read_text())
    found: dict[str, None] = {}
    for file in manifest["files"]:
        with (directory / file["name"]).open("rb") as compressed, gzip.open(compressed) as lines:
            for line in lines:
                row = json.loads(line)
                if row.get("resolutionStatus") == "unanswered":
                    found[row["id"]] = None
                if len(found) == MAX_TRANSCRIPTS:
                    return list(found)
    return list(found)


with DAG(
    dag_id="mintlify_threads",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10), "pool": "mintlify_api"},
    tags=["docsanalytics", "mintlify"],
):
    conversations = MintlifyExportOperator(
        task_id="conversations",
        endpoint="conversations",
        path="{{ var.value.docs_lake }}/unanswered/{endpoint}/dt={date_from:%Y-%m-%d}",
        compression="gzip",
    )
    MintlifyExportOperator(
        task_id="threads",
        endpoint="threads",
        thread_ids=unanswered_threads(conversations.output),
        path="{{ var.value.docs_lake }}/unanswered/{endpoint}/dt={{ data_interval_start | ds }}",
        # A rerun may find other unanswered conversations: other IDs are another export.
        if_exists="replace",
    )
