"""Operators on a lake: the directory below which exports are stored."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_docsanalytics._airflow_retry import (
    DEFAULT_RETRY_POLICY,
    airflow_failures,
    check_retry_policy,
)
from airflow_provider_docsanalytics._rendering import KeepsText
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._lake import (
    check_page,
    check_root,
    files_at,
    period_of,
    write_file,
    write_report,
)
from airflow_provider_docsanalytics.operators.links import AuditLink, ReportLink
from airflow_provider_docsanalytics.parameters import (
    check_texts,
    duration,
    flag,
    holds_template,
    one_of,
    site_url,
)
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_docsanalytics.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, ObjectStoragePath
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import RetryPolicy

    from airflow_provider_docsanalytics.lake.finding import Report
    from airflow_provider_docsanalytics.parameters import Reference

FailOn = Literal["error", "warning", "never"]
_FAIL_ON = ("error", "warning", "never")
_MOST_FINDINGS = 20
"""In XCom; the report has all of them."""
_LONGEST_STEP = timedelta(days=3660)


class LakeAuditOperator(KeepsText, BaseOperator):
    """Proves a lake from its files: nothing is changed, no request is sent to a service.

    What an audit finds, and what to do about it: see the documentation's page about audits.

    Args:
        lake: the root of the exports, what stands before the first field of ``path``: an absolute
            path, or a URL of any ``ObjectStoragePath`` (templated).
        storage_conn_id: Airflow connection for ``lake`` and ``report`` (templated).
        deep: also read every file: checksums, rows, keys that come twice, sums. That reads the
            whole lake.
        since: leave out windows that end before this date, ISO 8601; no zone means UTC (templated).
        until: up to when there should be exports, as ``since`` (templated). Default: now.
        every: how often each series is exported. Default: learned from each series.
        fail_on: ``error``: fail if there is an error; ``warning``: fail on every finding;
            ``never``: only log them. A task that fails for that reason is not retried.
        report: a file to write the report to, as JSON: a path or URL as ``lake``, such as
            ``s3://my-bucket/audits/{{ ds }}.json`` (templated). Default: none is written.
        retry_policy: Airflow 3.3+. As in every operator of this provider.

    Returns:
        (XCom) ``lake``, ``exports``, ``rows``, ``errors`` and ``warnings`` (counts), ``codes``
        (code to count), ``findings`` (the first 20, errors first, each with ``code``,
        ``severity``, ``where``, ``what`` and ``do``), ``report`` (its URL, or ``None``). Also if
        the task fails for what it found.

    Raises:
        ConfigError: a parameter or the connection is wrong, or there are no exports in ``lake``.
        StorageError: the storage failed.
    """

    template_fields: Sequence[str] = ("lake", "storage_conn_id", "since", "until", "report")
    operator_extra_links: Collection[BaseOperatorLink] = (AuditLink(),)
    ui_color = "#e6f2ec"
    custom_operator_name = "Lake audit"
    summary: dict[str, Any] | None = None
    """What was returned: set only in the process in which the audit ran."""

    def __init__(
        self,
        *,
        lake: str | PurePath | ObjectStoragePath | Reference,
        storage_conn_id: str | Reference | None = None,
        deep: bool = False,
        since: str | date | Reference | None = None,
        until: str | date | Reference | None = None,
        every: timedelta | None = None,
        fail_on: FailOn = "error",
        report: str | PurePath | ObjectStoragePath | Reference | None = None,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        check_retry_policy(retry_policy)
        if AIRFLOW_V_3_3_PLUS:
            kwargs["retry_policy"] = retry_policy
        super().__init__(**kwargs)
        # What templates and other tasks give is checked when the task runs.
        self.lake: Any = lake
        self.storage_conn_id: Any = storage_conn_id
        self.deep = deep
        self.since: Any = since
        self.until: Any = until
        self.every = every
        self.fail_on = fail_on
        self.report: Any = report
        self._check_parameters(parsing=True)

    def execute(self, context: Context) -> dict[str, Any]:
        """Audit the lake; return the summary for XCom, or fail with it."""
        from airflow_provider_docsanalytics.lake.audit import Scope, audit

        with airflow_failures():
            self._check_parameters()
            scope = Scope(
                until=datetime.now(UTC) if self.until is None else self._instant("until"),
                since=None if self.since is None else self._instant("since"),
                every=self.every,
                deep=self.deep,
            )
            files = files_at(self.lake, self.storage_conn_id)
            report = audit(files, scope, lambda text: self.log.info("%s", text))
            if self.report is not None:
                write_file(self.report, report.as_json(), self.storage_conn_id)
        self.summary = self._summary_of(report)
        self._log_findings(report)
        failing = report.findings if self.fail_on == "warning" else report.errors
        if failing and self.fail_on != "never":
            context["ti"].xcom_push(key="return_value", value=self.summary)
            raise AirflowFailException(_failure(report))
        return self.summary

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - as OpenLineage calls it
        """Return the lake as a dataset, with an assertion for each code."""
        return self._lineage()

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - as OpenLineage calls it
        """Return the same, also if the task failed for what it found."""
        return self._lineage()

    def _lineage(self) -> OperatorLineage[Any, Any]:
        from airflow_provider_docsanalytics._openlineage import lineage_of_audit
        from airflow_provider_docsanalytics.lake.finding import CODES, DEEP

        assertions: dict[str, bool] = {}
        if self.summary is not None:
            codes = [code for code in CODES if self.deep or code not in DEEP]
            assertions = {code: code not in self.summary["codes"] for code in codes}
        return lineage_of_audit(str(self.lake), assertions)

    def _check_parameters(self, *, parsing: bool = False) -> None:
        """Raise :class:`ConfigError` for a wrong parameter, of templates only once rendered."""
        for name in ("lake", "report"):
            value = getattr(self, name)
            if not (holds_template(value) and parsing) and not (name == "report" and value is None):
                setattr(self, name, check_root(name, value))
        check_texts(self, parsing=parsing)
        flag("deep", self.deep)
        one_of("fail_on", self.fail_on, _FAIL_ON)
        if self.every is not None:
            duration("every", self.every, _LONGEST_STEP)
            if not self.every:
                raise ConfigError("every=0 is no time.\nWrite one, such as timedelta(days=1).")
        for name in ("since", "until"):
            value = getattr(self, name)
            if value is not None and not (holds_template(value) and parsing):
                self._instant(name)

    def _instant(self, name: str) -> datetime:
        return parse_instant(getattr(self, name), name)

    def _summary_of(self, report: Report) -> dict[str, Any]:
        import msgspec

        return {
            "lake": report.lake,
            "exports": report.exports,
            "rows": report.rows,
            "errors": len(report.errors),
            "warnings": len(report.findings) - len(report.errors),
            "codes": dict(Counter(each.code for each in report.findings)),
            "findings": msgspec.to_builtins(report.findings[:_MOST_FINDINGS]),
            "report": self.report,
        }

    def _log_findings(self, report: Report) -> None:
        for each in report.findings[:_MOST_FINDINGS]:
            log = self.log.error if each.severity == "error" else self.log.warning
            log("%s: %s: %s\n%s", each.code, each.where, each.what, each.do)
        if len(report.findings) > _MOST_FINDINGS:
            self.log.warning("%d more findings", len(report.findings) - _MOST_FINDINGS)
        self.log.info("Audited %s: %d exports, %d rows", report.lake, report.exports, report.rows)


class LakeReportOperator(KeepsText, BaseOperator):
    """Writes one HTML page about a period of a lake, for the people who write the documentation.

    What changed, which questions stayed unanswered, which searches led nowhere, which pages were
    rated badly, and whether the data is complete: see the documentation's page about reports. The
    page has no scripts and loads nothing. No request is sent to a service. Workers need the extra
    ``[lake]``.

    Args:
        lake: the root of the exports, what stands before the first field of ``path``: an absolute
            path, or a URL of any ``ObjectStoragePath`` (templated).
        report: the page's file, which ends in ``.html``: a path or URL as ``lake``, such as
            ``s3://my-bucket/reports/{{ ds }}.html`` (templated). An existing page is replaced.
        storage_conn_id: Airflow connection for ``lake`` and ``report`` (templated).
        date_from: start of the period, ISO 8601; no zone means UTC (templated). Default: the last
            week, Monday to Sunday, that the lake covers.
        date_to: its end, which is not part of it (templated). Give both or none.
        base_url: where the site is, such as ``https://example.com/docs``, so that the page links
            to its pages (templated).
        retry_policy: Airflow 3.3+. As in every operator of this provider.

    Returns:
        (XCom) ``report`` (the page's URL), ``date_from`` and ``date_to`` (``None`` if the lake has
        no exports), ``questions`` and ``unanswered`` (counts), ``redacted`` (how many e-mail
        addresses, keys and numbers were taken out of readers' texts), ``complete`` (whether every
        export of the period is there).

    Raises:
        ConfigError: a parameter or the connection is wrong, or there is no lake.
        StorageError: the storage failed.
    """

    template_fields: Sequence[str] = (
        *("lake", "report", "storage_conn_id"),
        *("date_from", "date_to", "base_url"),
    )
    operator_extra_links: Collection[BaseOperatorLink] = (ReportLink(),)
    ui_color = "#e6f2ec"
    custom_operator_name = "Lake report"
    summary: dict[str, Any] | None = None
    """What was returned: set only in the process in which the page was written."""

    def __init__(
        self,
        *,
        lake: str | PurePath | ObjectStoragePath | Reference,
        report: str | PurePath | ObjectStoragePath | Reference,
        storage_conn_id: str | Reference | None = None,
        date_from: str | date | Reference | None = None,
        date_to: str | date | Reference | None = None,
        base_url: str | Reference | None = None,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        check_retry_policy(retry_policy)
        if AIRFLOW_V_3_3_PLUS:
            kwargs["retry_policy"] = retry_policy
        super().__init__(**kwargs)
        # What templates and other tasks give is checked when the task runs.
        self.lake: Any = lake
        self.report: Any = report
        self.storage_conn_id: Any = storage_conn_id
        self.date_from: Any = date_from
        self.date_to: Any = date_to
        self.base_url: Any = base_url
        self._check_parameters(parsing=True)

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - as Airflow calls it
        """Write the page; return the summary for XCom."""
        with airflow_failures():
            self._check_parameters()
            made = write_report(
                lake=self.lake,
                report=self.report,
                date_from=self.date_from,
                date_to=self.date_to,
                base_url=self.base_url,
                storage_conn_id=self.storage_conn_id,
            )
        self.summary = {"report": self.report, **made._asdict()}
        del self.summary["html"]
        if not made.complete:
            self.log.warning("The page is incomplete: exports of its period are missing")
        self.log.info("Wrote %s, about %s to %s", self.report, made.date_from, made.date_to)
        return self.summary

    def _check_parameters(self, *, parsing: bool = False) -> None:
        """Raise :class:`ConfigError` for a wrong parameter, of templates only once rendered."""
        check_texts(self, parsing=parsing)
        for name, check in (("lake", partial(check_root, "lake")), ("report", check_page)):
            value = getattr(self, name)
            if not (parsing and holds_template(value)):
                setattr(self, name, check(value))
        if self.base_url is not None and not (parsing and holds_template(self.base_url)):
            self.base_url = site_url("base_url", self.base_url)
        dates = (self.date_from, self.date_to)
        if not (parsing and any(map(holds_template, dates))):
            period_of(*dates)


def _failure(report: Report) -> str:
    codes = Counter(each.code for each in report.findings)
    listed = ", ".join(f"{code} ({count})" for code, count in codes.items())
    first = report.findings[0]
    where = f"{first.where}: {first.what}"
    return f"{report.lake}: the audit found {listed}. The first: {where}\n{first.do}"
