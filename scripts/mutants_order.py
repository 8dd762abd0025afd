"""A pytest plugin for mutants.py: quick tests first, and a directory for each process."""

from __future__ import annotations

import os
import shutil

import pytest
from mutmut.state import state


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Several mutants are tested at a time: none may clear another's temporary files."""
    config.option.basetemp = f".cache/{os.getpid()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A run ends with the first failure; seconds in which they ran unmutated are known."""
    seconds = state().duration_by_test
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing: there are hundreds of runs."""
    for directory in (config.option.basetemp, f"{config.option.basetemp}-home"):
        shutil.rmtree(directory, ignore_errors=True)
