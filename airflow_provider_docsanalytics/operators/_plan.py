"""From an operator's parameters to the export engine: the plan, the source and the summary."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airflow_provider_docsanalytics._object_storage import without_connection
from airflow_provider_docsanalytics.operators._path import fields_of, fill
from airflow_provider_docsanalytics.parameters import flag, holds_template, one_of, whole
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.client import Client
    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform, Selection
    from airflow_provider_docsanalytics.api.settings import Settings
    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.export.plan import Plan, Source

FileFormat = Literal["jsonl", "csv", "parquet"]
Compression = Literal["gzip", "zstd"]
IfExists = Literal["error", "replace"]
_EXAMPLE_WINDOW = DateWindow.parse("2026-01-01", "2026-01-02")


class OutputOptions(msgspec.Struct, frozen=True):
    """How an export is written; each attribute is the operator's parameter of that name."""

    file_format: FileFormat
    compression: Compression | None
    escape_formulas: bool
    pages_per_file: int
    if_exists: IfExists

    @classmethod
    def of(cls, operator: Any) -> OutputOptions:
        """Return the options of an operator."""
        return cls(**{name: getattr(operator, name) for name in cls.__struct_fields__})

    def check(self) -> None:
        """Raise :class:`ConfigError` for an option that is wrong whatever is installed."""
        from airflow_provider_docsanalytics.export.formats import check_format
        from airflow_provider_docsanalytics.export.plan import IF_EXISTS

        flag("escape_formulas", self.escape_formulas)
        whole("pages_per_file", self.pages_per_file)
        one_of("if_exists", self.if_exists, IF_EXISTS)
        check_format(self.file_format, self.compression, escape_formulas=self.escape_formulas)


def check_selection(
    platform: Platform,
    endpoint: Endpoint,
    arguments: Mapping[str, Any],
    path: object,
    page_size: int | None,
) -> None:
    """Raise :class:`ConfigError` for arguments or a path that the endpoint does not take.

    Examples stand in for the window and for each argument that contains a template.
    """
    given: dict[str, Any] = {
        name: value for name, value in arguments.items() if not holds_template(value)
    }
    if endpoint.by_id:
        given.setdefault("thread_ids", ())
    if given.get("project_id") is None:
        given["project_id"] = "project"
    window = _EXAMPLE_WINDOW if endpoint.windowed else None
    selection = platform.select(endpoint.name, window=window, page_size=page_size, **given)
    if not holds_template(path):
        fill(path, fields_of(selection))


def plan_of(
    selection: Selection, output: OutputOptions, *, service: str, conn_id: str, run: str | None
) -> Plan:
    """Return how a selection is exported.

    ``service`` (the base URL) is part of the export's identity, and where the platform has no
    projects, so is ``conn_id``. ``run`` is the ID of the task's run.
    """
    from airflow_provider_docsanalytics.export.documents import Identity
    from airflow_provider_docsanalytics.export.plan import Plan

    window, endpoint = selection.window, selection.endpoint
    optional: dict[str, Any] = {"escape_formulas": True} if output.escape_formulas else {}
    if not selection.platform.has_projects:
        optional["account"] = conn_id
    if endpoint.by_id:
        optional["thread_ids"] = selection.thread_ids
    identity = Identity(
        platform=selection.platform.name,
        endpoint=endpoint.name,
        project_id=selection.project_id,
        date_from=window.date_from if window else None,
        date_to=window.date_to if window else None,
        filters=dict(selection.filters),
        file_format=output.file_format,
        compression=output.compression,
        service=service,
        **optional,
    )
    context = {"_project_id": selection.project_id} if selection.project_id else {}
    if window:
        context |= {"_date_from": window.date_from, "_date_to": window.date_to}
    return Plan(
        identity,
        context,
        output.pages_per_file,
        output.if_exists,
        endpoint.fields,
        endpoint.key,
        run,
        by_offset=endpoint.paging.by_offset,
        page_size=selection.smaller_page,
    )


def source_of(client: Client, selection: Selection, settings: Settings) -> Source:
    """Return where the pages of a selection come from."""
    from airflow_provider_docsanalytics.export.plan import Source

    return Source(
        name=settings.service,
        pages=partial(client.iter_pages, selection),
        requests_sent=lambda: client.requests_sent,
        redact=settings.redact,
        quota_left=lambda: client.quota_left,
    )


def summary_of(manifest: Manifest, uri: str) -> dict[str, Any]:
    """Return what an export gives to XCom and to asset events; ``uri`` is its directory."""
    from airflow_provider_docsanalytics.export.documents import MANIFEST

    return {
        "manifest": f"{uri}/{MANIFEST}",
        "path": uri,
        "endpoint": manifest.endpoint,
        "project_id": manifest.project_id,
        "date_from": manifest.date_from,
        "date_to": manifest.date_to,
        "rows": manifest.rows,
        "pages": manifest.pages,
        "requests": manifest.requests,
        "bytes": sum(file.bytes for file in manifest.files),
        "files": len(manifest.files),
        "uris": [f"{without_connection(uri)}/{file.name}" for file in manifest.files],
        "totals": manifest.totals,
    }
