"""A lake, opened by the URL and the connection that exports were written with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics._object_storage import filesystem_at, local_root
from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.operators._path import fill, path_text, verbatim
from airflow_provider_docsanalytics.parameters import site_url
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.report import Report

_ATTEMPTS = 3


def check_root(name: str, value: Any) -> str:
    """Return a directory or a file of a lake as text, or raise :class:`ConfigError`."""
    text = path_text(value, name)
    if "{" in text or "}" in text:
        raise ConfigError(
            f"{name}={text!r:.200} has fields, and many exports have one lake.\n"
            "Write what stands before the first field of path."
        )
    return fill(verbatim(text), {}, name)


def files_at(lake: str, storage_conn_id: str | None) -> LakeFiles:
    """Return the files of a lake; one on the local disk needs no connection.

    Raises:
        ConfigError: it is no path or URL of a directory, or its connection does not exist.
    """
    from airflow_provider_docsanalytics.lake.files import LakeFiles

    lake = check_root("lake", lake)
    root = local_root(lake)
    if root is None or storage_conn_id:
        return LakeFiles(*filesystem_at(lake, storage_conn_id, None))
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

    return LakeFiles(LocalFileSystem(), root, lake)


def write_file(url: str, content: bytes, storage_conn_id: str | None) -> None:
    """Put a small file in place, whole or not at all; one of that name is replaced.

    Raises:
        StorageError: the storage failed, or others replace the file all the time.
    """
    from airflow_provider_docsanalytics.storage import Storage

    directory, _, name = url.rpartition("/")
    storage = Storage(*filesystem_at(directory or "/", storage_conn_id, None))
    storage.make()
    for _ in range(_ATTEMPTS):  # another task may write it between the two
        storage.read(name)
        if storage.replace(name, content, "report"):
            return
    raise StorageError(
        f"{url} was replaced by others {_ATTEMPTS} times while it was written.\n"
        "Give each task a file of its own."
    )


def check_page(report: object) -> str:
    """Return the file of a page as text, or raise :class:`ConfigError`."""
    checked = check_root("report", report)
    if not checked.endswith((".html", ".htm")):
        raise ConfigError(
            f"report={checked!r:.200} is not the name of a page.\nEnd it in .html: it is one file."
        )
    return checked


def period_of(date_from: object, date_to: object) -> DateWindow | None:
    """Return the period of a report; ``None``, the last week, if there are no dates."""
    if date_from is None and date_to is None:
        return None
    if date_from is None or date_to is None:
        absent = "date_from" if date_from is None else "date_to"
        raise ConfigError(
            f"{absent} is missing: a report needs both ends of its period, or none.\n"
            "Give it, too, or leave both out for the last week."
        )
    return DateWindow.parse(date_from, date_to)


def write_report(
    *,
    lake: str,
    report: str,
    date_from: object = None,
    date_to: object = None,
    base_url: str | None = None,
    storage_conn_id: str | None = None,
) -> Report:
    """Make the page about a lake and put it in place; an earlier page stays until then.

    Raises:
        ConfigError: a parameter or the connection is wrong, or there is no lake.
        StorageError: the storage failed.
    """
    lake, report = check_root("lake", lake), check_page(report)
    window = period_of(date_from, date_to)
    site = "" if base_url is None else site_url("base_url", base_url)
    from airflow_provider_docsanalytics.lake.report import make_report

    made = make_report(files_at(lake, storage_conn_id), window, site)
    write_file(report, made.html, storage_conn_id)
    return made
