"""The one file system that a URL needs, without those of the other providers.

Only the modules of file systems say which schemes they serve. So Airflow imports those of all
installed providers to open any path, even a local one: beside the providers of Google, Microsoft
and Amazon, each task spends seconds of CPU. Here, the schemes are read in the modules' sources.
"""

from __future__ import annotations

import ast
import inspect
import logging
import re
from contextlib import suppress
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

LOCAL = ("file", "local")
"""Schemes of the local disk."""
_STORE = "airflow.sdk.io" if AIRFLOW_V_3_0_PLUS else "airflow.io.store"
"""Where ``attach`` is."""
log = logging.getLogger(__name__)

_SCHEMES = re.compile(
    r"^schemes\b[^=\n]*=\s*(?P<list>[\[({].*?[\])}])[ \t]*(#[^\n]*)?$", re.MULTILINE | re.DOTALL
)
"""``schemes = ["s3", "s3a"]`` in the source of a provider's file system."""


def attach_filesystem(scheme: str, conn_id: str | None) -> None:
    """Attach the file system of a scheme, for ``ObjectStoragePath`` to use.

    Attaches nothing if a file system is attached already, or if no provider is found that serves
    the scheme: then ``ObjectStoragePath`` searches all of them, and has the last word.

    Raises:
        ValueError, ImportError: the provider cannot open its file system.
    """
    try:
        attach = import_module(_STORE).attach
    except (ImportError, AttributeError):  # Airflow has moved it
        return
    with suppress(ValueError):  # none is attached
        attach(alias=f"{scheme}-{conn_id}" if conn_id else scheme)
        return
    if get_fs := _get_fs_of(scheme):
        attach(scheme, conn_id, fs=_open(get_fs, conn_id))


def _open(get_fs: Callable[..., Any], conn_id: str | None) -> Any:
    """Return what a provider's ``get_fs`` returns; older ones accept no storage options."""
    accepts_options = len(inspect.signature(get_fs).parameters) > 1
    return get_fs(conn_id, {}) if accepts_options else get_fs(conn_id)


def _get_fs_of(scheme: str) -> Callable[..., Any] | None:
    """Return the function that opens a scheme's file system, ``None`` if none is found."""
    # Of two modules with one scheme, Airflow uses the one with the later name.
    for name in sorted(_filesystem_modules(), reverse=True):
        try:
            schemes = _schemes_in_source(name)
            if schemes is None or scheme in schemes:
                module = import_module(name)
                if scheme in module.schemes:
                    return module.get_fs  # type: ignore[no-any-return]
        except Exception:  # as Airflow does
            log.debug("Ignoring the file system %s", name, exc_info=True)
    return _open_local if scheme in LOCAL else None


def _open_local(_: str | None) -> Any:
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

    return LocalFileSystem()


def _filesystem_modules() -> Iterator[str]:
    """Yield the names of the modules that installed providers list as file systems."""
    for entry_point in entry_points(group="apache_airflow_provider"):
        try:
            yield from entry_point.load()().get("filesystems", ())
        except Exception:
            log.debug("Ignoring the provider %s", entry_point.value, exc_info=True)


def _schemes_in_source(module: str) -> Collection[str] | None:
    """Return the schemes that a module lists, ``None`` if only importing it can tell."""
    spec = find_spec(module)
    loader = spec and spec.loader
    source = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    found = _SCHEMES.search(source or "")
    try:
        return found and ast.literal_eval(found["list"])
    except (ValueError, SyntaxError):  # computed
        return None
