"""The same failure in every mode of the sensor, and for a watcher: one table of how it ends."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.reliability.summary import Case
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

MODES = ("poke", "reschedule", "deferrable")
FLAGS = ("", "soft_fail", "never_fail")
_TURN = "2026-02-03T04:05:06.789Z"
_CONNECTION = "AIRFLOW_CONN_MINTLIFY_DEFAULT"


@dataclass(frozen=True)
class Failure:
    """One failure, and how a sensor that meets it ends.

    Attributes:
        faults: as the simulator takes them.
        ends: ``done``, ``times out``, ``fails`` (retries count), or ``fails at once``.
        requests: how many it takes to get there, in every mode; 0: as many as there is time for.
        turns: that are there to be seen.
        minimum: that are waited for.
        key: the connection's key, where it is not the right one.
        announces: turns that a watcher announces, with one more that comes once the failure is
            over; -1: all that are there. It never gives up, so that there is no other ending.
    """

    name: str
    faults: tuple[dict[str, Any], ...]
    ends: str
    requests: int = 0
    turns: int = 4
    minimum: int = 1
    key: str = ""
    announces: int = -1

    @property
    def timeout_s(self) -> float:
        """The sensor's: short where it is meant to pass, so long else that it never does."""
        return 0.4 if self.ends == "times out" else 60.0

    def ends_with(self, flag: str) -> str:
        """Return the ending with that flag set: what Airflow says of it, in every mode."""
        if flag == "soft_fail" and self.ends == "times out":
            return "skipped"
        if flag == "never_fail" and self.ends.startswith("fails"):
            return "skipped"
        return self.ends


def _status(status: int, times: int | None, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"kind": "status", "status": status, "times": times, "headers": named}


def _body(*rows: object, more: bool = False, times: int | None = None) -> dict[str, Any]:
    answer = {"conversations": rows, "hasMore": more, "nextCursor": "next" if more else None}
    return {"kind": "body", "body": json.dumps(answer), "times": times}


_ODD = ({"id": "a", "timestamp": None}, {"id": "b"}, {"id": "c", "timestamp": 5}, 3, None, "x")
_ODD_TEXTS = tuple({"id": "d", "timestamp": text} for text in ("", "soon", "2026-13-01T00:00:00Z"))
_GOOD = {"id": "e", "timestamp": _TURN}
_NULL = {"kind": "set_in_rows", "key": "timestamp", "value": None, "times": None}
FAILURES = (
    Failure("none", (), "done", 1),
    Failure("nobody asks anything", (), "times out", turns=0),
    Failure("a key that has expired", (), "fails at once", 1, key="mint_expired"),
    Failure("401", (_status(401, None),), "fails at once", 1),
    Failure("403", (_status(403, None),), "fails at once", 1),
    Failure("429, told", (_status(429, 1, Retry_After="1"),), "done", 2),
    Failure("429, not told", (_status(429, None),), "times out", announces=0),
    Failure("500 once", (_status(500, 1),), "done", 2),
    Failure("500 four times", (_status(500, 4),), "done", 5),
    Failure("500 five times", (_status(500, 5),), "fails", 5),
    Failure("HTML once", ({"kind": "html", "times": 1},), "done", 2),
    Failure("HTML five times", ({"kind": "html", "times": 5},), "fails", 5),
    Failure("body cut off once", ({"kind": "truncated_json", "times": 1},), "done", 2),
    Failure("body cut off five times", ({"kind": "short_body", "times": 5},), "fails", 5),
    Failure(  # a page for one turn first, which an odd row takes up, then the largest
        "odd rows among turns",
        (_body(_ODD[0], more=True, times=1), _body(*_ODD, _GOOD, *_ODD_TEXTS)),
        "done",
        2,
        turns=0,
        announces=2,
    ),
    Failure(
        "odd rows alone",
        (*(_body(row, times=1) for row in (*_ODD, *_ODD_TEXTS)), _body(_ODD[0])),
        "times out",
    ),
    Failure("odd rows in the turns' room", ({**_NULL, "every": 2},), "done", 2, minimum=2),
)


def cases() -> Iterator[Case]:
    """Run every failure in every mode, with every flag, and once for a watcher.

    Each has its own service: the last request of a sensor that timed out may arrive after its end.
    """
    with _airflow():
        for failure in FAILURES:
            with Simulator(Config(rows=0)) as service:
                yield case(service, failure)


def case(service: Simulator, failure: Failure) -> Case:
    """Run one failure everywhere."""
    saw: Counter[str] = Counter()
    broken = []
    for mode in MODES:
        for flag in FLAGS:
            ended, requests = sensed(service, failure, mode, flag)
            saw[ended] += 1
            if ended != failure.ends_with(flag):
                broken.append(f"{mode} {flag}: {ended}, not {failure.ends_with(flag)}")
            if failure.requests and requests != failure.requests:
                broken.append(f"{mode} {flag}: {requests} requests, not {failure.requests}")
    broken += watched(service, failure)
    what = ", ".join(f"{times} {ended}" for ended, times in saw.items())
    runs = len(MODES) * len(FLAGS) + 1
    return Case(f"{failure.name} (modes, flags, watcher)", runs, what, tuple(broken))


def sensed(service: Simulator, failure: Failure, mode: str, flag: str) -> tuple[str, int]:
    """Return how a sensor ends, and what it has cost."""
    from tests.reliability.sensing import ending

    with _struck(service, failure):
        flags = {flag: True} if flag else {}
        ended = ending(mode, minimum=failure.minimum, timeout=failure.timeout_s, **flags)
        return ended, len(service.requests)


def watched(service: Simulator, failure: Failure) -> list[str]:
    """Return what a watcher does wrong: it sits everything out, and announces each turn once."""
    from tests.reliability.sensing import INTERVAL_S, announced

    def recover() -> None:
        service.clear_faults()
        _connect(service, service.mintlify_key)
        service.add_turns(1, _TURN)

    all_of_them = failure.turns + 1
    expected = all_of_them if failure.announces < 0 else failure.announces

    def ill() -> bool:
        # The second poll is dealt with before the third one is sent; one without an event may wait.
        return len(service.requests) >= (3 if expected else 1)

    with _struck(service, failure):
        counts = announced(recover, ill, most_s=60 if expected else 1)
        times = [entry["at"] for entry in service.requests]
    broken = [] if sum(counts) == expected else [f"watcher: {sum(counts)} turns, not {expected}"]
    # On a busy machine a request may come late, and the next one when it is due.
    if times and len(times) - 2 > (times[-1] - times[0]) / INTERVAL_S:
        broken.append("watcher: more polls than intervals")
    return broken


@contextmanager
def _struck(service: Simulator, failure: Failure) -> Iterator[None]:
    service.reset()
    if failure.turns:
        service.add_turns(failure.turns, _TURN)
    service.add_faults(failure.faults)
    _connect(service, failure.key or service.mintlify_key)
    with redirect_stdout(StringIO()):
        yield


def _connect(service: Simulator, key: str) -> None:
    fields = {"conn_type": "mintlify", "host": service.url, "login": service.project_id}
    os.environ[_CONNECTION] = json.dumps(fields | {"password": key})


@contextmanager
def _airflow() -> Iterator[None]:
    """Give this process an Airflow of its own, if it has none yet."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        if "airflow" not in sys.modules:
            own = airflow_environment(Path(home))
            os.environ.update({name: own[name] for name in own if name.startswith("AIRFLOW")})
            os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
