"""The export operator for Vyom."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_docsanalytics._airflow_retry import DEFAULT_RETRY_POLICY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.operators._export import ExportOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import ObjectStoragePath
    from airflow.sdk import RetryPolicy

    from airflow_provider_docsanalytics.hooks.vyom import VyomHook
    from airflow_provider_docsanalytics.operators._plan import Compression, FileFormat, IfExists
    from airflow_provider_docsanalytics.parameters import Reference


class VyomExportOperator(ExportOperator):
    """Exports one window of a Vyom endpoint into one directory.

    All other parameters, the returned dictionary and the errors are those of
    :class:`~airflow_provider_docsanalytics.operators._export.ExportOperator`. Vyom has no projects,
    so ``project_id`` of the returned dictionary is ``None``.

    Args:
        vyom_conn_id: the Airflow connection, of type ``vyom`` (templated). Its ID is part of an
            export's identity, so that rows of two accounts never share a directory.
        settle: as for every export, but 1 hour by default: a call counts 0 minutes until it ends,
            and Vyom ends orphaned calls every 30 minutes. To read longer calls, use ``lookback``.
    """

    template_fields: Sequence[str] = (*ExportOperator.template_fields, "vyom_conn_id")
    custom_operator_name = "Vyom export"
    _platform = VYOM

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
        settle: timedelta = timedelta(hours=1),
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
        vyom_conn_id: str | Reference = "vyom_default",
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
        self.vyom_conn_id: Any = vyom_conn_id
        if not self._was_mapped:
            self._check_parameters()

    @cached_property
    def hook(self) -> VyomHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.vyom import VyomHook

        return VyomHook(self.vyom_conn_id, quota_share=self.quota_share)
