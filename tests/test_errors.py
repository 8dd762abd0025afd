"""Every error of this package says what to do, and survives the way to another process."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pickle
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import airflow_provider_docsanalytics as package
from airflow_provider_docsanalytics.errors import (
    ApiError,
    BadResponse,
    CursorLost,
    DocsAnalyticsError,
    StorageError,
    TooWide,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(package.__path__[0])
WITH_REMEDY = (ApiError, BadResponse, CursorLost)
"""Their class knows what to do; for all others, each message says it."""
QUOTING = {
    ("hooks/_base.py", "ConfigError(f'Connection {self.conn_id!r}: {error}')"),
    ("triggers/mintlify.py", "_RefusedError(str(error))"),
    ("operators/_path.py", "ConfigError(f'{name}={text!r:.200}{becomes}: {problem}')"),
    ("operators/lake.py", "AirflowFailException(_failure(report))"),
    ("storage/announced.py", "StorageError(self._busy(path))"),
    ("_airflow_retry.py", "AirflowFailException(str(error))"),
}
"""Where the message of another error is passed on, or another function writes it."""
WRITING = {
    "operators/_path.py": "_problem",
    "operators/lake.py": "_failure",
    "storage/announced.py": "_busy",
}
"""The ends of the names of those functions."""
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
OURS = {kind.__name__ for kind in ERRORS if issubclass(kind, DocsAnalyticsError)}
SPEAKING = OURS | {"AirflowException", "AirflowFailException", "AirflowSensorTimeout"}


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("simulator/"):
            yield name, ast.parse(path.read_text())


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _has_action(node: ast.AST) -> bool:
    """Return whether a text in the code has a second line."""
    texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return any(isinstance(text, str) and "\n" in text for text in texts)


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Return every place where an error that a user sees is made."""
    for name, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in SPEAKING:
                yield name, node


def test_every_error_says_on_a_second_line_what_to_do() -> None:
    calls = list(_calls())
    assert len(calls) > 150
    by_class = {kind.__name__ for kind in ERRORS if issubclass(kind, WITH_REMEDY)}
    silent = {
        (name, ast.unparse(call))
        for name, call in calls
        if _called(call) not in by_class
        and not _has_action(call)
        and len(call.args) < 2  # the second is the remedy
        and all(each.arg != "remedy" for each in call.keywords)
    }
    assert silent == QUOTING


def test_every_message_that_is_written_elsewhere_has_a_second_line_too() -> None:
    returned = [
        (name, ast.unparse(node.value))
        for name, tree in _trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name.endswith(WRITING.get(name, "-"))
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
        and isinstance(node.value, ast.Constant | ast.JoinedStr)
        and not _has_action(node.value)
    ]
    assert set(returned) <= {("operators/_path.py", "''")}


@pytest.mark.parametrize(
    "kind",
    [kind for kind in ERRORS if issubclass(kind, WITH_REMEDY)],
    ids=lambda kind: kind.__name__,
)
def test_an_error_whose_class_knows_what_to_do_says_it_on_its_last_line(
    kind: type[BaseException],
) -> None:
    error = _made(kind)
    assert isinstance(error, DocsAnalyticsError)
    assert error.remedy
    assert str(error).splitlines()[-1].startswith(error.remedy)


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
