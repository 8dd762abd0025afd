"""``make reliability ARGS="wire pairs pages windows cursors"``, in short."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.reliability import cursors, pages, pairs, windows, wire
from tests.reliability.disturbed import DATA
from tests.reliability.schedules import schedules
from tests.support.odd_simulator import OddSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.simulator import Simulator
    from tests.reliability.cases import Case

SLOW = {"hang", "slow drip", "gzip bomb, 300 MiB", "page of 100 MB"}


@pytest.fixture(scope="module")
def small() -> Iterator[Simulator]:
    with OddSimulator(DATA) as service:
        yield service


def _assert_holds(case: Case) -> None:
    assert case.broken == ()
    assert (case.rows_lost, case.rows_doubled, case.asked_again) == (0, 0, 0)


@pytest.mark.parametrize("trouble", wire.TROUBLES, ids=lambda trouble: str(trouble.name))
def test_a_fault_ends_in_a_whole_export_or_in_an_error_that_says_what_to_do(
    small: Simulator, trouble: wire.Trouble
) -> None:
    endpoints = trouble.endpoints[: 1 if trouble.name in SLOW else 3]
    _assert_holds(wire.case(small, replace(trouble, endpoints=endpoints)))


def test_a_redirect_does_not_carry_the_key_away(small: Simulator) -> None:
    _assert_holds(wire.redirected(small))


def test_a_host_without_an_address_is_an_error_and_no_loss(small: Simulator) -> None:
    _assert_holds(wire.unresolved(small))


def test_a_service_that_is_started_anew_is_gone_on_with() -> None:
    _assert_holds(wire.refused())


def test_faults_in_any_order_lose_and_double_no_row() -> None:
    for case in schedules(4):
        _assert_holds(case)


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 407, 413, 429, 503, 524])
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
