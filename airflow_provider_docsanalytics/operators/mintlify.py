"""The export operator for Mintlify."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.operators._checks import check_given, is_mapped
from airflow_provider_docsanalytics.operators._export import ExportOperator
from airflow_provider_docsanalytics.operators.links import AnalyticsLink

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow.models.xcom_arg import XComArg
    from airflow.providers.common.compat.sdk import BaseOperatorLink

    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook


class MintlifyExportOperator(ExportOperator):
    """Exports one window of a Mintlify endpoint: see :class:`~._base.ExportOperator` for the rest.

    Args:
        project_id: default: the connection's login (templated).
        thread_ids: for the endpoint ``threads``: the IDs, one request each (templated). IDs that do
            not exist are listed in the manifest under ``missing``.
        mintlify_conn_id: the connection (templated).
    """

    template_fields: Sequence[str] = (
        *ExportOperator.template_fields,
        "project_id",
        "thread_ids",
        "mintlify_conn_id",
    )
    custom_operator_name = "Mintlify export"
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
        if not is_mapped(self):
            check_given(self, MINTLIFY)

    @cached_property
    def hook(self) -> MintlifyHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook

        return MintlifyHook(self.mintlify_conn_id)

    def selection_arguments(self) -> dict[str, Any]:
        """Return filters, project and threads."""
        return {
            "filters": self.filters,
            "project_id": self.project_id,
            "thread_ids": self.thread_ids,
        }
