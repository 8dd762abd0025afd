"""The public names: the documentation's reference must have each of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

PACKAGE = "airflow_provider_docsanalytics"
PACKAGES = ("hooks", "operators", "sensors", "triggers")
MODULES = ("assets", "errors", "window", "api.endpoint")
DESCRIBED = ("operators._export", "hooks._base", "_airflow_retry", "_retry")
"""Documented, but not for import: bases of public classes, and a default."""
# Of this module, only what hooks accept and return.
ONLY = {"api.endpoint": ("Page", "Selection", "Platform", "Endpoint", "Filter")}


def modules() -> list[str]:
    """Return the public modules, below the package."""
    found = [
        f"{package}.{module.name}"
        for package in PACKAGES
        for module in pkgutil.iter_modules(importlib.import_module(f"{PACKAGE}.{package}").__path__)
    ]
    return [name for name in found if "._" not in name] + list(MODULES)


def public() -> set[str]:
    """Return the full name of every public class and function."""
    return {f"{PACKAGE}.{module}.{name}" for module in modules() for name in _names(module)}


def _names(module: str) -> list[str]:
    loaded = importlib.import_module(f"{PACKAGE}.{module}")
    return [
        name
        for name, value in vars(loaded).items()
        if name in ONLY.get(module, (name,))
        and not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == loaded.__name__
    ]
