"""The export operator for Vyom."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.operators._export import ExportOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.hooks.vyom import VyomHook


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
        vyom_conn_id: str = "vyom_default",
        settle: timedelta = timedelta(hours=1),
        **kwargs: Any,
    ) -> None:
        super().__init__(settle=settle, **kwargs)
        self.vyom_conn_id = vyom_conn_id
        if not self._was_mapped:
            self._check_parameters()

    @cached_property
    def hook(self) -> VyomHook:
        """The hook on this task's connection."""
        from airflow_provider_docsanalytics.hooks.vyom import VyomHook

        return VyomHook(self.vyom_conn_id)
