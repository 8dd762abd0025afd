"""A ledger on a real S3 API: what it costs, and whose clock it keeps."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.quota.account import Quota
from airflow_provider_docsanalytics.quota.ledger import Ledger
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.storage import Storage
from tests.reliability import s3_proxy
from tests.storage.places import s3

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "https://api.mintlify.com"


@pytest.fixture(scope="module")
def watched(s3_url: str) -> Iterator[str]:
    """An S3 whose requests are counted: the URL."""
    with s3_proxy.proxy(s3_url) as url:
        yield url


def _requests(url: str) -> int:
    """Return how many requests S3 has had since this was last called."""
    return s3_proxy.fail(url, 0, "")


def _ledger(url: str, root: str, **options: Any) -> Ledger:
    usual: dict[str, Any] = {"service": SERVICE, "quota": Quota(100, 3600)}
    return Ledger(Storage(s3(url), root, f"s3://{root}"), f"s3://{root}", **usual | options)


@pytest.fixture
def root() -> str:
    return f"lake/{uuid.uuid4()}"


def test_a_request_costs_two_requests_to_s3_at_most_and_one_if_nobody_else_sends(
    watched: str, root: str
) -> None:
    one, other = _ledger(watched, root), _ledger(watched, root)
    _requests(watched)
    for _ in range(5):
        assert one.enter(0).entered
    assert _requests(watched) == 6, "one read, and a write for each"
    assert other.enter(0).entered
    assert _requests(watched) == 2
    for number in range(10):  # each finds the account changed by the other, the first time in vain
        assert (one, other)[number % 2].enter(0).entered
    assert _requests(watched) == 10 * 2 + 2
    assert len(one.read().entries) == 16


def test_without_a_ledger_nothing_is_asked_of_the_storage(watched: str) -> None:
    _requests(watched)
    with Simulator(Config(rows=5)) as service:
        settings = Settings(service.url, service.mintlify_key)
        with Client(settings) as client:
            list(client.iter_pages(MINTLIFY.select("views", project_id=service.project_id)))
            assert client.quota_left is None
        assert len(service.requests) == 1
    assert _requests(watched) == 0


@pytest.mark.parametrize("off_s", [-60, 60, -86_400])
def test_a_worker_whose_clock_is_wrong_enters_requests_by_the_clock_of_the_storage(
    watched: str, root: str, off_s: float
) -> None:
    right = _ledger(watched, root, quota=Quota(3, 3600))
    wrong = _ledger(watched, root, quota=Quota(3, 3600), now=lambda: time.time() + off_s)
    for ledger in (right, wrong, wrong):
        assert ledger.enter(0).entered
    moments = [each.moment for each in right.read().entries]
    assert moments == pytest.approx([time.time()] * 3, abs=10)
    waits = [ledger.enter(0).wait_s for ledger in (right, wrong)]
    assert waits == pytest.approx([3618, 3618], abs=10)


def test_a_clock_that_agrees_within_the_seconds_of_a_date_is_kept(watched: str, root: str) -> None:
    """The first moment is exact, so that short periods can be shared too."""
    ledger = _ledger(watched, root, quota=Quota(1, 5))
    before = time.time()
    ledger.enter(0)
    ledger.enter(10)
    after = time.time()
    moments = [each.moment for each in ledger.read().entries]
    assert before <= moments[0] <= after
    assert moments[1] - moments[0] == pytest.approx(5.5, abs=0.001)
