"""An export of all new conversations, whenever some have arrived.

You need Airflow 3.3, a triggerer, a connection ``mintlify_default`` and a variable ``docs_lake``.
The triggerer polls once in 15 minutes: 4 requests of the hourly 100, however many Dags watch. On
Airflow 3.0 to 3.2 the watcher works too, but there is no state store for ``claim``.

Each run claims its window once: from the end of the last claim to the time the run was created. So
there is no gap between windows. A run that is retried or cleared exports its own window again. A
run that fails leaves a gap until you clear it; no other run exports what it claimed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

NEWS = Asset(
    "new_conversations",
    watchers=[
        AssetWatcher(
            name="mintlify_conversations",
            trigger=MintlifyConversationTrigger(poke_interval_s=900),
        )
    ],
)
FIRST_WINDOW = timedelta(days=1)

with DAG(
    dag_id="react_to_new_conversations",
    schedule=[NEWS],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,  # one claim after the other
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
    tags=["docsanalytics", "mintlify"],
):

    @task(inlets=[NEWS])
    def claim(
        asset_state_store: Any = None, task_state_store: Any = None, dag_run: Any = None
    ) -> dict[str, str]:
        """Return the window of this run: always the same, and adjacent to those of other runs."""
        state = asset_state_store[NEWS]
        claimed_to = state.get("claimed_to", default="")
        window = task_state_store.get("window")
        if window is None:
            end = dag_run.run_after.astimezone(UTC)
            start = claimed_to or (end - FIRST_WINDOW).isoformat(timespec="milliseconds")
            window = {"from": start, "to": end.isoformat(timespec="milliseconds")}
            if window["from"] >= window["to"]:
                raise AirflowSkipException(f"All up to {start} is claimed by earlier runs.")
            task_state_store.set("window", window)
        if window["to"] > claimed_to:
            state.set("claimed_to", window["to"])
        return window

    window = claim()
    MintlifyExportOperator(
        task_id="export",
        endpoint="conversations",
        path="{{ var.value.docs_lake }}/news/{endpoint}/from={date_from:%Y-%m-%dT%H%M%SZ}",
        date_from=window["from"],
        date_to=window["to"],
        compression="gzip",
        pool="mintlify_api",
        deferrable=True,
    )
