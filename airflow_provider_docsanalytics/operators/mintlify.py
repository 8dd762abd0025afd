"""The export operator for Mintlify."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.operators._export import ExportOperator
from airflow_provider_docsanalytics.operators.links import AnalyticsLink

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow.models.xcom_arg import XComArg
    from airflow.providers.common.compat.sdk import BaseOperatorLink

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook


class MintlifyExportOperator(ExportOperator):
    """Exports one window of a Mintlify endpoint into one directory.

    All other parameters, the returned dictionary and the errors are those of
    :class:`~airflow_provider_docsanalytics.operators._export.ExportOperator`.

    Args:
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
        project_id: str | None = None,
        thread_ids: Sequence[str] | XComArg | None = None,
        mintlify_conn_id: str = "mintlify_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.thread_ids = thread_ids
        self.mintlify_conn_id = mintlify_conn_id
        if not self._was_mapped:
            self._check_parameters()

    @cached_property
    def hook(self) -> MintlifyHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        return MintlifyHook(self.mintlify_conn_id)

    def selection_arguments(self) -> dict[str, Any]:
        """Return filters, project and thread IDs."""
        return {
            "filters": self.filters,
            "project_id": self.project_id,
            "thread_ids": self.thread_ids,
        }
