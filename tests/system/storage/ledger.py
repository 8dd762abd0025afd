"""The quota's ledger on the real server of each storage, named as a connection's extra names it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.quota.ledger import Ledger
    from tests.support.report import Report
    from tests.support.stores import Lake

_WORKERS, _LIMIT = 5, 20
_OFF_S = 60.0
_EXACT_S = 10.0


def run(report: Report, lake: Lake) -> None:
    """Let workers enter more than there is room for, one of them with a wrong clock."""
    style = lake.styles()[0]  # a ledger has no parameter for its connection
    off_s = _OFF_S if lake.connection else 0.0  # a disk tells no time
    url = f"{style.url}/quota"
    workers = [_ledger(url) for _ in range(_WORKERS - 1)]
    workers.append(_ledger(url, now=lambda: time.time() - off_s))
    with ThreadPoolExecutor(_WORKERS) as pool:
        entered = sum(pool.map(_enter, workers))
    account = _ledger(url).read()
    report.check(
        f"{lake.name}: {_WORKERS} workers with {_WORKERS * 10} requests enter {_LIMIT} of them, "
        "each one once",
        holds=entered == len(account.entries) == _LIMIT,
    )
    late_s = [time.time() - each.moment for each in account.entries]
    report.check(
        f"{lake.name}: a worker whose clock is {off_s:.0f} s off enters requests by the storage's",
        holds=all(-_EXACT_S < each < _OFF_S - _EXACT_S for each in late_s),
    )
    refused = [not ledger.enter(0).entered and ledger.left == 0 for ledger in workers]
    report.check(f"{lake.name}: all workers see that none is left", holds=all(refused))


def _enter(ledger: Ledger) -> int:
    return sum(ledger.enter(0).entered for _ in range(10))


def _ledger(url: str, **options: Any) -> Ledger:
    """Return the ledger that a connection would name."""
    from airflow_provider_docsanalytics._object_storage import filesystem_at
    from airflow_provider_docsanalytics.quota.account import Quota
    from airflow_provider_docsanalytics.quota.ledger import Ledger
    from airflow_provider_docsanalytics.storage import Storage

    quota = Quota(_LIMIT, 3600)
    storage = Storage(*filesystem_at(url, None, None))
    return Ledger(storage, url, service="https://api.example.com", quota=quota, **options)
