"""The export operator that both platforms share."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_docsanalytics._airflow_retry import (
    DEFAULT_RETRY_POLICY,
    airflow_failures,
    retry_delay_s,
)
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.operators import _pinned
from airflow_provider_docsanalytics.operators._checks import check_given, check_windowed, is_mapped
from airflow_provider_docsanalytics.operators._events import announce, partition_of
from airflow_provider_docsanalytics.operators._path import (
    fields_of,
    fill,
    path_text,
    verbatim,
    without_connection,
)
from airflow_provider_docsanalytics.operators._pinned import Pin
from airflow_provider_docsanalytics.operators._storage import directory_at
from airflow_provider_docsanalytics.operators._waiting import (
    defer_for,
    pin_of,
    wait_until,
    waits_of,
)
from airflow_provider_docsanalytics.operators._window import resolve_window
from airflow_provider_docsanalytics.operators.links import ManifestLink
from airflow_provider_docsanalytics.parameters import KeepsText, check_texts
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_docsanalytics.api.endpoint import Selection
    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.export.plan import Plan
    from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
    from airflow_provider_docsanalytics.window import DateWindow


class ExportOperator(KeepsText, BaseOperator):
    """Exports one window of one endpoint into a directory: whole, or not at all.

    Use a platform's subclass. Everything is checked before the first request, and errors say which
    parameter to change.

    Args:
        endpoint: a name of the endpoint table (templated).
        path: directory of this export, absolute or a URL of any ``ObjectStoragePath`` (templated).
            ``{platform}``, ``{endpoint}``, ``{project_id}``, ``{date_from:%Y-%m-%d}`` and
            ``{date_to:…}`` are filled in after Jinja. Dates are written in the zone in which the
            window was given: the Dag's for a data interval, its own for ``date_from``.
        storage_conn_id: Airflow connection for ``path`` (templated).
        storage_options: more options for the file system of ``path``, under its own names
            (templated), such as ``{"requester_pays": True}`` for S3. No credentials: they belong
            into the connection. They are no part of an export's identity.
        date_from: first instant of the window, ISO 8601; no zone means UTC (templated). Default:
            the start of the run's data interval. The window is fixed at the first try of a run:
            a date that depends on the clock does not move it after a wait or a retry.
        date_to: first instant after the window (templated). Default: the interval's end.
        lookback: start the window that much earlier. Days are days of the window's zone, also
            those of 23 and 25 hours.
        settle: how long after its end a window is not yet read, since the service may still be
            filling it.
        filters: the endpoint's own filters (templated).
        file_format: ``jsonl``, ``csv``, or ``parquet`` (with the extra ``[parquet]``).
        compression: ``None``, ``gzip`` or ``zstd`` (with the extra ``[zstd]``, but in Parquet).
        escape_formulas: CSV: put ``'`` before text that a spreadsheet program would run.
        pages_per_file: a file is closed and checkpointed every so many pages.
        page_size: rows to ask for at once. Default: the largest page, which costs the fewest
            requests; where that gets no answer, smaller ones are asked for by itself. No part of
            what an export is: a retry with another one resumes.
        if_exists: ``error`` or ``replace``, for a directory that holds a different export. The same
            export is always replaced.
        deferrable: wait in the triggerer for a window to settle, and for a spent quota to return,
            as often as needed in one try. Default: ``[operators] default_deferrable``.
        partitioned: Airflow 3.3+: give the event of every asset among the ``outlets`` the window's
            start as its partition key, ``2026-01-31T00:00:00``, in the zone of the window. Then it
            wakes Dags that are scheduled on partitions, and no others. Events of an alias have no
            partition.
        retry_policy: Airflow 3.3+: default fails at once what no retry can cure, and retries a
            spent quota when it returns.

    Every asset among the ``outlets``, also one named by ``Asset.ref``, gets what is returned as the
    ``extra`` of its event; an ``AssetAlias`` stands for the asset of the endpoint. With the extra
    ``[openlineage]`` a lineage backend hears what was read and written.

    Returns:
        (XCom) ``manifest`` and ``path`` (URIs), ``endpoint``, ``project_id``, ``date_from``,
        ``date_to``, ``rows``, ``pages``, ``requests``, ``bytes``, ``files`` (count), ``uris``
        (of the files), ``totals``.
    """

    template_fields: Sequence[str] = (
        "endpoint",
        "path",
        "storage_conn_id",
        "storage_options",
        "date_from",
        "date_to",
        "filters",
    )
    operator_extra_links: Collection[BaseOperatorLink] = (ManifestLink(),)
    ui_color = "#e6f2ec"
    summary: dict[str, Any] | None = None
    """What was returned: in the process whose export has finished, and in no other."""
    _is_exporting = False

    def __init__(
        self,
        *,
        endpoint: str,
        path: str,
        storage_conn_id: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        date_from: str | datetime | None = None,
        date_to: str | datetime | None = None,
        lookback: timedelta | None = None,
        settle: timedelta = timedelta(minutes=10),
        filters: Mapping[str, Any] | None = None,
        file_format: str = "jsonl",
        compression: str | None = None,
        escape_formulas: bool = False,
        pages_per_file: int = 10,
        page_size: int | None = None,
        if_exists: Literal["error", "replace"] = "error",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        partitioned: bool = False,
        retry_policy: Any = DEFAULT_RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        if AIRFLOW_V_3_3_PLUS:
            kwargs["retry_policy"] = retry_policy
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.path = path
        self.storage_conn_id = storage_conn_id
        self.storage_options = storage_options
        self.date_from = date_from
        self.date_to = date_to
        self.lookback = lookback
        self.settle = settle
        self.filters = filters
        self.file_format = file_format
        self.compression = compression
        self.escape_formulas = escape_formulas
        self.pages_per_file = pages_per_file
        self.page_size = page_size
        self.if_exists = if_exists
        self.deferrable = deferrable
        self.partitioned = partitioned
        self._given = (date_from, date_to, lookback)  # before any template is rendered

    @cached_property
    def hook(self) -> DocsAnalyticsHook:
        """The platform's hook on this task's connection."""
        raise NotImplementedError

    def select(self, context: Context, window: DateWindow | None = None) -> Selection:
        """Return what this run exports, checked; ``window`` as it was chosen before."""
        row = self.hook.platform.endpoint(self.endpoint)
        check_windowed(self, row)
        if row.windowed and window is None:
            window = resolve_window(context, self.date_from, self.date_to, self.lookback)
        return self.hook.select(
            self.endpoint, window=window, page_size=self.page_size, **self.selection_arguments()
        )

    def selection_arguments(self) -> dict[str, Any]:
        """Return the arguments of the hook's ``select`` that only some platforms have."""
        return {"filters": self.filters}

    def execute(self, context: Context) -> dict[str, Any]:
        """Export the window; return the summary that goes to XCom."""
        return self._run(context)

    def resume(self, context: Context, event: Any) -> dict[str, Any]:
        """Go on after a wait in the triggerer: with the checkpoint, on any worker."""
        waits = waits_of(event)
        return self._run(context, waits, pin_of(event), resumed=True)

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Return what is to be read."""
        return self._lineage()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - as OpenLineage calls it
        """Return what was read and, unless the task has failed, what was written."""
        return self._lineage()

    def _lineage(self) -> OperatorLineage[Any, Any]:
        from airflow_provider_docsanalytics._openlineage import lineage_of

        selection = self.hook.select(self.endpoint, **self.selection_arguments())
        return lineage_of(
            self.hook.asset_uri(selection),
            self.summary,
            extra_column=self.file_format != "jsonl",
            verbatim=not self.escape_formulas,
        )

    def on_kill(self) -> None:
        """Stop in order: what was read is published, and a retry asks for none of it again.

        Airflow 3 calls this on SIGTERM and then lets the task go on, until it kills it.
        """
        if self._is_exporting:
            # Every Airflow takes this as a failure that may be retried.
            sys.exit("Airflow has ended this task. What was exported is kept; a retry resumes.")

    def _run(
        self, context: Context, waits: int = 0, pin: Pin | None = None, *, resumed: bool = False
    ) -> dict[str, Any]:
        with airflow_failures():
            selection, plan, directory = self._begin(context, pin, resumed=resumed)
            pin = Pin(selection.window, fill(self.path, fields_of(selection)))
            if selection.window is not None:
                due = selection.window.end + self.settle
                wait_until(self, due, waits, pin, context, deferrable=self.deferrable)
            try:
                manifest = self._export(selection, plan, directory)
            except DocsAnalyticsError as error:
                wait_s = retry_delay_s(error, waits + 1)
                if wait_s is None or not self.deferrable:
                    raise
                self.log.warning("%s", error)
                defer_for(self, wait_s, waits, pin)
            self.summary = _summary(manifest, directory.uri)
            announce(
                context,
                self.outlets,
                self.summary,
                source=self.hook.asset_uri(selection),
                partition=partition_of(selection.window) if self.partitioned else None,
            )
            _pinned.forget(context)
            return self.summary

    def _begin(
        self, context: Context, pin: Pin | None, *, resumed: bool
    ) -> tuple[Selection, Plan, ExportDirectory]:
        """Return what is exported, how, and where to: as at the first try of this run."""
        if is_mapped(self):
            check_given(self, self.hook.platform)
        self.path = path_text(self.path)
        check_texts(self)
        run = _pinned.run_of(context, self._given)
        begun = pin or _pinned.stored(context, run)
        selection = self.select(context, begun.window if begun else None)
        if begun and begun.path is not None:
            self.path = verbatim(begun.path)
        plan, directory = self._plan(selection, run), self._directory(selection)
        if begun is None and selection.window is not None:
            checkpoint = directory.read_checkpoint()
            kept = _pinned.window_in(checkpoint, plan, selection.window, resumed=resumed)
            if kept not in (None, selection.window):
                self.log.info("The window is %s, as this run has begun", kept)
                # The directory stays: it is where that has begun.
                self.path = verbatim(fill(self.path, fields_of(selection)))
                selection = self.select(context, kept)
                plan = self._plan(selection, run)
            _pinned.store(context, run, selection.window)
        return selection, plan, directory

    def _export(self, selection: Selection, plan: Plan, directory: ExportDirectory) -> Manifest:
        from airflow_provider_docsanalytics.export.plan import Source
        from airflow_provider_docsanalytics.export.run import export

        with self.hook.get_conn() as client:
            self.log.info("Exporting %s to %s", selection, directory.uri)
            source = Source(
                name=self.hook.settings.service,
                pages=partial(client.iter_pages, selection),
                requests_sent=lambda: client.requests_sent,
                redact=self.hook.settings.redact,
            )
            self._is_exporting = True
            try:
                return export(plan, directory, source)
            finally:
                self._is_exporting = False

    def _plan(self, selection: Selection, run: str | None) -> Plan:
        from airflow_provider_docsanalytics.export.documents import Identity
        from airflow_provider_docsanalytics.export.plan import Plan

        window = selection.window
        optional: dict[str, Any] = {"escape_formulas": True} if self.escape_formulas else {}
        if not selection.platform.has_projects:
            optional["account"] = self.hook.conn_id
        if selection.endpoint.by_id:
            optional["thread_ids"] = selection.thread_ids
        identity = Identity(
            platform=selection.platform.name,
            endpoint=selection.endpoint.name,
            project_id=selection.project_id,
            date_from=window.date_from if window else None,
            date_to=window.date_to if window else None,
            filters=dict(selection.filters),
            file_format=self.file_format,
            compression=self.compression,
            service=self.hook.settings.service,
            **optional,
        )
        context = {"_project_id": selection.project_id} if selection.project_id else {}
        if window:
            context |= {"_date_from": window.date_from, "_date_to": window.date_to}
        return Plan(
            identity,
            context,
            self.pages_per_file,
            self.if_exists,
            selection.endpoint.fields,
            selection.endpoint.key,
            run,
            by_offset=selection.endpoint.paging.by_offset,
            page_size=selection.smaller_page,
        )

    def _directory(self, selection: Selection) -> ExportDirectory:
        url = fill(self.path, fields_of(selection))
        return directory_at(url, self.storage_conn_id, self.storage_options)


def _summary(manifest: Manifest, uri: str) -> dict[str, Any]:
    from airflow_provider_docsanalytics.export.documents import MANIFEST

    return {
        "manifest": f"{uri}/{MANIFEST}",
        "path": uri,
        "endpoint": manifest.endpoint,
        "project_id": manifest.project_id,
        "date_from": manifest.date_from,
        "date_to": manifest.date_to,
        "rows": manifest.rows,
        "pages": manifest.pages,
        "requests": manifest.requests,
        "bytes": sum(file.bytes for file in manifest.files),
        "files": len(manifest.files),
        "uris": [f"{without_connection(uri)}/{file.name}" for file in manifest.files],
        "totals": manifest.totals,
    }
