"""Dags whose runs have no logical date; as a script, one such run of each, due at the same moment.

usage: undated_runs.py MOMENT
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Variable
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor

LAKE = Variable.get("docs_lake")
DAY = timedelta(days=1)
LONDON = CronDataIntervalTimetable("@daily", timezone="Europe/London")
EXPORTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "intervals": (LONDON, {}),
    "delta": (timedelta(hours=6), {}),  # an interval, with [scheduler] create_cron_data_intervals
    "cron_lookback": (CronTriggerTimetable("@daily", timezone="Asia/Tokyo"), {"lookback": DAY}),
    "no_schedule": (None, {}),
    "no_schedule_lookback": (None, {"lookback": DAY}),
    "logical_date": (LONDON, {"date_from": "{{ ds }}", "date_to": "{{ logical_date }}"}),
    "variable": (LONDON, {"date_from": "{{ var.value.docs_start }}"}),
    "run_after": (
        None,
        {
            "date_from": "{{ (dag_run.run_after - macros.timedelta(days=1)).date() }}",
            "date_to": "{{ dag_run.run_after.date() }}",
        },
    ),
}
DAGS = []
for name, (schedule, arguments) in EXPORTS.items():
    with DAG(
        name, schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
    ) as dag:
        MintlifyExportOperator(
            task_id="export",
            endpoint="views",
            path=f"{LAKE}/{name}/{{date_from:%Y%m%dT%H%M%z}}_{{date_to:%Y%m%dT%H%M%z}}",
            retries=2,
            retry_delay=timedelta(0),
            **arguments,
        )
    DAGS.append(dag)
with DAG("label", schedule=None) as labelled:
    MintlifyExportOperator(
        task_id="export",
        endpoint="views",
        path=f"{LAKE}/label/{{date_from:%Y-%m-%d}}",
        lookback=DAY,
    )
DAGS.append(labelled)
with DAG(
    "sensor", schedule=LONDON, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
) as waiting:
    MintlifyConversationSensor(task_id="wait", timeout=30)
DAGS.append(waiting)

if __name__ == "__main__":
    for each in DAGS:
        run = each.test(logical_date=None, run_after=datetime.fromisoformat(sys.argv[1]))
        print(f"run of {each.dag_id}: {run.state}", flush=True)
