"""A thousand triggers in one event loop: how long they block it, and what each one takes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.airflow_cluster import CLONE, HOME
from tests.support.airflow_home import airflow_environment
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.report import Report

TRIGGERS = 1000
_LATENCY_MS = 50
_MOST_BLOCKED_MS = 100.0


def test_a_thousand_triggers_do_not_block_the_event_loop(report: Report) -> None:
    """Measure in a process of its own, whose connection is an environment variable."""
    with Service("--rows", "0", "--latency-ms", str(_LATENCY_MS)) as service:
        directory = HOME.with_name("e2e_loop")
        environment = airflow_environment(
            directory, AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(service.connection())
        )
        measured = subprocess.run(
            [sys.executable, "-m", "tests.system.waiting.loop_worker", str(TRIGGERS)],
            cwd=CLONE,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        result = json.loads(measured.stdout.splitlines()[-1])
        requests = len(service.requests())
    report.say(
        f"{TRIGGERS} triggers, {result['seconds']:.0f} s, {requests} requests "
        f"({result['ended']} triggers ended)"
    )
    for name in ("baseline", "triggers"):
        lags = result[name]
        report.say(
            f"{name}: the loop was late by {lags['median_ms']:.1f} ms (median), "
            f"{lags['p99_ms']:.1f} ms (99 %), {lags['longest_ms']:.0f} ms at most, "
            f"{lags['longest_without_gc_ms']:.0f} ms without Python's garbage collector"
        )
    report.say(f"{result['kb_per_trigger']:.1f} kB of memory per trigger")
    report.say("no triggerer: the connection is an environment variable, not asked for elsewhere")
    blocked_ms = result["triggers"]["longest_without_gc_ms"]
    report.check(
        f"{TRIGGERS} triggers block the loop for {blocked_ms:.0f} ms, at most "
        f"{_MOST_BLOCKED_MS:g}, without the garbage collector",
        holds=blocked_ms < _MOST_BLOCKED_MS,
    )
    polls = requests / TRIGGERS
    report.check(
        f"no trigger has ended; each has polled {polls:.1f} times of {result['polls_due']} due",
        holds=result["ended"] == 0 and 1 <= polls <= result["polls_due"],
    )
