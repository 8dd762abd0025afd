"""Links on a task's page in Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, conf

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

_CONSOLES = {
    "s3": "https://s3.console.aws.amazon.com/s3/object/{bucket}?prefix={key}",
    "gs": "https://console.cloud.google.com/storage/browser/_details/{bucket}/{key}",
}


class ManifestLink(BaseOperatorLink):
    """The manifest of a finished export: a page that shows it, or its path as text.

    For Amazon S3 and Google Cloud Storage, the manifest in the console. For a local disk, Azure and
    all other storage, the task's XCom in Airflow, where the path is: a browser opens no local file
    from a page of Airflow, and an address in the Azure portal needs the ID of the subscription. So
    does an export that is split, which has many manifests.
    """

    name = "Manifest"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the page; ``""`` if the export has not finished."""
        summary = _summary(operator, ti_key)
        return (console_url(summary["manifest"] or "") or _xcom_url(ti_key)) if summary else ""


class AuditLink(BaseOperatorLink):
    """The report of an audit, as JSON: in the console of its storage, or the task's XCom."""

    name = "Audit report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the page; ``""`` if the audit has not run."""
        summary = _summary(operator, ti_key)
        return (console_url(summary["report"] or "") or _xcom_url(ti_key)) if summary else ""


class ReportLink(BaseOperatorLink):
    """The page of a report: in the console of its storage, or the task's XCom."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the page; ``""`` if it has not been written."""
        summary = _summary(operator, ti_key)
        return (console_url(summary["report"]) or _xcom_url(ti_key)) if summary else ""


class AnalyticsLink(BaseOperatorLink):
    """The analytics page of Mintlify's dashboard: https://www.mintlify.com/docs/analytics."""

    name = "Mintlify analytics"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - the base class's signature
        """Return the URL of the page; you choose the project there."""
        return "https://app.mintlify.com/analytics"


def _summary(operator: BaseOperator, ti_key: TaskInstanceKey) -> dict[str, Any] | None:
    """Return the task's XCom, ``None`` if it has not finished."""
    if AIRFLOW_V_3_0_PLUS:  # the worker asks after each run of the task, also when it defers
        return getattr(operator, "summary", None)
    from airflow.providers.common.compat.sdk import XCom

    # The web server asks; its operator has not run.
    summary: dict[str, Any] | None = XCom.get_value(key="return_value", ti_key=ti_key)
    return summary


def _xcom_url(ti_key: TaskInstanceKey) -> str:
    """Return the page of the task's XCom in Airflow."""
    dag, run, task = (quote(part, "") for part in (ti_key.dag_id, ti_key.run_id, ti_key.task_id))
    mapped = ti_key.map_index is not None and ti_key.map_index >= 0
    if AIRFLOW_V_3_0_PLUS:  # relative: the page names its base, wherever Airflow is served
        part = f"/mapped/{ti_key.map_index}" if mapped else ""
        return f"dags/{dag}/runs/{run}/tasks/{task}{part}/xcom"
    part = f"&map_index={ti_key.map_index}" if mapped else ""
    base = conf.get("webserver", "base_url").rstrip("/")
    return f"{base}/dags/{dag}/grid?dag_run_id={run}&task_id={task}{part}&tab=xcom"


def console_url(uri: str) -> str:
    """Return the page of an object in its storage's console, ``""`` where there is none."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.rpartition("@")[2].partition("/")
    return _CONSOLES.get(scheme, "").format(bucket=quote(bucket), key=quote(key))
