"""Dags as people write them first: a cron schedule and no dates; outlets; moving dates; a key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, AssetAlias
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_docsanalytics.assets import mintlify_asset
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS

COMMON: dict[str, Any] = {
    "endpoint": "conversations",
    "path": "{{ var.value.docs_lake }}/windows/{{ dag.dag_id }}/dt={date_from:%Y-%m-%d}",
    "retries": 3,
    "retry_delay": timedelta(0),
}


def _dag(dag_id: str) -> DAG:
    return DAG(
        dag_id, schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
    )


with _dag("cron_without_dates"):
    MintlifyExportOperator(task_id="export", **COMMON)

with _dag("cron_with_lookback"):
    MintlifyExportOperator(task_id="export", lookback=timedelta(days=1), **COMMON)

with _dag("with_outlet"):
    MintlifyExportOperator(
        task_id="export",
        outlets=[mintlify_asset(project_id="acme", endpoint="conversations")],
        date_from="2026-01-08",
        date_to="2026-01-09",
        **COMMON,
    )

with _dag("partitioned"):
    MintlifyExportOperator(
        task_id="export",
        date_from="2026-01-10",
        date_to="2026-01-11",
        partitioned=True,
        outlets=[mintlify_asset(project_id="acme", endpoint="views")],
        **COMMON,
    )

with _dag("expired_key"):
    MintlifyExportOperator(
        task_id="export",
        mintlify_conn_id="expired",
        date_from="2026-01-10",
        date_to="2026-01-11",
        **COMMON,
    )

with _dag("moving_window"):  # the first try fails: see the connection `flaky`
    MintlifyExportOperator(
        task_id="export",
        mintlify_conn_id="flaky",
        date_from="2026-01-01",
        date_to="{{ macros.datetime.utcnow() }}",
        settle=timedelta(0),
        pages_per_file=1,
        **COMMON
        | {
            "endpoint": "feedback",
            "path": "{{ var.value.docs_lake }}/windows/{{ dag.dag_id }}/"
            + ("{date_to:%H%M%S%f}" if AIRFLOW_V_3_3_PLUS else "x"),
        },
    )

with DAG(
    "native_rendering",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    render_template_as_native_obj=True,
    params={"assistant": "661e30"},
):
    VyomExportOperator.partial(
        task_id="export",
        date_from="{{ data_interval_start }}",
        date_to="{{ ds_nodash }}",
        filters={"assistant_id": "{{ params.assistant }}"},
        path="{{ var.value.docs_lake }}/windows/{{ dag.dag_id }}/{endpoint}",
    ).expand(endpoint=["calls_by_time", "calls_by_phone_number"])

with DAG(
    "day_in_tokyo",
    schedule=CronDataIntervalTimetable("@daily", timezone="Asia/Tokyo"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    MintlifyExportOperator(
        task_id="export",
        partitioned=True,
        outlets=[Asset(uri="x://lake/tokyo", name="tokyo")] if AIRFLOW_V_3_0_PLUS else [],
        **COMMON,
    )

if AIRFLOW_V_3_0_PLUS:
    from airflow.sdk.definitions.asset import Model

    BY_NAME, BY_URI = Asset("by_name", "x://lake/by_name"), Asset("by_uri", "x://lake/by_uri")
    with DAG("consumer", schedule=[BY_NAME, BY_URI], start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        MintlifyExportOperator(task_id="export", date_from="2026-01-10", **COMMON)

    with _dag("outlets_of_every_kind"):
        MintlifyExportOperator(
            task_id="export",
            date_from="2026-01-10",
            date_to="2026-01-11",
            partitioned=True,
            outlets=[
                Asset("plain", "x://lake/plain"),
                Model("a_model", "x://lake/a_model"),
                Asset.ref(name="by_name"),
                Asset.ref(uri="x://lake/by_uri"),
                AssetAlias("an_alias"),
                Asset("this", "x://lake/this") | Asset("that", "x://lake/that"),
            ],
            **COMMON,
        )
