"""The single-brace fields of an export's path."""

from __future__ import annotations

import re
import string
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.endpoint import Selection

_COMPACT = "%Y%m%dT%H%M%S"
_MOST_CHARS = 1024
_ABSOLUTE = re.compile(r"/|(file|local):///(?!/)|(?!file:|local:)[a-z][a-z0-9+.-]*://[^/]")


def fields_of(selection: Selection) -> dict[str, str | datetime]:
    """Return the fields that a path may use for this selection, dates in the window's zones."""
    fields: dict[str, str | datetime] = {
        "platform": selection.platform.name,
        "endpoint": selection.endpoint.name,
    }
    if selection.project_id is not None:
        fields["project_id"] = selection.project_id
    if selection.window is not None:
        window = selection.window
        fields["date_from"], fields["date_to"] = window.local_start, window.local_end
    return fields


def fill(path: str, fields: Mapping[str, str | datetime]) -> str:
    """Return ``path`` with its fields filled in.

    A date without a format is ``20260131T060000Z`` in UTC, ``20260131T070000+0100`` elsewhere.

    Raises:
        ConfigError: for an unknown field, or a path that is not safe to write to.
    """
    try:
        filled = _Fields().vformat(path, (), fields)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{name}}}" for name in fields)
        raise ConfigError(
            f"path={path!r:.200}: {error}. Known fields here: {known}, dates with a format, as in "
            "{date_from:%Y-%m-%d}."
        ) from error
    _check(filled)
    return filled


def without_connection(url: str) -> str:
    """Return a URL as loaders take it: they know no Airflow connection in it."""
    scheme, found, rest = url.partition("://")
    bucket, slash, key = rest.partition("/")
    return f"{scheme}{found}{bucket.rpartition('@')[2]}{slash}{key}"


def check_connection(url: str, storage_conn_id: str | None) -> None:
    """Refuse two connections for one path, and one that does not exist.

    Airflow takes the one in the URL, and goes on without any where it finds none: with whatever
    credentials the worker has, to whatever has that name there.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    named = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if named and storage_conn_id and named != storage_conn_id:
        raise ConfigError(
            f"path names the connection {named!r}, and storage_conn_id={storage_conn_id!r} "
            "another. Leave one of them out."
        )
    if conn_id := storage_conn_id or named:
        try:
            BaseHook.get_connection(conn_id)
        except AirflowNotFoundException as error:
            raise ConfigError(
                f"The connection {conn_id!r} of path and storage_conn_id does not exist ({error}). "
                "Create it, or correct its ID."
            ) from error


def _check(path: str) -> None:
    """Refuse what a template variable could lead astray; credentials are not quoted."""
    user = path.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if ":" in user:
        raise ConfigError(
            "path carries a user with a password, which would stand in manifests and logs: put "
            "them into an Airflow connection, and its ID into storage_conn_id."
        )
    if len(path) > _MOST_CHARS or not path.isprintable():
        raise ConfigError(
            f"path={path!r:.200} holds a line break or another control character, or more than "
            f"{_MOST_CHARS} characters."
        )
    if not _ABSOLUTE.match(path):
        raise ConfigError(
            f"path={path!r} depends on where the worker runs: write an absolute path or a URL "
            "(file:///, s3://, gs://, abfs://)."
        )
    if {".", ".."} & set(path.split("/")):
        raise ConfigError(f"path={path!r} holds '.' or '..': write where it leads to.")


def verbatim(path: str) -> str:
    """Return what :func:`fill` makes this path of: it has no fields."""
    return path.replace("{", "{{").replace("}", "}}")


def _compact(value: datetime) -> str:
    return _COMPACT + ("Z" if value.tzname() == "UTC" else "%z")


class _Fields(string.Formatter):
    """``str.format`` with plain names only: no positions, attributes, items or conversions."""

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:  # noqa: ARG002 - the base class's signature
        if field_name not in kwargs:
            raise KeyError(f"unknown field {{{field_name}}}")
        return kwargs[field_name], field_name

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        if conversion is not None:
            raise ValueError(f"no conversion !{conversion} here")
        return value

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            text = value.strftime(format_spec or _compact(value))
            if not text:  # what strftime gives for widths that it does not believe
                raise ValueError(f"the format {format_spec!r} gives nothing")
            return text
        if format_spec:
            raise ValueError(f"{value!r} takes no format")
        return str(value)
