"""Exports of more pages than the quota allows: whole, asked for once, no slot held meanwhile."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.support.airflow_api import ENDED
from tests.support.airflow_cluster import HOME
from tests.support.exported import read_export
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

PAGES = 250
_ROWS_PER_PAGE = 1000
_QUOTA = "100/75"
_MAX_REFUSALS = 3
_TIMEOUT_S = 780
_EVERY_S = 1.0
_SLACK_S = 10.0
"""Around a wait: until Airflow has noted that a leg has ended, and to start the next one."""
_OK, _REFUSED = 200, 429
_LAKE = HOME / "lake"
_DATA = (
    "--rows",
    str(PAGES * _ROWS_PER_PAGE),
    *("--row-bytes", "200", "--start", "2026-01-01", "--end", "2026-01-31"),
)
Sample = tuple[float, str | None]


@dataclass(frozen=True)
class _Case:
    """One export against a simulator of its own."""

    name: str
    dag_id: str
    service: Service

    @property
    def path(self) -> Path:
        return _LAKE / self.name


def test_exports_of_more_than_the_quota_are_whole_and_hold_no_slot_meanwhile(
    report: Report, airflow: Cluster
) -> None:
    """Run all exports side by side, and one without a quota to compare with."""
    with ExitStack() as serving:
        whole = _case(serving, "unlimited", "e2e_export_deferring")
        limited = [
            *(
                _case(serving, f"deferring_{style}", "e2e_export_deferring", style)
                for style in ("seconds", "date", "none")
            ),
            _case(serving, "retrying_seconds", "e2e_export_retrying", "seconds"),
        ]
        for case in (whole, *limited):
            airflow.add_connection(case.name, case.service.connection(max_wait_s=0))
            airflow.start(case.dag_id, case.name, conn_id=case.name, path=f"file://{case.path}")
        samples = _sample(airflow, {case.name for case in (whole, *limited)})
        digest = read_export(whole.path).digest
        for case in limited:
            _verify(report, case, samples[case.name], digest)
    shutil.rmtree(_LAKE)


def _case(serving: ExitStack, name: str, dag_id: str, style: str | None = None) -> _Case:
    quota = ("--quota", _QUOTA, "--retry-after", style) if style else ()
    return _Case(name, dag_id, serving.enter_context(Service(*_DATA, *quota)))


def _sample(airflow: Cluster, runs: set[str]) -> dict[str, list[Sample]]:
    """Return the states that the runs' tasks went through, until all have ended."""
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    give_up = time.time() + _TIMEOUT_S
    while time.time() < give_up:
        now = time.time()
        states = {task["dag_run_id"]: task["state"] for task in airflow.task_instances()}
        for name in runs:
            samples[name].append((now, states.get(name)))
        if all(states.get(name) in ENDED for name in runs):
            return samples
        time.sleep(_EVERY_S)
    raise TimeoutError(f"not all exports have ended after {_TIMEOUT_S} s")


def _verify(report: Report, case: _Case, samples: list[Sample], digest: str) -> None:
    log = case.service.requests()
    statuses = Counter(entry["status"] for entry in log)
    pages = Counter(entry["query"].get("cursor") for entry in log if entry["status"] == _OK)
    waits = _waits(log)
    waiting = [
        state
        for at, state in samples
        if any(start + _SLACK_S < at < end - _SLACK_S for start, end in waits)
    ]
    report.say(
        f"{case.name}: {samples[-1][1]} in {log[-1]['at'] - log[0]['at']:.0f} s; "
        f"answers {dict(statuses)}; {_streaks(log)} pages in a row; "
        f"waited {[round(end - start) for start, end in waits]} s; "
        f"states meanwhile {dict(Counter(waiting))}; all in all {_seconds(samples)}"
    )
    copy = read_export(case.path)
    report.check(
        f"{case.name}: {copy.manifest['pages']} pages, byte for byte as without a quota",
        holds=(copy.digest, copy.manifest["pages"]) == (digest, PAGES),
    )
    report.check(
        f"{case.name}: no page twice, {statuses[_REFUSED]} refusals",
        holds=max(pages.values()) == 1 and 0 < statuses[_REFUSED] <= _MAX_REFUSALS,
    )
    report.check(
        f"{case.name}: no slot held while waiting",
        holds=bool(waiting) and not {"running", "queued"} & set(waiting),
    )


def _waits(log: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return the times from each refusal to the next request."""
    return [
        (entry["at"], following["at"])
        for entry, following in pairwise(log)
        if entry["status"] == _REFUSED
    ]


def _streaks(log: list[dict[str, Any]]) -> list[int]:
    """Return how many pages were answered before each refusal, and after the last."""
    streaks = [0]
    for entry in log:
        if entry["status"] == _REFUSED:
            streaks.append(0)
        else:
            streaks[-1] += 1
    return streaks


def _seconds(samples: list[Sample]) -> dict[str | None, int]:
    """Return how long each state lasted."""
    spent: Counter[str | None] = Counter()
    for (start, state), (end, _) in pairwise(samples):
        spent[state] += round(end - start)
    return {state: seconds for state, seconds in spent.items() if state not in ENDED}
