"""Page by page, with a cursor to resume from later."""

from __future__ import annotations

from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

WINDOW = {"date_from": "2026-01-10", "date_to": "2026-01-20"}

hook = MintlifyHook()
first = next(hook.iter_pages("searches", **WINDOW))
print(len(first.rows), "rows as JSON text, such as", first.rows[0])
print("totals of the complete window:", first.totals)

for page in hook.iter_pages("searches", **WINDOW, cursor=first.next_cursor):
    print(len(page.decode()), "more rows, as dictionaries")
