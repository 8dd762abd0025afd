"""The export operator for Mintlify."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_docsanalytics._airflow_retry import DEFAULT_RETRY_POLICY
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.operators._export import ExportOperator
from airflow_provider_docsanalytics.operators.links import AnalyticsLink

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import date
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import BaseOperatorLink, ObjectStoragePath
    from airflow.sdk import RetryPolicy

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
    from airflow_provider_docsanalytics.operators._plan import Compression, FileFormat, IfExists
    from airflow_provider_docsanalytics.operators._split import SplitBy
    from airflow_provider_docsanalytics.parameters import Reference


class MintlifyExportOperator(ExportOperator):
    """Exports one window of a Mintlify endpoint into one directory.

    All other parameters, the returned dictionary and the errors are those of
    :class:`~airflow_provider_docsanalytics.operators._export.ExportOperator`.

    Args:
        split: ``"day"``: read the window once, and export each day into a directory of its own, as
            a task for that day alone would. For ``conversations`` and ``feedback``, whose rows
            have a time of their own. ``path`` needs ``{date_from:%Y-%m-%d}``, and the window whole
            days in its zone. In the returned dictionary ``manifests`` has the URI of each day's
            manifest, and ``manifest`` is ``None``.
        project_id: the Mintlify project (templated). Default: the connection's login.
        thread_ids: only for the endpoint ``threads``, and required there: a list of thread IDs
            (templated). Each costs one request. The manifest lists IDs that do not exist under
            ``missing``; if none exists, the task fails with ``NotFound``.
        mintlify_conn_id: the Airflow connection, of type ``mintlify`` (templated).
    """

    template_fields: Sequence[str] = (
        *ExportOperator.template_fields,
        "project_id",
        "thread_ids",
        "mintlify_conn_id",
    )
    custom_operator_name = "Mintlify export"
    _platform = MINTLIFY
    operator_extra_links: Collection[BaseOperatorLink] = (
        *ExportOperator.operator_extra_links,
        AnalyticsLink(),
    )

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
        split: SplitBy | None = None,
        project_id: str | Reference | None = None,
        thread_ids: Sequence[str] | AbstractSet[str] | Reference | None = None,
        mintlify_conn_id: str | Reference = "mintlify_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            endpoint=endpoint,
            path=path,
            storage_conn_id=storage_conn_id,
            storage_options=storage_options,
            date_from=date_from,
            date_to=date_to,
            lookback=lookback,
            settle=settle,
            filters=filters,
            file_format=file_format,
            compression=compression,
            escape_formulas=escape_formulas,
            pages_per_file=pages_per_file,
            page_size=page_size,
            if_exists=if_exists,
            deferrable=deferrable,
            partitioned=partitioned,
            quota_share=quota_share,
            retry_policy=retry_policy,
            **kwargs,
        )
        self.split = split
        self.project_id = project_id
        self.thread_ids = thread_ids
        self.mintlify_conn_id: Any = mintlify_conn_id
        if not self._was_mapped:
            self._check_parameters()

    @cached_property
    def hook(self) -> MintlifyHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        return MintlifyHook(self.mintlify_conn_id, quota_share=self.quota_share)

    def selection_arguments(self) -> dict[str, Any]:
        """Return filters, project and thread IDs."""
        return {
            "filters": self.filters,
            "project_id": self.project_id,
            "thread_ids": self.thread_ids,
        }
