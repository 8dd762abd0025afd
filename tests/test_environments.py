"""Each Airflow of the matrix has pins that say what they should."""

from __future__ import annotations

import re

import pytest
from environments import CLONE, ENVIRONMENTS, constraints_of

PIN = re.compile(r"[a-z0-9-]+==[\w.+!]+( ; [\w.<>=!*' ()]+)?")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_constraints_are_pins_and_nothing_else(name: str) -> None:
    lines = constraints_of(name).read_text().splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert f"apache-airflow=={ENVIRONMENTS[name].airflow}" in lines


def test_there_are_no_constraints_that_nothing_runs_with() -> None:
    known = {constraints_of(name) for name in ENVIRONMENTS}
    assert set((CLONE / "constraints").iterdir()) == known
