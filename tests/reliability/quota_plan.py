"""What ``docsanalytics plan`` says that a year costs, against what it then costs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import fsspec

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability.stage import play, stage
from tests.reliability.summary import Case
from tests.support.airflow_home import airflow_environment
from tests.support.lake import DAY, LakeWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FROM = datetime(2025, 1, 1, tzinfo=UTC)
_KNOWN_DAYS = 56
"""Exported before the plan is made, after the year."""
_ROWS_A_DAY = 300
_PAGE_SIZE = 100
"""A tenth of the largest: so the site costs as many requests as one that is ten times as busy."""
_OFF = 0.1
_ENDPOINTS = tuple(name for name, row in MINTLIFY.endpoints.items() if row.windowed)


def cases(days: int = 365) -> Iterator[Case]:
    """Plan a backfill, and run it."""
    with stage() as (lake, _):
        yield from play([partial(_planned, lake, days)])


def _planned(lake: Path, days: int) -> Case:
    until = _FROM + days * DAY
    all_days = days + _KNOWN_DAYS
    config = Config(
        rows=all_days * _ROWS_A_DAY,
        start=_FROM.isoformat(),
        end=(_FROM + all_days * DAY).isoformat(),
    )
    with Simulator(config) as service:
        writer = LakeWriter(service, fsspec.filesystem("file"), str(lake / "planned"))
        for number in range(_KNOWN_DAYS):
            for name in _ENDPOINTS:
                writer.write(MINTLIFY, name, until + number * DAY, **_pages(name))
        plan = _plan(service, writer.root, until, lake)
        costs = {name: _cost(service, name, days) for name in _ENDPOINTS}
    planned = {each["endpoint"]: each["requests"] for each in plan["endpoints"]}
    off = {name: planned[name] / cost - 1 for name, cost in costs.items()}
    worst = max(off, key=lambda name: abs(off[name]))
    total = plan["requests"] / sum(costs.values()) - 1
    broken = [f"the plan is {total:+.1%} off"] if abs(total) > _OFF else []
    return Case(
        f"a backfill of {days} days, planned by {_KNOWN_DAYS} others",
        days * len(_ENDPOINTS),
        f"{plan['requests']:,} requests planned (at most {plan['requests_high']:,}), "
        f"{sum(costs.values()):,} sent: {total:+.1%}; most off: {worst}, {off[worst]:+.1%}",
        tuple(broken),
    )


def _plan(service: Simulator, lake: str, until: datetime, home: Path) -> dict[str, Any]:
    """Return what the command says."""
    connection = json.dumps(
        {
            "conn_type": "mintlify",
            "host": service.url,
            "login": service.project_id,
            "password": service.mintlify_key,
        }
    )
    variables = airflow_environment(home / "airflow", AIRFLOW_CONN_MINTLIFY_DEFAULT=connection)
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.cli", "plan"]
    window = ["--from", f"{_FROM:%Y-%m-%d}", "--to", f"{until:%Y-%m-%d}"]
    done = subprocess.run(
        [*command, *window, "--lake", lake, "--format", "json"],
        env=variables,
        stdout=subprocess.PIPE,
        check=True,
    )
    plan: dict[str, Any] = json.loads(done.stdout)
    return plan


def _cost(service: Simulator, endpoint: str, days: int) -> int:
    """Return how many requests it takes to read each day."""
    with Client(Settings(service.url, service.mintlify_key)) as client:
        for number in range(days):
            window = DateWindow.between(_FROM + number * DAY, _FROM + (number + 1) * DAY)
            selection = MINTLIFY.select(
                endpoint, window=window, project_id=service.project_id, **_pages(endpoint)
            )
            for _ in client.iter_pages(selection):
                pass
        return client.requests_sent


def _pages(endpoint: str) -> dict[str, int]:
    """Return the page size of an endpoint that has pages."""
    return {"page_size": _PAGE_SIZE} if MINTLIFY.endpoint(endpoint).page_size else {}
