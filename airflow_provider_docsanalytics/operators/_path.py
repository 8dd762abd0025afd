"""The path of an export: its single-brace fields, and the rules that it has to keep."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from unicodedata import bidirectional, category

from airflow_provider_docsanalytics._file_system import LOCAL
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.parameters import holds_template
from airflow_provider_docsanalytics.window import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.endpoint import Selection
    from airflow_provider_docsanalytics.window import DateWindow

_BUCKET_SCHEMES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss"})
"""Schemes whose URLs name a bucket or a container; URLs of other schemes may omit the host."""
_MAX_PATH_BYTES = 960
"""S3 and GCS accept keys of 1024 bytes; the rest is for the names of our files."""
_MAX_NAME_BYTES = 255
_CONTROL_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
"""Control characters, lone surrogates, and separators of lines and paragraphs."""
_BIDI_CONTROLS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Characters that display text in another order than it is stored."""
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>/*)(?P<rest>.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9._-]+|arn:[A-Za-z0-9:_-]+")
_HOST = re.compile(rf"{_BUCKET.pattern}|[A-Za-z0-9._-]+:[0-9]+")

_COMPACT = "%Y%m%dT%H%M%S"
_DIRECTIVES = "Y m d H M S f j y z Z F T R D G V U W u w e I"
"""``strftime`` directives that do not depend on the worker's zone, language or C library."""
_PORTABLE_FORMAT = re.compile(rf"([^%]|%%|%-?[{_DIRECTIVES}])*", re.DOTALL)
_DATE_FROM = re.compile(r"\{date_from(?::([^{}]*))?\}")
_DIRECTIVE = re.compile(r"%-?[A-Za-z]")
_MOMENTS = frozenset("HMSfTRI")
"""Directives of labels that name a moment, the start, and not a period."""
_PERIODS = (
    (frozenset("djFDeuw"), "day"),
    (frozenset("VUW"), "week"),
    (frozenset("m"), "month"),
    (frozenset("YyG"), "year"),
)
"""The period that a label names, by its most precise directive."""
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


def example_fields(window: DateWindow) -> dict[str, str | datetime]:
    """Return the fields that a path may use, with examples and the dates of a window."""
    return {**_EXAMPLES, "date_from": window.local_start, "date_to": window.local_end}


def label_warning(path: str, window: DateWindow) -> str:
    """Return why a directory's label misleads, ``""`` if it does not.

    A label such as ``dt={date_from:%Y-%m-%d}`` names a day. If the window ends in another one,
    because it is longer or does not start at midnight, the directory holds rows of days that it
    does not name, and a query by label counts them for the wrong day.
    """
    formats = _DATE_FROM.findall(path)
    directives = {each[-1] for text in formats for each in _DIRECTIVE.findall(text)}
    if "{date_to" in path or not all(formats) or directives & _MOMENTS:
        return ""
    period = next((name for known, name in _PERIODS if directives & known), None)
    start = window.local_start
    last = (window.end - MILLISECOND).astimezone(window.start_zone)
    first_label, last_label = (", ".join(f"{each:{f}}" for f in formats) for each in (start, last))
    if period is None or first_label == last_label:
        return ""
    return (
        f"path={path!r:.200} names one {period} ({first_label}), but the window {window} ends in "
        f"another ({last_label}). Queries by this label count rows of other {period}s, and an "
        f"export of this {period} alone will be refused.\n"
        f"Put {{date_to:{formats[-1]}}} into the path, too, or export one {period} at a time, from "
        f"its start to its end in the window's zone, {window.start_zone}."
    )


def check_path(path: Any) -> Any:
    """Return a path as an operator stores it, checked as far as possible when a Dag is parsed.

    A ``pathlib.Path`` and an ``ObjectStoragePath`` become text. A path from another task, or with
    a Jinja template, is returned as it is; :func:`fill` checks it when the task runs.

    Raises:
        ConfigError: for a path that cannot work.
    """
    if holds_template(path):
        return path
    text = path_text(path)
    fill(text, _EXAMPLES)
    return text


def fill(path: object, fields: Mapping[str, str | datetime], name: str = "path") -> str:
    """Return ``path`` with its fields filled in; ``name`` is the parameter's.

    A date without a format is ``20260131T060000Z`` in UTC, ``20260131T070000+0100`` elsewhere.

    Raises:
        ConfigError: for an unknown field, or a path that is not safe to write to.
    """
    text = path_text(path, name)
    _refuse_password(_FIELD.sub("field", text), name)
    try:
        filled = _PathFormatter().vformat(text, (), fields)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{field}}}" for field in fields)
        raise ConfigError(
            f"{name}={text!r:.200}: {error}.\nKnown fields here: {known}. Dates take a format, "
            "such as {date_from:%Y-%m-%d}."
        ) from error
    _refuse_password(filled, name)
    if problem := _problem(filled):
        becomes = "" if filled == text else f" becomes {filled!r:.200}"
        raise ConfigError(f"{name}={text!r:.200}{becomes}: {problem}")
    return filled


def path_text(path: Any, name: str = "path") -> str:
    """Return a path as text: from text, a ``pathlib.Path`` or an ``ObjectStoragePath``."""
    if isinstance(path, str):
        return path
    is_object_storage_path = hasattr(path, "conn_id") and hasattr(path, "protocol")
    if not is_object_storage_path and not isinstance(path, PurePath):
        raise ConfigError(
            f"{name}={path!r:.200} is not text.\nWrite an absolute path or a URL as text, and its "
            "connection into storage_conn_id."
        )
    if set(getattr(path, "storage_options", ())) - {"conn_id"}:
        raise ConfigError(
            f"{name} is an ObjectStoragePath with storage options, which would be lost.\nPut them "
            "into an Airflow connection, and its ID into storage_conn_id."
        )
    return str(path)


def verbatim(path: str) -> str:
    """Return a path without fields that :func:`fill` turns into this one."""
    return path.replace("{", "{{").replace("}", "}}")


class _PathFormatter(string.Formatter):
    """``str.format`` with plain names only: no positions, attributes, items or conversions."""

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:  # noqa: ARG002 - the base class's signature
        if field_name not in kwargs:
            raise ValueError(f"unknown field {{{field_name}}}")
        return kwargs[field_name], field_name

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        if conversion is not None:
            raise ValueError(f"the conversion !{conversion} is not supported")
        return value

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            if not _PORTABLE_FORMAT.fullmatch(format_spec):
                raise ValueError(
                    f"the format {format_spec!r:.100} does not give the same text on every worker, "
                    f"so a retry could write elsewhere: use %{_DIRECTIVES.replace(' ', ' %')}"
                )
            return value.strftime(format_spec or _compact(value))
        if format_spec:
            raise ValueError(f"{value!r} takes no format")
        return str(value)


def _compact(value: datetime) -> str:
    return _COMPACT + ("Z" if value.tzname() == "UTC" else "%z")


# Rules


def _refuse_password(path: str, name: str) -> None:
    """Refuse credentials, without quoting them."""
    if _has_password(path):
        raise ConfigError(
            f"{name} carries a user with a password, which manifests and logs would show.\nPut "
            "them into an Airflow connection, and its ID into storage_conn_id."
        )


def _has_password(path: str) -> bool:
    """Return whether a path may carry credentials; such a path must not be quoted."""
    url = _as_url(path)
    if url is None or (url["scheme"].lower() in LOCAL and len(url["slashes"]) > len("//")):
        return False
    user, _, host = url["rest"].partition("/")[0].rpartition("@")
    return ":" in user or (":" in host and not _HOST.fullmatch(host))


def _as_url(path: str) -> re.Match[str] | None:
    """Return the parts of a URL, and of what was meant to be one, such as ``s3:/bucket``."""
    url = _URL.fullmatch(path)
    is_meant = url and (url["slashes"] or url["scheme"].lower() in (*LOCAL, *_BUCKET_SCHEMES))
    return url if is_meant else None


def _problem(path: str) -> str:
    """Return what is wrong with a path and, on the next line, the fix; ``""`` if nothing is."""
    if not path:
        return "it is empty.\nWrite a directory, such as s3://bucket/docs/{endpoint}."
    if any(
        category(each) in _CONTROL_CATEGORIES or bidirectional(each) in _BIDI_CONTROLS
        for each in path
    ):
        return "it contains a line break or another control character.\nRemove the character."
    if path != path.strip():
        return "it starts or ends with a space.\nRemove the space; a template may be empty."
    if len(path.encode()) > _MAX_PATH_BYTES:
        return f"it is longer than {_MAX_PATH_BYTES} bytes; some storage refuses that.\nShorten it."
    url = _as_url(path)
    return _url_problem(url["scheme"], url["slashes"], url["rest"]) if url else _disk_problem(path)


def _url_problem(scheme: str, slashes: str, rest: str) -> str:
    if scheme != scheme.lower():
        return f"its scheme is in upper case.\nWrite {scheme.lower()}://, in lower case."
    if found := next((each for each in ("?", "#", "::", "://") if each in rest), None):
        return (
            f"it contains {found!r}, which file systems and loaders read as a query, a version or "
            "another URL, not as part of a name.\nReplace it, as in {{ value | replace('"
            f"{found}', '-') }}}}."
        )
    if scheme in LOCAL:
        if len(slashes) < len("///"):
            return (
                "a local path has three slashes and no host.\nWrite file:///lake/docs or "
                "/lake/docs."
            )
        return _disk_problem(f"{slashes.removeprefix('//')}{rest}")
    authority, _, key = rest.partition("/")
    return _bucket_problem(scheme, slashes, authority) or (_name_problem(key) if key else "")


def _bucket_problem(scheme: str, slashes: str, authority: str) -> str:
    connection, at, bucket = authority.rpartition("@")
    if at and not connection:
        return "it names no connection before '@'.\nName one, or leave out the '@'."
    if slashes != "//" or not authority or (scheme in _BUCKET_SCHEMES and not bucket):
        return f"it names no bucket.\nWrite {scheme}://bucket/docs, with two slashes."
    if scheme in _BUCKET_SCHEMES and not _BUCKET.fullmatch(bucket):
        return f"{bucket!r} cannot be the name of a bucket.\nCorrect the name."
    return ""


def _disk_problem(path: str) -> str:
    if not path.startswith("/"):
        return (
            "it depends on where the worker runs.\nWrite an absolute path or a URL (file:///, "
            "s3://, gs://, abfs://)."
        )
    if path == "/":
        return "it is the root of the file system.\nWrite a directory, such as /lake/docs."
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in path.split("/")):
        return f"a name in it is longer than {_MAX_NAME_BYTES} bytes.\nShorten the name."
    return _name_problem(path.removeprefix("/"))


def _name_problem(key: str) -> str:
    parts = key.removesuffix("/").split("/")
    if not all(map(str.strip, parts)):
        return (
            "a name between two slashes is empty, or only spaces; a template may be empty.\nGive "
            "it a value, as in {{ value or 'none' }}, or remove the slash."
        )
    if {".", ".."} & set(parts):
        return "it contains '.' or '..'.\nWrite the directory that it leads to."
    return ""
