"""The single-brace fields of an export's path."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._path_rules import LOCAL, has_password, trouble_with
from airflow_provider_docsanalytics.parameters import holds_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.endpoint import Selection

_COMPACT = "%Y%m%dT%H%M%S"
_DIRECTIVES = "Y m d H M S f j y z Z F T R D G V U W u w e I"
"""What ``strftime`` writes alike on every worker, whatever its zone, language and C library."""
_SAME_EVERYWHERE = re.compile(rf"([^%]|%%|%-?[{_DIRECTIVES}])*", re.DOTALL)
_FIELD = re.compile(r"\{[^{}]*\}")
_EXAMPLES: dict[str, str | datetime] = {
    "platform": "platform",
    "endpoint": "endpoint",
    "project_id": "project",
    "date_from": datetime(2026, 1, 31, tzinfo=UTC),
    "date_to": datetime(2026, 2, 1, tzinfo=UTC),
}


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


def given_path(path: Any) -> Any:
    """Return a path as an operator keeps it, checked as far as can be seen when a Dag is parsed.

    A ``pathlib.Path`` and an ``ObjectStoragePath`` become text. What another task gives, and what
    Jinja is to fill in, is checked by :func:`fill` when the task runs.

    Raises:
        ConfigError: for a path that cannot work.
    """
    if holds_template(path):
        return path
    text = path_text(path)
    fill(text, _EXAMPLES)
    return text


def fill(path: object, fields: Mapping[str, str | datetime]) -> str:
    """Return ``path`` with its fields filled in.

    A date without a format is ``20260131T060000Z`` in UTC, ``20260131T070000+0100`` elsewhere.

    Raises:
        ConfigError: for an unknown field, or a path that is not safe to write to.
    """
    text = path_text(path)
    _refuse_password(_FIELD.sub("field", text))
    try:
        filled = _Fields().vformat(text, (), fields)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{name}}}" for name in fields)
        raise ConfigError(
            f"path={text!r:.200}: {error}. Known fields here: {known}, dates with a format, as in "
            "{date_from:%Y-%m-%d}."
        ) from error
    _refuse_password(filled)
    if trouble := trouble_with(filled):
        gives = "" if filled == text else f" gives {filled!r:.200}"
        raise ConfigError(f"path={text!r:.200}{gives}: {trouble}")
    return filled


def local_root(url: str) -> str | None:
    """Return the directory of a path of :func:`fill` on the local disk, ``None`` for a store's.

    To the letter: as a URL it would end at ``?``, ``#`` and ``::``, which are legal in names.
    """
    scheme, found, rest = url.partition("://")
    if url.startswith("/"):
        return url
    return rest if found and scheme in LOCAL else None


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


def path_text(path: Any) -> str:
    """Return a path as text: from text, a ``pathlib.Path`` or an ``ObjectStoragePath``."""
    if isinstance(path, str):
        return path
    is_object_storage_path = hasattr(path, "conn_id") and hasattr(path, "protocol")
    if not is_object_storage_path and not isinstance(path, PurePath):
        raise ConfigError(
            f"path={path!r:.200} is not a text. Write an absolute path or a URL as text, and its "
            "connection into storage_conn_id."
        )
    if set(getattr(path, "storage_options", ())) - {"conn_id"}:
        raise ConfigError(
            "path is an ObjectStoragePath with storage options, which would be lost. Put them into "
            "an Airflow connection, and its ID into storage_conn_id."
        )
    return str(path)


def _refuse_password(path: str) -> None:
    """Refuse credentials, without quoting them."""
    if has_password(path):
        raise ConfigError(
            "path carries a user with a password, which would stand in manifests and logs: put "
            "them into an Airflow connection, and its ID into storage_conn_id."
        )


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
            if not _SAME_EVERYWHERE.fullmatch(format_spec):
                raise ValueError(
                    f"the format {format_spec!r:.100} does not give the same on every worker, so "
                    f"that a retry would write elsewhere: use %{_DIRECTIVES.replace(' ', ' %')}"
                )
            return value.strftime(format_spec or _compact(value))
        if format_spec:
            raise ValueError(f"{value!r} takes no format")
        return str(value)
