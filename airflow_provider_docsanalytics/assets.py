"""Assets: what an export brings up to date, as Airflow's schedules and lineage name it.

::

    mintlify://<project ID>/<endpoint>      mintlify://acme-docs/conversations
    vyom://<host>/<endpoint>                vyom://api.example.com/dashboard

An export with such an asset among its ``outlets`` gives each event the summary of its manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.sdk import Asset

    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform, Selection


def mintlify_asset(*, project_id: str, endpoint: str, extra: dict[str, Any] | None = None) -> Asset:
    """Return the asset of one endpoint of one project."""
    from airflow.providers.common.compat.sdk import Asset

    return Asset(uri=f"mintlify://{project_id}/{endpoint}", extra=extra)


def vyom_asset(
    *, endpoint: str, host: str | None = None, extra: dict[str, Any] | None = None
) -> Asset:
    """Return the asset of one endpoint; ``host`` as in the connection, default: Vyom's own."""
    from airflow.providers.common.compat.sdk import Asset

    name = urlsplit(_platform("vyom").default_url).hostname if host is None else host
    return Asset(uri=f"vyom://{name}/{endpoint}", extra=extra)


def uri_of(selection: Selection, base_url: str) -> str:
    """Return the URI of the asset that a selection is of; ``base_url`` as in the connection."""
    whose = selection.project_id or urlsplit(base_url).netloc.lower()
    return f"{selection.platform.name}://{whose}/{selection.endpoint.name}"


def endpoint_of(uri: str) -> Endpoint:
    """Return the endpoint that an asset's URI names."""
    parts = urlsplit(uri)
    return _platform(parts.scheme).endpoint(parts.path.strip("/"))


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the URI as it is, or raise ``ValueError`` where it names no endpoint of a service."""
    platform = _platform(uri.scheme)
    endpoint = uri.path.strip("/")
    whose = "<project ID>" if platform.has_projects else "<host>"
    if not uri.netloc or uri.query or endpoint not in platform.endpoints:
        raise ValueError(
            f"{uri.geturl()!r} is not {uri.scheme}://{whose}/<endpoint>, with an endpoint of "
            f"{', '.join(platform.endpoints)}."
        )
    return uri


def _platform(scheme: str) -> Platform:
    from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
    from airflow_provider_docsanalytics.api.vyom import VYOM

    return {"mintlify": MINTLIFY, "vyom": VYOM}[scheme]
