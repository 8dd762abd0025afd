"""What an export tells Airflow's OpenLineage provider; nothing is imported before that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_docsanalytics.operators._export import ExportOperator


def lineage_of(operator: ExportOperator) -> OperatorLineage[Any, Any]:
    """Return what the operator reads and, once its export is finished, what it has written.

    What it reads is told from the start. Otherwise the provider would take the assets among the
    ``outlets`` for what the task writes, and it would read and write the same dataset.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_docsanalytics._openlineage import dataset_read, dataset_written

    selection = operator.hook.select(operator.endpoint, **operator.selection_arguments())
    source, summary = operator.hook.asset_uri(selection), operator.summary
    lineage: OperatorLineage[Any, Any] = OperatorLineage(inputs=[dataset_read(source)])
    if summary is not None:
        written = dataset_written(
            source,
            summary,
            extra_column=operator.file_format != "jsonl",
            verbatim=not operator.escape_formulas,
        )
        lineage.outputs.append(written)
    return lineage
