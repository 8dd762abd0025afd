"""Starts the service and the contenders, each in a process of its own, and checks what they did."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from benchmarks import verify
from benchmarks.contenders import DLT_SETTINGS, QUERY
from benchmarks.server import PREPARED, SPENT
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.pages import Shape

CLONE = Path(__file__).resolve().parent.parent
CACHE = CLONE / ".cache"
HOME = CACHE / "bench"
HERE = Path(sys.executable)
BASE = CACHE / "bench-base" / "bin" / "python"
"""The provider with no other provider."""
PROVIDERS = CACHE / "bench-providers" / "bin" / "python"
"""The provider beside those of Google, Microsoft, Amazon and OpenLineage."""
OUT = HOME / f"out-{os.getpid()}"
"""Where the contenders of this process write."""
Rounds = list[dict[str, dict[str, float]]]
"""The figures of each contender, round by round."""
_TIMEOUT_S = 30
_RUN_TIMEOUT_S = 3600


class WrongRunError(Exception):
    """A run failed, or it brought other rows than the service has."""


@dataclass
class Service:
    """The server of prepared pages."""

    url: str
    mintlify_key: str
    _verified: set[str] = field(default_factory=set)
    _prepared: Shape | None = None

    def describe(self, shape: Shape, **more: Any) -> dict[str, Any]:
        """Return what a contender has to know."""
        return {"url": self.url, "mintlify_key": self.mintlify_key, "shape": str(shape), **more}

    def spent(self) -> dict[str, float]:
        """Return its requests and its CPU time since this was last called."""
        spent: dict[str, float] = requests.get(self.url + SPENT, timeout=_TIMEOUT_S).json()
        return spent

    def bodies(self, shape: Shape) -> Iterator[bytes]:
        """Yield its pages, all of them."""
        url = f"{self.url}/v1/analytics/{shape}/assistant"
        headers, cursor = {"Authorization": f"Bearer {self.mintlify_key}"}, {}
        with requests.Session() as session:
            while True:
                query = {**QUERY, **cursor}
                response = session.get(url, params=query, headers=headers, timeout=_TIMEOUT_S)
                response.raise_for_status()
                yield response.content
                following = json.loads(response.content)["nextCursor"]
                if following is None:
                    return
                cursor = {"cursor": following}

    def prepare(self, shape: Shape) -> None:
        """Have pages ready, so that to make them is no part of what is measured."""
        if shape != self._prepared:
            deque(islice(self.bodies(shape), PREPARED), maxlen=0)
            self._prepared = shape

    def verify(self, shape: Shape, export: Path) -> None:
        """Require that an export has every row of the service; the same files only once."""
        digest = f"{shape} {verify.digest(export)}"
        if digest in self._verified:
            return
        if wrong := verify.difference(self.bodies(shape), export):
            raise WrongRunError(wrong)
        self._verified.add(digest)


@contextmanager
def service() -> Iterator[Service]:
    """Serve prepared pages from a process of its own."""
    with printing_json("benchmarks.server") as ready:
        try:
            yield Service(**ready)
        finally:
            shutil.rmtree(OUT, ignore_errors=True)


@contextmanager
def printing_json(module: str, *arguments: str, python: Path = HERE) -> Iterator[Any]:
    """Run a module that prints a line of JSON once it serves; give what it printed."""
    command = [python, "-m", module, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=CLONE, start_new_session=True
    ) as running:
        assert running.stdout is not None
        try:
            line = running.stdout.readline()
            if not line:
                raise WrongRunError(f"{module} ended before it served")
            yield json.loads(line)
        finally:
            running.terminate()


def run(
    name: str,
    service: Service,
    shape: Shape,
    *,
    python: Path = HERE,
    verified: bool = True,
    connections: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, float]:
    """Run one contender in a process of its own; return its figures.

    Args:
        name: of the contender.
        service: what it asks.
        shape: how much it exports.
        python: the environment in which it runs.
        verified: whether every row of an export to :data:`OUT` is compared with the service's.
        connections: more connections, by the name of their environment variable.
        more: ``options`` of the operator, ``stamped``.

    Raises:
        WrongRunError: it failed, or brought other rows.
    """
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    service.prepare(shape)
    service.spent()
    description = json.dumps(service.describe(shape, **more))
    command = [python, "-m", "benchmarks.contenders", name, description, str(OUT)]
    figures = figures_of(name, command, _environment(service, shape, connections or {}))
    figures["server_cpu_s"] = service.spent()["cpu_s"]
    if figures["rows"] != shape.rows:
        raise WrongRunError(f"{name} brought {figures['rows']} rows of {shape.rows}")
    if verified and (OUT / "export").exists():
        service.verify(shape, OUT / "export")
    return figures


def figures_of(name: str, command: list[Any], environment: Mapping[str, str]) -> dict[str, float]:
    """Run a process to its end; return the figures that it prints last.

    Raises:
        WrongRunError: it failed.
    """
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=CLONE,
            capture_output=True,
            text=True,
            check=False,
            timeout=_RUN_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise WrongRunError(f"{name} did not end within {_RUN_TIMEOUT_S} s") from error
    if done.returncode:
        raise WrongRunError(f"{name} failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _environment(service: Service, shape: Shape, connections: Mapping[str, str]) -> dict[str, str]:
    ours = {
        "conn_type": "mintlify",
        "host": service.url,
        "login": str(shape),
        "password": service.mintlify_key,
    }
    return airflow_environment(
        HOME,
        AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(ours),
        AIRFLOW_CONN_BENCH_HTTP=json.dumps({"conn_type": "http", "host": service.url}),
        AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
        # gcsfs asks for the kind of a bucket over gRPC, which no emulator has.
        GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT="false",
        **DLT_SETTINGS,
        **connections,
    )


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}


def cpu_ratio(rounds: Rounds, name: str, to: str = "floor") -> float:
    """Return the median over rounds of one contender's CPU time relative to another's."""
    return statistics.median(each[name]["cpu_s"] / each[to]["cpu_s"] for each in rounds)
