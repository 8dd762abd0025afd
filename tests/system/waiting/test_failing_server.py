"""Servers that only fail: how often ours ask them, and how often Airflow's HTTP trigger."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.airflow_cluster import CLONE, HOME
from tests.support.airflow_home import airflow_environment
from tests.support.simulator_process import Service
from tests.system.waiting.poll_worker import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.report import Report

FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429},
    "401": {"kind": "status", "status": 401},
    "500": {"kind": "status", "status": 500},
    "reset": {"kind": "reset_before_headers"},
    "hang": {"kind": "hang", "seconds": 600},
}
CONTENDERS = {
    "trigger": "MintlifyConversationTrigger of a sensor",
    "watcher": "MintlifyConversationTrigger of a watcher",
    "sensor": "MintlifyConversationSensor, mode='poke'",
    "http": "HttpSensorTrigger of Airflow's http provider",
}
OURS = ("trigger", "watcher", "sensor")
_INTERVAL_S = 10
_SECONDS = 65
_TIMEOUT_S = 5  # so that even hanging answers leave time for a poll an interval
_MOST_REQUESTS = 20_000
_EVERY_S = 2
_SLACK_S = 60


@dataclass
class _Case:
    """One contender against one fault, each with a simulator of its own."""

    contender: str
    fault: str
    service: Service
    process: subprocess.Popen[str]
    started: float = 0
    requests: int = 0
    seconds: float = 0
    outcome: str = ""


def test_a_server_that_only_fails_is_asked_at_most_once_an_interval(report: Report) -> None:
    """Run every contender against every fault, all at once, and compare."""
    with ExitStack() as running:
        cases = [
            running.enter_context(_case(contender, fault))
            for fault in FAULTS
            for contender in CONTENDERS
        ]
        _watch(cases)
    report.say(f"poke interval {_INTERVAL_S} s, at most {_SECONDS} s, {_MOST_REQUESTS} requests")
    print(f"{'fault':7}{'contender':10}{'requests':>9}{'in s':>7}  outcome")
    for case in cases:
        print(
            f"{case.fault:7}{case.contender:10}{case.requests:>9}{case.seconds:>7.1f}"
            f"  {case.outcome[:90]}"
        )
    for kind, name in CONTENDERS.items():
        if kind in OURS:
            worst = max((case for case in cases if case.contender == kind), key=_over)
            report.check(
                f"{name}: at most a request an interval, and one; most: {worst.requests} "
                f"({worst.fault}) in {worst.seconds:.0f} s",
                holds=_over(worst)[0] <= 0,
            )


def _over(case: _Case) -> tuple[float, int]:
    """Return how far a case has gone beyond one request an interval and one, and its requests."""
    return case.requests - 1 - case.seconds // _INTERVAL_S, case.requests


@contextmanager
def _case(contender: str, fault: str) -> Iterator[_Case]:
    forever = json.dumps({**FAULTS[fault], "times": None})
    with Service("--rows", "0", "--fault", forever) as service:
        connection = service.connection(timeout_s=_TIMEOUT_S)
        environment = airflow_environment(
            HOME.with_name("e2e_failing_server"),
            AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(connection),
            AIRFLOW_CONN_HTTP_DEFAULT=json.dumps({"conn_type": "http", "host": service.url}),
            AIRFLOW__LOGGING__LOGGING_LEVEL="CRITICAL",  # nobody reads what a contender logs
            E2E_KEY=connection["password"],
        )
        arguments = (contender, str(_SECONDS), service.conversations_path, str(_INTERVAL_S))
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.waiting.poll_worker", *arguments],
            cwd=CLONE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield _Case(contender, fault, service, process)
        finally:
            process.kill()
            process.wait()


def _watch(cases: list[_Case]) -> None:
    """Return once all contenders have ended, of themselves or for having asked too often."""
    for case in cases:
        case.started = float(_line(case).removeprefix("started "))
    give_up = time.monotonic() + _SECONDS + _SLACK_S
    while any(case.process.poll() is None for case in cases):
        if time.monotonic() > give_up:
            raise TimeoutError("a contender goes on after its time")
        for case in cases:
            if case.process.poll() is None and len(case.service.requests()) >= _MOST_REQUESTS:
                case.process.kill()
        time.sleep(_EVERY_S)
    for case in cases:
        log = case.service.requests()
        case.requests = len(log)
        ended, _, case.outcome = _line(case).partition(" ")
        if not ended:
            case.outcome = "stopped: too many"
        case.seconds = float(ended or log[-1]["at"]) - case.started


def _line(case: _Case) -> str:
    """Return the next line of a contender's own, past Airflow's log; nothing at its end."""
    assert case.process.stdout is not None
    own = (line for line in case.process.stdout if line.startswith(MARK))
    return next(own, "").removeprefix(MARK).rstrip()
