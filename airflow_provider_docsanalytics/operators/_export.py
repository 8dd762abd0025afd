"""The export operator that both platforms share."""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_docsanalytics._airflow_retry import (
    DEFAULT_RETRY_POLICY,
    airflow_failures,
    check_retry_policy,
)
from airflow_provider_docsanalytics._object_storage import check_options
from airflow_provider_docsanalytics._rendering import KeepsText
from airflow_provider_docsanalytics._retry import Wait, decide
from airflow_provider_docsanalytics.errors import DocsAnalyticsError, NotFound
from airflow_provider_docsanalytics.operators import _window
from airflow_provider_docsanalytics.operators._asset_events import partitions_of, send_events
from airflow_provider_docsanalytics.operators._job import job_of, path_of
from airflow_provider_docsanalytics.operators._path import check_path, path_text
from airflow_provider_docsanalytics.operators._plan import (
    OutputOptions,
    check_selection,
    source_of,
)
from airflow_provider_docsanalytics.operators._split import check_split, check_splits
from airflow_provider_docsanalytics.operators._waiting import (
    Resumed,
    deferral,
    utc_text,
    way_to_wait,
)
from airflow_provider_docsanalytics.operators.links import ManifestLink
from airflow_provider_docsanalytics.parameters import (
    check_page_size,
    check_texts,
    flag,
    holds_template,
    share,
)
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, ObjectStoragePath
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import RetryPolicy

    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform, Selection
    from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
    from airflow_provider_docsanalytics.operators._job import Exported, Job
    from airflow_provider_docsanalytics.operators._plan import Compression, FileFormat, IfExists
    from airflow_provider_docsanalytics.operators._split import SplitBy
    from airflow_provider_docsanalytics.operators._window import Pinned
    from airflow_provider_docsanalytics.parameters import Reference
    from airflow_provider_docsanalytics.window import DateWindow


class ExportOperator(KeepsText, BaseOperator):
    """Exports one window of one endpoint into one directory; the export is complete or absent.

    Use a platform's subclass.

    Args:
        endpoint: a name of the endpoint table (templated).
        path: directory of this export: an absolute path, or a URL of any ``ObjectStoragePath``;
            text, a ``Path`` or an ``ObjectStoragePath`` (templated). After Jinja, ``{platform}``,
            ``{endpoint}``, ``{project_id}``, ``{date_from:%Y-%m-%d}`` and ``{date_to:…}`` are
            filled in. Dates are written in the zone in which the window was given: the Dag's for a
            data interval, the value's own for ``date_from``.
        storage_conn_id: Airflow connection for ``path`` (templated).
        storage_options: more options for the file system of ``path``, under its own names
            (templated), such as ``{"requester_pays": True}`` for S3. Put credentials into the
            connection instead. Options are not part of an export's identity.
        date_from: first instant of the window, ISO 8601; no zone means UTC (templated). Default:
            the start of the run's data interval. The first try of a run pins the window: after a
            wait or a retry it is the same, even if the date depends on the clock.
        date_to: first instant after the window, as ``date_from`` (templated). Default: the end of
            the run's data interval.
        lookback: start the window that much earlier. Days are days of the window's zone, including
            those of 23 and 25 hours.
        settle: how long to wait after the end of the window, because the service may still be
            adding data; 0 to 300 days.
        filters: the endpoint's own filters, name to value or list of values (templated).
        file_format: ``jsonl``, ``csv``, or ``parquet`` (needs the extra ``[parquet]``).
        compression: ``None``, ``gzip`` (faster with the extra ``[isal]``) or ``zstd`` (outside
            Parquet, needs the extra ``[zstd]``).
        escape_formulas: CSV only: put ``'`` before text that a spreadsheet program would run.
        pages_per_file: pages in one file, at least 1. The checkpoint moves after each file, so a
            killed worker costs at most this many requests again.
        page_size: rows per request. Default: the largest page, which costs the fewest requests; if
            the service does not respond to it, the client tries smaller pages. Not part of an
            export's identity: a retry with another page size resumes.
        if_exists: ``error`` or ``replace``, for a directory that holds a different export. The same
            export is always replaced.
        deferrable: wait in the triggerer, as often as needed in one try, until the window has
            settled and until a spent quota returns. Default: ``[operators] default_deferrable``.
        partitioned: Airflow 3.3+: give the events of all assets in ``outlets`` the start of the
            window as partition key, ``2026-01-31T00:00:00``, in the window's zone. Such an event
            triggers Dags that are scheduled on partitions, and no others. Events of an
            ``AssetAlias`` have no partition.
        quota_share: with a ``ledger`` in the connection's extra: send a request only while the
            whole organisation has used less than this share of the last hour's quota; more than 0,
            at most 1. A backfill with 0.6 always leaves room for others.
        retry_policy: Airflow 3.3+. The default fails at once on an error that no retry fixes, and
            retries when a spent quota returns.

    The event of each asset in ``outlets``, including one from ``Asset.ref``, has the returned
    dictionary as its ``extra``; an ``AssetAlias`` gets the event of the endpoint's asset. With the
    extra ``[openlineage]``, the operator reports what it reads and writes as OpenLineage datasets.

    Returns:
        (XCom) ``manifest`` and ``path`` (URIs), ``endpoint``, ``project_id``, ``date_from``,
        ``date_to``, ``rows``, ``pages``, ``requests``, ``bytes``, ``files`` (count), ``uris``
        (of the files), ``totals``.

    Raises:
        ConfigError: a parameter or the connection is wrong: when the Dag is parsed, or, for values
            that come from templates, before the first request.
        DocsAnalyticsError: the service or the storage failed. The pages so far are stored, and a
            retry resumes after them.
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
    """What was returned: set only in the process in which the export finished."""
    split: SplitBy | None = None
    _platform: ClassVar[Platform]
    _is_exporting = False
    _directories: Sequence[dict[str, Any]] = ()  # their summaries

    def __init__(
        self,
        *,
        endpoint: str | Reference,
        path: str | PurePath | ObjectStoragePath | Reference,
        storage_conn_id: str | Reference | None = None,
        storage_options: Mapping[str, Any] | str | Reference | None = None,
        date_from: str | date | Reference | None = None,
        date_to: str | date | Reference | None = None,
        lookback: timedelta | None = None,
        settle: timedelta = timedelta(minutes=10),
        filters: Mapping[str, Any] | str | Reference | None = None,
        file_format: FileFormat = "jsonl",
        compression: Compression | None = None,
        escape_formulas: bool = False,
        pages_per_file: int = 10,
        page_size: int | None = None,
        if_exists: IfExists = "error",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        partitioned: bool = False,
        quota_share: float = 1.0,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        check_retry_policy(retry_policy)
        if AIRFLOW_V_3_3_PLUS:
            kwargs["retry_policy"] = retry_policy
        super().__init__(**kwargs)
        # What templates and other tasks give is checked when the task runs.
        self.endpoint: Any = endpoint
        self.path: Any = path
        self.storage_conn_id: Any = storage_conn_id
        self.storage_options: Any = storage_options
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
        self.quota_share = quota_share
        self._dates_as_written = (date_from, date_to, lookback)  # before templates are rendered

    @cached_property
    def hook(self) -> DocsAnalyticsHook:
        """The platform's hook on this task's connection."""
        raise NotImplementedError

    def selection_arguments(self) -> dict[str, Any]:
        """Return the arguments of the hook's ``select`` that only some platforms have."""
        return {"filters": self.filters}

    def select(self, context: Context, window: DateWindow | None = None) -> Selection:
        """Return what this run exports, checked; ``window`` if it is pinned."""
        if self._endpoint().windowed and window is None:
            window = _window.resolve_window(context, self.date_from, self.date_to, self.lookback)
        return self.hook.select(
            self.endpoint, window=window, page_size=self.page_size, **self.selection_arguments()
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Export the window; return the summary for XCom."""
        return self._run(context)

    def resume(self, context: Context, event: Any) -> dict[str, Any]:
        """Resume from the checkpoint, on any worker, after a wait in the triggerer."""
        return self._run(context, Resumed.from_event(event))

    def on_kill(self) -> None:
        """Stop in order: what was read is published, and a retry resumes after it.

        Airflow 3 calls this on SIGTERM and then lets the task continue until it kills it.
        """
        if self._is_exporting:
            # Every Airflow counts this as a failure that may be retried.
            sys.exit("Airflow has stopped this task. The exported rows are kept; a retry resumes.")

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Return what the task will read."""
        return self._lineage()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - as OpenLineage calls it
        """Return what the task has read and, unless it failed, what it has written."""
        return self._lineage()

    def _lineage(self) -> OperatorLineage[Any, Any]:
        from airflow_provider_docsanalytics._openlineage import lineage_of

        selection = self.hook.select(self.endpoint, **self.selection_arguments())
        return lineage_of(
            self.hook.asset_uri(selection),
            self._directories,
            extra_column=self.file_format != "jsonl",
            verbatim=not self.escape_formulas,
        )

    def _check_parameters(self) -> None:
        """Raise :class:`ConfigError` for a parameter that is wrong and contains no template.

        A subclass calls this at the end of ``__init__``, when the Dag is parsed: nothing is read,
        connected to or rendered, and no package has to be installed, because the Dag may be parsed
        elsewhere. A task of a mapped operator is created when it runs, where Airflow would retry an
        error of ``__init__``; its parameters are checked in :meth:`execute`.
        """
        self.path = check_path(self.path)
        check_texts(self, parsing=True)
        flag("deferrable", self.deferrable)
        flag("partitioned", self.partitioned)
        share("quota_share", self.quota_share)
        OutputOptions.of(self).check()
        check_page_size(self.page_size)
        if self.storage_options is not None and not holds_template(self.storage_options):
            check_options(self.storage_options)
        dates = (self.date_from, self.date_to, self.lookback)
        _window.check_dates(*dates, self.settle)
        check_split(self.split, self.path, dates)
        if not holds_template(self.endpoint):
            arguments = self.selection_arguments()
            check_selection(self._platform, self._endpoint(), arguments, self.path, self.page_size)

    @property
    def _was_mapped(self) -> bool:
        """Whether this is one task of a mapped operator."""
        return bool(getattr(self, "_BaseOperator__from_mapped", False))

    def _endpoint(self) -> Endpoint:
        """Return the endpoint; refuse dates where it takes none."""
        endpoint = self._platform.endpoint(self.endpoint)
        dates = (self.date_from, self.date_to, self.lookback)
        _window.check_takes_dates(endpoint, dates, partitioned=self.partitioned)
        if self.split:
            check_splits(endpoint)
        return endpoint

    def _run(self, context: Context, resumed: Resumed | None = None) -> dict[str, Any]:
        waits = resumed.waits if resumed else 0
        with airflow_failures():
            job = self._begin(context, resumed)
            self._settle(context, waits, job.pinned)
            try:
                self.summary, self._directories = self._export(job)
            except DocsAnalyticsError as error:
                decision = decide(error, waits + 1)
                if not isinstance(decision, Wait) or not self.deferrable:
                    raise
                self.log.warning("%s", error)
                self._defer(decision.delay_s, waits, job.pinned)
            send_events(
                context,
                self.outlets,
                self.summary,
                source=self.hook.asset_uri(job.selection),
                partitions=partitions_of(job.windows) if self.partitioned else (),
            )
            _window.clear_pinned(context)
            return self.summary

    def _begin(self, context: Context, resumed: Resumed | None) -> Job:
        """Return what is exported, how, and where to: as pinned by the first try of this run."""
        if self._was_mapped:
            self._check_parameters()
        self.path = path_text(self.path)
        check_texts(self)
        run = _window.run_id_of(context, self._dates_as_written)
        pinned = (resumed and resumed.pinned) or _window.load_pinned(context, run)
        selection = self.select(context, pinned.window if pinned else None)
        self.path = path_of(pinned, self)
        job = job_of(self, self.hook, selection, run)
        if pinned is None and selection.window is not None:
            if misleads := job.label_warning:
                self.log.warning("%s", misleads)
            begun = None
            if resumed or (run and self._dates_as_written[:2] != (None, None)):
                # Else the window is the run's own, the same in every try.
                begun = _window.window_of_checkpoint(
                    job.directory.read_checkpoint(),
                    job.plan,
                    selection.window,
                    resumed=resumed is not None,
                )
            if begun not in (None, selection.window):
                self.log.info("Resuming with the window that this run started with: %s", begun)
                self.path = path_of(job.pinned, self)  # where that export started
                job = job_of(self, self.hook, self.select(context, begun), run)
            _window.save_pinned(context, run, job.selection.window)
        return job

    def _export(self, job: Job) -> Exported:
        with self.hook.get_conn() as client:
            self.log.info("Exporting %s to %s", job.selection, job.directory.uri)
            self._is_exporting = True
            try:
                return job.run(source_of(client, job.selection, self.hook.settings))
            except NotFound as error:
                project_id = job.selection.project_id
                error.place = error.place or self.hook.settings.place_of(project_id)
                raise
            finally:
                self._is_exporting = False

    def _settle(self, context: Context, waits: int, pinned: Pinned) -> None:
        """Return once the window has settled; a long wait ends this run of the task instead."""
        if pinned.window is None:
            return
        due = pinned.window.end + self.settle
        wait_s = (due - datetime.now(UTC)).total_seconds()
        if wait_s <= 0:
            return
        self.log.info(
            "Waiting until %s (settle=%g min): %s may still be adding data.",
            utc_text(due),
            self.settle / timedelta(minutes=1),
            self._platform.title,
        )
        rescheduled = bool(context.get("task_reschedule_count"))
        match way_to_wait(wait_s, deferrable=self.deferrable, rescheduled=rescheduled):
            case "defer":
                self._defer(wait_s, waits, pinned)
            case "reschedule":
                raise AirflowRescheduleException(due)  # type: ignore[no-untyped-call]
            case "sleep":
                time.sleep(wait_s)

    def _defer(self, wait_s: float, waits: int, pinned: Pinned) -> NoReturn:
        """End this run of the task; it resumes after ``wait_s``, at least a minute."""
        until, trigger, timeout = deferral(wait_s, waits + 1, pinned)
        self.log.info("Waiting in the triggerer until %s (wait %d)", utc_text(until), waits + 1)
        self.defer(trigger=trigger, method_name="resume", timeout=timeout)
        raise AssertionError("defer has returned")
