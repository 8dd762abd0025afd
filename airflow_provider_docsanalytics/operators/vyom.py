"""The export operator for Vyom."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.operators._checks import check_given, is_mapped
from airflow_provider_docsanalytics.operators._export import ExportOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.hooks.vyom import VyomHook


class VyomExportOperator(ExportOperator):
    """Exports one window of a Vyom endpoint: see :class:`~._base.ExportOperator` for the rest.

    Args:
        vyom_conn_id: the connection (templated).
    """

    template_fields: Sequence[str] = (*ExportOperator.template_fields, "vyom_conn_id")
    custom_operator_name = "Vyom export"

    def __init__(self, *, vyom_conn_id: str = "vyom_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vyom_conn_id = vyom_conn_id
        if not is_mapped(self):
            check_given(self, VYOM)

    @cached_property
    def hook(self) -> VyomHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.vyom import VyomHook

        return VyomHook(self.vyom_conn_id)
