"""A lake, opened by the URL and the connection that exports were written with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics._object_storage import filesystem_at, local_root
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._path import fill, path_text, verbatim

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.lake.files import LakeFiles


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
    """Put a small file in place, whole or not at all; one of that name is replaced."""
    from airflow_provider_docsanalytics.storage import Storage

    directory, _, name = url.rpartition("/")
    storage = Storage(*filesystem_at(directory or "/", storage_conn_id, None))
    storage.make()
    storage.read(name)
    storage.replace(name, content, "audit")
