"""OpenLineage datasets of an export: what it reads and writes, down to columns.

Only Airflow's OpenLineage provider calls these functions, and only they import it. Names follow
https://openlineage.io/docs/spec/naming::

    read      mintlify://<project ID>   conversations
              vyom://<host>             dashboard
    written   s3://<bucket>             docs/conversations/dt=2026-01-31
              file                      /data/docs/conversations/dt=2026-01-31
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.window_split import WindowSplitPaging
from airflow_provider_docsanalytics.assets import endpoint_of
from airflow_provider_docsanalytics.fields import CONTEXT, EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.providers.common.compat.openlineage.facet import (
        ColumnLineageDatasetFacet,
        Dataset,
        OutputDataset,
        SchemaDatasetFacet,
        SchemaDatasetFacetFields,
    )
    from airflow.providers.common.compat.sdk import Asset
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_docsanalytics.fields import Field

_ALSO_KNOWN_AS = {"s3a": "s3", "gcs": "gs"}


def lineage_of(
    source: str, summaries: Iterable[Mapping[str, Any]], *, extra_column: bool, verbatim: bool
) -> OperatorLineage[Any, Any]:
    """Return what a task reads and, once it has summaries of exports, what it has written.

    The input is reported from the start. Otherwise the OpenLineage provider would report the assets
    in ``outlets`` as outputs, and the task would read and write the same dataset. Arguments are
    those of :func:`dataset_written`.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    lineage: OperatorLineage[Any, Any] = OperatorLineage(inputs=[dataset_read(source)])
    lineage.outputs += [
        dataset_written(source, summary, extra_column=extra_column, verbatim=verbatim)
        for summary in summaries
    ]
    return lineage


def lineage_of_audit(lake: str, assertions: Mapping[str, bool]) -> OperatorLineage[Any, Any]:
    """Return a lake that was audited: what was asserted of it, and whether that holds."""
    from airflow.providers.common.compat.openlineage.facet import InputDataset
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as quality

    namespace, name = _named(lake)
    asserted = [
        quality.Assertion(assertion=f"no {code}", success=holds)
        for code, holds in assertions.items()
    ]
    facet = quality.DataQualityAssertionsDatasetFacet(assertions=asserted)
    facets: dict[str, Any] = {"dataQualityAssertions": facet} if asserted else {}
    lake_read = InputDataset(namespace=namespace, name=name, inputFacets=facets)
    return OperatorLineage(inputs=[lake_read])


def to_openlineage(asset: Asset, lineage_context: object) -> Dataset:  # noqa: ARG001 - Airflow's
    """Return the dataset of an endpoint's asset: the converter that Airflow looks up by scheme."""
    return dataset_read(asset.uri)


def dataset_read(source: str) -> Dataset:
    """Return the dataset of an endpoint, by its asset's URI, with its fields."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    namespace, name = _named(source)
    schema = _schema(endpoint_of(source).fields)
    return Dataset(namespace=namespace, name=name, facets={"schema": schema})


def dataset_written(
    source: str, summary: Mapping[str, Any], *, extra_column: bool, verbatim: bool
) -> OutputDataset:
    """Return the directory of a finished export: its columns, and where each comes from.

    Args:
        source: the URI of the asset that was exported.
        summary: of the export, as in XCom.
        extra_column: whether the format has a column for values that fit no other column.
        verbatim: whether text is as the service sent it, without escaped formulas.
    """
    from airflow.providers.common.compat.openlineage.facet import (
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )

    namespace, name = _named(summary["path"])
    ours = [field for field in CONTEXT if summary[field.name.removeprefix("_")] is not None]
    extra = [EXTRA] if extra_column else []
    copied = _copied_columns(source) if verbatim else None
    size = OutputStatisticsOutputDatasetFacet(rowCount=summary["rows"], size=summary["bytes"])
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets={
            "schema": _schema((*ours, *endpoint_of(source).fields, *extra)),
            **({"columnLineage": copied} if copied else {}),
        },
        outputFacets={"outputStatistics": size},
    )


def _named(uri: str) -> tuple[str, str]:
    """Return namespace and name, without the Airflow connection.

    For Azure they also lack the storage account, because the URL does not have it.
    """
    scheme, found, rest = uri.partition("://")
    if not found or scheme in ("file", "local"):
        return "file", rest or uri
    authority, _, name = rest.partition("/")
    where = authority.rpartition("@")[2]
    return f"{_ALSO_KNOWN_AS.get(scheme, scheme)}://{where}", name.strip("/") or "/"


def _schema(fields: Iterable[Field]) -> SchemaDatasetFacet:
    from airflow.providers.common.compat.openlineage.facet import SchemaDatasetFacet

    return SchemaDatasetFacet(fields=[_described(field) for field in fields])


def _described(field: Field) -> SchemaDatasetFacetFields:
    from airflow.providers.common.compat.openlineage.facet import SchemaDatasetFacetFields

    inner = [_described(member) for member in field.fields]
    return SchemaDatasetFacetFields(name=field.name, type=field.kind.value, fields=inner)


def _copied_columns(source: str) -> ColumnLineageDatasetFacet:
    """Return the source of each column that is a copy; columns that are summed have none."""
    from airflow.providers.common.compat.openlineage.facet import (
        ColumnLineageDatasetFacet,
        Fields,
        InputField,
    )

    namespace, name = _named(source)
    endpoint = endpoint_of(source)
    summed = endpoint.paging.counts if isinstance(endpoint.paging, WindowSplitPaging) else ()
    return ColumnLineageDatasetFacet(
        fields={
            field.name: Fields(
                inputFields=[InputField(namespace=namespace, name=name, field=field.name)],
                transformationDescription="as the service sent it",
                transformationType="IDENTITY",
            )
            for field in endpoint.fields
            if field.name not in summed
        }
    )
