"""The rows of one window, in Python, without Airflow's scheduler."""

from __future__ import annotations

from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

hook = MintlifyHook()  # the connection mintlify_default
for row in hook.iter_rows("searches", date_from="2026-01-10", date_to="2026-01-11"):
    print(row["searchQuery"], row["hits"])
