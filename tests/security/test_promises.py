"""SECURITY.md names a test for each promise, and the tests are there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROMISES = re.findall(
    r"^\| (?!Promise|-)(.+) \| (.+) \|$",
    (HERE.parent.parent / "SECURITY.md").read_text(),
    re.MULTILINE,
)


def test_every_promise_names_tests_that_exist() -> None:
    files = [*HERE.glob("test_*.py"), HERE.parent / "properties" / "test_redaction.py"]
    code = "".join(path.read_text() for path in files)
    there = set(re.findall(r"^def (test_\w+)\(", code, re.MULTILINE))
    assert len(PROMISES) > 10
    for promise, tests in PROMISES:
        named = re.findall(r"`(test_\w+)`", tests)
        assert named, promise
        assert set(named) <= there, promise
