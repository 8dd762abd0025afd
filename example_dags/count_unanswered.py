"""How many of a day's questions stayed unanswered: the hook in your own task.

The task counts rows as their pages arrive; only the counts go through XCom. You need a connection
``mintlify_default``.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook


@task
def count_answers(data_interval_start: Any = None, data_interval_end: Any = None) -> dict[str, int]:
    """Return how many turns were ``answered`` and ``unanswered``: one request per 1000 turns."""
    rows = MintlifyHook().iter_rows(
        "conversations", date_from=data_interval_start, date_to=data_interval_end
    )
    return dict(Counter(row.get("resolutionStatus", "unknown") for row in rows))


@task
def report(counts: dict[str, int]) -> str:
    """Return a sentence for the team that writes the documentation."""
    asked, unanswered = sum(counts.values()), counts.get("unanswered", 0)
    return f"{unanswered} of {asked} questions stayed unanswered."


with DAG(
    dag_id="count_unanswered",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
    tags=["docsanalytics", "mintlify"],
):
    report(count_answers())
