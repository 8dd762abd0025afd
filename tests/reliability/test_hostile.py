"""``make reliability ARGS="memory deadline"``, in short."""

from __future__ import annotations

import pytest

from tests.reliability import deadline, memory


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("row of members", "as dense as allowed"),
        ("row of members", "far too dense"),
        ("lists in a row", "dense, and long"),
        ("total 900 deep", "as dense as allowed"),
    ],
)
def test_an_answer_takes_no_more_memory_than_is_promised(name: str, size: str) -> None:
    (shape,) = (shape for shape in memory.SHAPES if shape.name == name)
    assert memory.case(shape, size, ("jsonl",)).broken == ()


@pytest.mark.parametrize("what", ["header", "body", "error body"])
def test_attempts_that_drip_end(what: str) -> None:
    assert deadline.case(what, attempts=(1, 2)).broken == ()
