"""The storage of an export: its connection, its options, and the directory that they open."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics._file_system import LOCAL, attach_filesystem
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.export.directory import ExportDirectory

_CREDENTIAL = re.compile(
    r"(?i)^(key|token|username)$|secret|password|passphrase|credential|connection_string"
    r"|access_?key|account_key|private_key|customer_?key|(sas|session|security)_token"
)
_STRICT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
"""Protocols whose file systems name all of their options; those of others pass options on."""
_OF_EVERY_FILE_SYSTEM = frozenset(
    {"use_listings_cache", "listings_expiry_time", "max_paths", "skip_instance_cache"}
)


def check_options(options: object) -> None:
    """Refuse anything but a dict, and credentials: Airflow displays rendered parameters."""
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"storage_options is {type(options).__name__}, not a dict.\nWrite a dict of the file "
            "system's own options, such as {'requester_pays': True}."
        )
    if nameless := [name for name in options if not isinstance(name, str)]:
        raise ConfigError(
            f"storage_options has {nameless[0]!r:.100} where the name of an option belongs.\n"
            "Write the name as text, such as {'requester_pays': True}."
        )
    for name in _names(options):
        if _CREDENTIAL.search(name):
            raise ConfigError(
                f"storage_options contains {name!r}, and Airflow shows the parameters of a task to "
                "everyone who sees the task.\nPut credentials into the connection of path, and "
                "its ID into storage_conn_id."
            )


def directory_at(
    url: str, storage_conn_id: str | None, options: Mapping[str, Any] | None
) -> ExportDirectory:
    """Return the directory at a URL, opened through its connection and with these options.

    Raises:
        ConfigError: the connection, the file system or an option does not exist.
    """
    from airflow_provider_docsanalytics.export.directory import ExportDirectory

    return ExportDirectory(*filesystem_at(url, storage_conn_id, options))


def filesystem_at(
    url: str, storage_conn_id: str | None, options: Mapping[str, Any] | None
) -> tuple[Any, str, str]:
    """Return the file system of a URL, the URL's path on it, and the URL as messages name it.

    Raises:
        ConfigError: as :func:`directory_at`.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    # In Airflow 2 an explicit None overrides the connection in the URL.
    connection = {"conn_id": storage_conn_id} if storage_conn_id else {}
    conn_id = _connection_of(url, storage_conn_id)
    if options is not None:
        check_options(options)
    try:
        attach_filesystem(_scheme_of(url), conn_id)
        path = ObjectStoragePath(url, **connection)
        filesystem = _reopen(path.fs, options) if options else path.fs
        if root := local_root(url):
            return filesystem, root, url
        return filesystem, path.path, str(path)
    except ConfigError:
        raise
    except (ValueError, ImportError) as error:
        raise ConfigError(
            f"Cannot open path={url!r}: {error}.\nCheck its connection. On the workers, s3:// "
            "needs airflow-provider-docsanalytics[s3], gs:// needs [gcs], abfs:// needs [azure]."
        ) from error


def _reopen(filesystem: Any, options: Mapping[str, Any]) -> Any:
    """Return the connection's file system, reopened with more options.

    Airflow cannot do this: ``ObjectStoragePath`` drops options, and Amazon's ``get_fs`` passes
    them to ``botocore``'s client.
    """
    kind = type(filesystem)
    protocols = filesystem.protocol
    if _STRICT & ({protocols} if isinstance(protocols, str) else set(protocols)):
        known = set(_parameters(kind))
        if unknown := sorted(set(options) - known):
            raise ConfigError(
                f"storage_options: {kind.__name__} has no option {', '.join(unknown)}.\nUse its "
                f"options: {', '.join(sorted(known))}."
            )
    given = filesystem.storage_options
    merged = {name: _merged(given.get(name), value) for name, value in options.items()}
    try:
        return kind(*filesystem.storage_args, **{**given, **merged})
    except TypeError as error:
        raise ConfigError(
            f"storage_options: {kind.__name__} does not accept them: {error}.\nCheck their names "
            "and types in the documentation of the file system."
        ) from error


def _merged(given: Any, value: Any) -> Any:
    """Return an option, merged into what the connection sets for it."""
    if isinstance(given, Mapping) and isinstance(value, Mapping):
        return {**given, **value}
    return value


def without_connection(url: str) -> str:
    """Return a URL as loaders need it: without the Airflow connection."""
    scheme, found, rest = url.partition("://")
    bucket, slash, key = rest.partition("/")
    return f"{scheme}{found}{bucket.rpartition('@')[2]}{slash}{key}"


def _connection_of(url: str, storage_conn_id: str | None) -> str | None:
    """Return the ID of a path's connection; refuse two, and one that does not exist.

    Airflow uses the one in the URL. Where that does not exist, it continues without any: with the
    worker's own credentials, in whatever bucket has that name for them.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    named = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if named and storage_conn_id and named != storage_conn_id:
        raise ConfigError(
            f"path names the connection {named!r}, but storage_conn_id={storage_conn_id!r}.\n"
            "Leave one of them out."
        )
    conn_id = storage_conn_id or named or None
    if conn_id:
        try:
            BaseHook.get_connection(conn_id)
        except AirflowNotFoundException as error:
            raise ConfigError(
                f"The connection {conn_id!r} of path and storage_conn_id does not exist "
                f"({error}).\nCreate the connection, or correct its ID."
            ) from error
    return conn_id


def _scheme_of(url: str) -> str:
    return LOCAL[0] if url.startswith("/") else url.partition("://")[0]


def local_root(url: str) -> str | None:
    """Return the directory on the local disk, ``None`` for a URL of other storage.

    Taken literally: parsed as a URL it would end at ``?``, ``#`` and ``::``, which names may have.
    """
    scheme, found, rest = url.partition("://")
    if url.startswith("/"):
        return url
    return rest if found and scheme in LOCAL else None


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
