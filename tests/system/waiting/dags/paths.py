"""One export of any endpoint, deferring; all that it takes comes in the run's ``conf``."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator

COMMON = {
    "task_id": "export",
    "endpoint": "{{ dag_run.conf['endpoint'] }}",
    "path": "{{ dag_run.conf['path'] }}",
    "date_from": "{{ dag_run.conf.get('date_from') }}",
    "date_to": "{{ dag_run.conf.get('date_to') }}",
    "pages_per_file": 2,
    "deferrable": True,
}
CONNECTION = "{{ dag_run.conf['conn_id'] }}"

# Native: no date and no thread ID is None then, and a list is a list.
with DAG("e2e_path_mintlify", schedule=None, render_template_as_native_obj=True) as mintlify:
    MintlifyExportOperator(
        mintlify_conn_id=CONNECTION,
        thread_ids="{{ dag_run.conf.get('thread_ids') }}",
        **COMMON,
    )

with DAG("e2e_path_vyom", schedule=None, render_template_as_native_obj=True) as vyom:
    VyomExportOperator(vyom_conn_id=CONNECTION, **COMMON)

DAGS = {"mintlify": mintlify, "vyom": vyom}
