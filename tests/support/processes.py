"""Processes that end with the ``with`` block that started them, and with them all they started."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_STOP_TIMEOUT_S = 15


def wait_for(
    what: str, condition: Callable[[], bool], timeout_s: float, every_s: float = 1.0
) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: it took too long; the message says what was waited for.
    """
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout_s:
            raise TimeoutError(f"waited {timeout_s:.0f} s in vain: {what}")
        time.sleep(every_s)


@contextmanager
def process(
    log: Path, environment: Mapping[str, str], *command: str | Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own, its output in a log."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield running
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End a process with all its descendants, which Airflow leaves behind on SIGTERM."""
    if running.poll() is not None:
        return
    family = _family(running.pid)
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    _, stubborn = psutil.wait_procs(family, timeout=_STOP_TIMEOUT_S)
    for member in stubborn:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    running.wait()


def kill(pid: int) -> None:
    """Kill a process with all its descendants, as when its machine dies."""
    family = _family(pid)
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=_STOP_TIMEOUT_S)


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants, as far as there still are any."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def free_ports(count: int) -> list[int]:
    """Return ports of this machine's loopback that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
