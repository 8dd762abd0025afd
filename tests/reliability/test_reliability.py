"""Everything that goes wrong in production, made to happen, and what became of the rows.

The short form runs with the tests; the full one, which prints ``docs/reliability_table.md``, with
``pytest -m reliability`` (``make reliability``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.export.formats import OutputFormat
from tests.reliability import cursors, deadline, memory, pages, pairs, windows, wire
from tests.reliability.children import run_part
from tests.reliability.differential import (
    COMPRESSIONS,
    CONTEXT,
    FORMATS,
    READERS,
    TYPED,
    differences,
)
from tests.reliability.disturbed import DATA
from tests.reliability.odd_rows import FIELDS, said
from tests.reliability.schedules import schedules
from tests.reliability.summary import heading
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator
    from tests.reliability.summary import Case

PARTS = (
    *("crash", "races", "explorer", "stalls", "storage", "rights", "clock", "wire", "pairs"),
    *("pages", "windows", "cursors", "modes", "differential", "labels", "templates"),
    *("memory", "deadline", "quota", "lake", "silence", "split"),
)
QUICK = ("crash", "races", "explorer", "storage", "rights", "clock", "lake", "silence", "split")
"""The others have tests of their own below, or in ``tests/airflow``."""


@pytest.mark.parametrize("part", QUICK)
def test_no_row_is_lost_or_doubled(part: str) -> None:
    run_part("--quick", part)


@pytest.fixture(scope="session")
def _table() -> None:
    print(f"\n{heading()}", flush=True)


@pytest.mark.reliability
@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize("part", PARTS)
def test_no_row_is_lost_or_doubled_in_full(part: str) -> None:
    run_part(part)


SLOW = {"hang", "slow drip", "gzip bomb, 300 MiB", "page of 100 MB"}


@pytest.fixture(scope="module")
def small() -> Iterator[Simulator]:
    with OddSimulator(DATA) as service:
        yield service


def _assert_holds(case: Case) -> None:
    assert case.broken == ()
    assert (case.rows_lost, case.rows_doubled, case.asked_again) == (0, 0, 0)


@pytest.mark.parametrize("fault_case", wire.FAULT_CASES, ids=lambda case: str(case.name))
def test_a_fault_ends_in_a_whole_export_or_in_an_error_that_says_what_to_do(
    small: Simulator, fault_case: wire.FaultCase
) -> None:
    endpoints = fault_case.endpoints[: 1 if fault_case.name in SLOW else 3]
    _assert_holds(wire.case(small, replace(fault_case, endpoints=endpoints)))


def test_a_redirect_does_not_carry_the_key_away(small: Simulator) -> None:
    _assert_holds(wire.redirected(small))


def test_a_host_without_an_address_is_an_error_and_no_loss(small: Simulator) -> None:
    _assert_holds(wire.unresolved(small))


def test_a_service_that_is_started_anew_is_gone_on_with() -> None:
    _assert_holds(wire.refused())


def test_faults_in_any_order_lose_and_double_no_row() -> None:
    for case in schedules(4):
        _assert_holds(case)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 407, 413, 422, 429, 503, 524])
def test_a_status_is_judged_before_its_body(small: Simulator, status: int) -> None:
    endpoint = pairs.ENDPOINTS[status % len(pairs.ENDPOINTS)]
    _assert_holds(pairs.case(small, status, (endpoint,)))


@pytest.mark.parametrize("name", pages.REFUSALS)
def test_a_page_that_is_too_large_is_read_by_smaller_ones(small: Simulator, name: str) -> None:
    number = list(pages.REFUSALS).index(name)
    _assert_holds(pages.case(small, name, (pages.ENDPOINTS[number % len(pages.ENDPOINTS)],)))


def test_an_outage_costs_one_small_page_and_lowers_nothing(small: Simulator) -> None:
    _assert_holds(pages.outages(small))


def test_wide_windows_are_halved_where_that_is_exact_and_else_refused() -> None:
    for case in windows.cases():
        _assert_holds(case)


def test_lost_cursors_cost_a_fresh_start_and_no_row() -> None:
    for case in cursors.cases():
        _assert_holds(case)


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


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("file_format", "compression"), list(zip(FORMATS, COMPRESSIONS, strict=True))
)
def test_every_reader_gives_back_every_value_as_it_was_sent(
    reader: str, file_format: str, compression: str | None
) -> None:
    layout = OutputFormat(file_format, compression, CONTEXT, FIELDS)
    typed = file_format == "jsonl" and reader in TYPED
    assert differences(layout, reader, READERS[reader], 1000, typed=typed) == []


def test_a_reader_that_rounds_or_drops_a_value_is_found() -> None:
    layout = OutputFormat("parquet", None, CONTEXT, FIELDS)

    def forgetful(file: str) -> list[dict[str, object]]:
        return [{**row, "hits": None} for row in READERS["pyarrow"](file)]

    found = differences(layout, "forgetful", forgetful, 0, typed=False)
    assert len(found) > 100
    assert "hits: None" in found[0]


def test_what_a_row_says_has_every_value_of_a_name_that_comes_twice() -> None:
    assert said(rb'{"a":"\ud83d","a":1.50,"a":2}').keys() == {"a", "a__1", "a__2"}
