"""The directory of an export, as an Airflow connection and storage options reach it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._path import check_connection, local_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.export.directory import ExportDirectory

_CREDENTIAL = re.compile(
    r"(?i)^(key|token|username)$|secret|password|passphrase|credential|connection_string"
    r"|access_?key|account_key|private_key|customer_?key|(sas|session|security)_token"
)
_STRICT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
"""Whose file systems name all their options; those of others pass them on."""
_OF_EVERY_FILE_SYSTEM = frozenset(
    {"use_listings_cache", "listings_expiry_time", "max_paths", "skip_instance_cache"}
)


def check_options(options: object) -> None:
    """Refuse what is no dict, and credentials: task instances show their rendered parameters."""
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"storage_options is {type(options).__name__}: expected a dict of the file system's "
            "own options, such as {'requester_pays': True}."
        )
    if nameless := [name for name in options if not isinstance(name, str)]:
        raise ConfigError(f"storage_options: {nameless[0]!r:.100} is no name of an option.")
    for name in _names(options):
        if _CREDENTIAL.search(name):
            raise ConfigError(
                f"storage_options holds {name!r}: Airflow shows parameters of tasks to whoever "
                "sees the task. Put credentials into the connection of path, and its ID into "
                "storage_conn_id."
            )


def directory_at(
    url: str, storage_conn_id: str | None, options: Mapping[str, Any] | None
) -> ExportDirectory:
    """Return the directory at a URL.

    Raises:
        ConfigError: there is no such connection, file system or option.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_docsanalytics.export.directory import ExportDirectory

    # Airflow 2 takes an explicit None for the connection, and then not the one in the URL.
    connection = {"conn_id": storage_conn_id} if storage_conn_id else {}
    check_connection(url, storage_conn_id)
    if options is not None:
        check_options(options)
    try:
        path = ObjectStoragePath(url, **connection)
        filesystem = _with(path.fs, options) if options else path.fs
        if root := local_root(url):
            return ExportDirectory(filesystem, root, url)
        return ExportDirectory(filesystem, path.path, str(path))
    except (ValueError, ImportError) as error:
        raise ConfigError(
            f"path={url!r} cannot be written to: {error}. Check its connection; s3:// needs "
            "airflow-provider-docsanalytics[s3] where the workers run, gs:// [gcs], abfs:// "
            "[azure]."
        ) from error


def _with(filesystem: Any, options: Mapping[str, Any]) -> Any:
    """Return the connection's file system, made again with more options.

    No Airflow does this: ``ObjectStoragePath`` leaves options out, and Amazon's ``get_fs`` takes
    them for those of ``botocore``'s client.
    """
    kind = type(filesystem)
    protocols = filesystem.protocol
    if _STRICT & ({protocols} if isinstance(protocols, str) else set(protocols)):
        known = set(_parameters(kind))
        if unknown := sorted(set(options) - known):
            raise ConfigError(
                f"storage_options: {kind.__name__} has no option {', '.join(unknown)}. It has: "
                f"{', '.join(sorted(known))}."
            )
    given = filesystem.storage_options
    merged = {name: _merged(given.get(name), value) for name, value in options.items()}
    try:
        return kind(*filesystem.storage_args, **{**given, **merged})
    except TypeError as error:
        raise ConfigError(
            f"storage_options: {kind.__name__} does not take them: {error}"
        ) from error


def _merged(given: Any, value: Any) -> Any:
    """Return an option; where the connection gives some members of it, those stay."""
    if isinstance(given, Mapping) and isinstance(value, Mapping):
        return {**given, **value}
    return value


def _parameters(kind: type) -> Iterator[str]:
    yield from _OF_EVERY_FILE_SYSTEM
    for each in kind.__mro__[:-1]:
        for name, parameter in inspect.signature(each.__init__).parameters.items():  # type: ignore[misc]
            if name != "self" and parameter.kind not in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            ):
                yield name


def _names(options: Mapping[Any, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield str(name)
        if isinstance(value, Mapping):
            yield from _names(value)
