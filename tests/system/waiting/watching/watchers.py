"""50 assets with a watcher each, and a Dag for each; put among the Dags when its scenario runs.

Half of the watchers are equal, which makes them one to Airflow; the others differ.
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetWatcher

from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

WATCHERS = 50
INTERVAL_S = 10
STARTED_FROM = "2026-01-01T00:00:00.000Z"


def trigger(number: int) -> MintlifyConversationTrigger:
    """Return a trigger that is like the others, or that only has the poll in common with them."""
    return MintlifyConversationTrigger(
        mintlify_conn_id="e2e_watched",
        poke_interval_s=INTERVAL_S,
        since=STARTED_FROM,
        minimum=1 if number % 2 else number + 1,
    )


for number in range(WATCHERS):
    watcher = AssetWatcher(name=f"watcher_{number:02}", trigger=trigger(number))
    asset = Asset(f"e2e_news_{number:02}", watchers=[watcher])
    with DAG(f"e2e_watch_{number:02}", schedule=[asset]):
        EmptyOperator(task_id="nothing")
