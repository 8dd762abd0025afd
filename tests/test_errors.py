"""Every error of this package survives the way to another process."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest

import airflow_provider_docsanalytics as package
from airflow_provider_docsanalytics.errors import StorageError, TooWide

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES: dict[str, Any] = {
    "status": 504,
    "endpoint": "views",
    "detail": "upstream timed out",
    "retry_after_s": 7.0,
    "note": "known of this status",
    "from_api": False,
    "halves": "one half and the other",
    "message": "what happened",
    "remedy": "what to do",
    "reason": "what is wrong",
    "truncated": True,
    "cut_off": True,
    "size": 3,
    "error": "what is wrong",
    "details": ("one", "two"),
    "headers": {"Retry-After": "3"},
}
"""A value for each argument that an error takes, and none of them is the default."""
ELSEWHERE = ".__main__"
"""What not every Airflow can import, and a command; none of them defines an error."""
HANDED_ON: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda error: pickle.loads(pickle.dumps(error)),  # noqa: S301 - our own
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
}


def _errors() -> list[type[BaseException]]:
    """Return the classes of all errors that are defined anywhere in the package."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.endswith(ELSEWHERE)
    ]
    return sorted(
        {
            value
            for module in modules
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, BaseException)
            and value.__module__.startswith(package.__name__)
        },
        key=lambda kind: f"{kind.__module__}.{kind.__name__}",
    )


def _made(kind: type[BaseException]) -> BaseException:
    parameters = [
        each
        for each in inspect.signature(kind.__init__).parameters.values()
        if each.name != "self" and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if not parameters:
        return kind("what happened")
    named = {each.name: SAMPLES[each.name] for each in parameters if each.kind == each.KEYWORD_ONLY}
    return kind(*(SAMPLES[each.name] for each in parameters if each.name not in named), **named)


ERRORS = _errors()


def test_every_error_of_the_package_is_found() -> None:
    names = {kind.__name__ for kind in ERRORS}
    assert {"ConfigError", "TooWide", "NoSuchThread", "RowsMoved", "TooLarge", "NotJson"} <= names


@pytest.mark.parametrize("way", HANDED_ON)
@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_in_another_process(kind: type[BaseException], way: str) -> None:
    error = _made(kind)
    error.add_note("said by whoever saw it")
    moved = HANDED_ON[way](error)
    assert type(moved) is kind
    assert str(moved) == str(error) != ""
    assert (moved.args, vars(moved)) == (error.args, vars(error))


def test_the_samples_differ_from_what_an_error_has_by_default() -> None:
    error = _made(TooWide)
    assert isinstance(error, TooWide)
    assert (error.halves, error.retry_after_s) == (SAMPLES["halves"], 7.0)
    assert SAMPLES["halves"] in str(error)


def test_an_error_of_the_operating_system_keeps_its_number() -> None:
    moved = HANDED_ON["pickled"](StorageError(28, "No space left on device"))
    assert (moved.errno, moved.strerror) == (28, "No space left on device")
