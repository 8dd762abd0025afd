"""The single-brace fields of an export's path."""

from __future__ import annotations

import string
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.endpoint import Selection

_COMPACT = "%Y%m%dT%H%M%SZ"


def fields_of(selection: Selection) -> dict[str, str | datetime]:
    """Return the fields that a path may use for this selection."""
    fields: dict[str, str | datetime] = {
        "platform": selection.platform.name,
        "endpoint": selection.endpoint.name,
    }
    if selection.project_id is not None:
        fields["project_id"] = selection.project_id
    if selection.window is not None:
        fields["date_from"], fields["date_to"] = selection.window.start, selection.window.end
    return fields


def fill(path: str, fields: Mapping[str, str | datetime]) -> str:
    """Return ``path`` with its fields filled in; a date without a format is ``20260131T060000Z``.

    Raises:
        ConfigError: for an unknown field, or a path that is neither absolute nor a URL.
    """
    try:
        filled = _Fields().vformat(path, (), fields)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{name}}}" for name in fields)
        raise ConfigError(
            f"path={path!r}: {error}. Known fields here: {known}, dates with a format, as in "
            "{date_from:%Y-%m-%d}."
        ) from error
    if "://" not in filled and not filled.startswith("/"):
        raise ConfigError(
            f"path={filled!r} depends on where the worker runs: write an absolute path or a URL "
            "(file://, s3://, gs://, abfs://)."
        )
    return filled


class _Fields(string.Formatter):
    """``str.format`` with plain names only: no positions, attributes, items or conversions."""

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:  # noqa: ARG002 - the base class's signature
        if field_name not in kwargs:
            raise KeyError(f"unknown field {{{field_name}}}")
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            return value.strftime(format_spec or _COMPACT)
        if format_spec:
            raise ValueError(f"{value!r} takes no format")
        return str(value)
