"""Assets: the data that an export updates, as Airflow's schedules and lineage name it.

::

    mintlify://<project ID>/<endpoint>      mintlify://acme-docs/conversations
    vyom://<host>/<endpoint>                vyom://api.example.com/dashboard

If such an asset is among the ``outlets`` of an export, the ``extra`` of its event is what the
operator returns: counts, and URIs of the manifest and the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.sdk import Asset

    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform, Selection


def mintlify_asset(*, project_id: str, endpoint: str, extra: dict[str, Any] | None = None) -> Asset:
    """Return the asset of one Mintlify endpoint.

    Args:
        project_id: the Mintlify project, as in the connection's login.
        endpoint: a name of the endpoint table.
        extra: of the asset itself; events have an ``extra`` of their own.
    """
    from airflow.providers.common.compat.sdk import Asset

    return Asset(uri=f"mintlify://{project_id}/{endpoint}", extra=extra)


def vyom_asset(
    *, endpoint: str, host: str | None = None, extra: dict[str, Any] | None = None
) -> Asset:
    """Return the asset of one Vyom endpoint.

    Args:
        endpoint: a name of the endpoint table.
        host: the host name of the connection's base URL. Default: Vyom's own.
        extra: of the asset itself; events have an ``extra`` of their own.
    """
    from airflow.providers.common.compat.sdk import Asset

    name = urlsplit(_platform("vyom").default_url).hostname if host is None else host
    return Asset(uri=f"vyom://{name}/{endpoint}", extra=extra)


def uri_of(selection: Selection, base_url: str) -> str:
    """Return the URI of a selection's asset; ``base_url`` is the connection's."""
    authority = selection.project_id or urlsplit(base_url).netloc.lower()
    return f"{selection.platform.name}://{authority}/{selection.endpoint.name}"


def endpoint_of(uri: str) -> Endpoint:
    """Return the endpoint that an asset's URI names."""
    parts = urlsplit(uri)
    return _platform(parts.scheme).endpoint(parts.path.strip("/"))


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the URI unchanged; raise ``ValueError`` if it does not name an endpoint."""
    platform = _platform(uri.scheme)
    endpoint = uri.path.strip("/")
    authority = "<project ID>" if platform.has_projects else "<host>"
    if not uri.netloc or uri.query or endpoint not in platform.endpoints:
        raise ValueError(
            f"The asset URI {uri.geturl()!r} names no endpoint.\nWrite "
            f"{uri.scheme}://{authority}/<endpoint>, with an endpoint of "
            f"{', '.join(platform.endpoints)}."
        )
    return uri


def _platform(scheme: str) -> Platform:
    from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
    from airflow_provider_docsanalytics.api.vyom import VYOM

    return {"mintlify": MINTLIFY, "vyom": VYOM}[scheme]
