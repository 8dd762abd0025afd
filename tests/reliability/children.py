"""Work in a forked process, which may be killed, and how that ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


_CLONE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Attributes:
        killed: whether SIGKILL ended it.
        result: what its work returned.
        error: the type of the exception that ended it, and its text.
    """

    killed: bool
    result: Any = None
    error: str = ""
    text: str = ""

    @property
    def saw(self) -> str:
        """What a user would have seen."""
        return self.error or ("killed" if self.killed else "complete")


class Child:
    """One forked process; its work returns something that JSON takes."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._pipe, theirs = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._pipe)
            _work(work, theirs)
        os.close(theirs)

    def wait_until_stopped(self) -> bool:
        """Wait until it halts; return ``False`` if it ends instead (and can be waited for)."""
        ended = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return ended is not None and ended.si_code == os.CLD_STOPPED

    def go_on(self) -> None:
        """Let it run again."""
        os.kill(self.pid, signal.SIGCONT)

    def wait(self) -> Ended:
        """Return how it ended, once it has."""
        with os.fdopen(self._pipe, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            if os.WTERMSIG(status) != signal.SIGKILL:
                raise RuntimeError(f"a child died of signal {os.WTERMSIG(status)}")
            return Ended(killed=True)
        return Ended(killed=False, **json.loads(answer))


def run(work: Callable[[], Any]) -> Ended:
    """Do the work in a child; return how it ended."""
    return Child(work).wait()


def in_lanes(works: Iterable[Callable[[], Any]], lanes: int = 2) -> Iterator[Any]:
    """Do each work in a child, so many at once; yield their results in order."""
    running: deque[Child] = deque()
    for work in works:
        if len(running) == lanes:
            yield _result(running.popleft())
        running.append(Child(work))
    while running:
        yield _result(running.popleft())


def run_part(*arguments: str) -> None:
    """Run a part of ``make reliability`` in a process of its own; show its lines as they come."""
    command = [sys.executable, "-m", "tests.reliability", *arguments]
    lines = []
    with subprocess.Popen(
        command, cwd=_CLONE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as part:
        assert part.stdout is not None
        for line in part.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    assert part.returncode == 0, "".join(lines[-50:])


def _result(child: Child) -> Any:
    ended = child.wait()
    if ended.saw != "complete":
        raise RuntimeError(f"a lane ended early: {ended.saw} {ended.text}")
    return ended.result


def _work(work: Callable[[], Any], pipe: int) -> None:
    """Do the work and end the process, whatever happens."""
    try:
        answer = {"result": work()}
    except BaseException as error:  # noqa: BLE001 - the parent is told, and this process ends
        answer = {"error": type(error).__name__, "text": str(error)}
    os.write(pipe, json.dumps(answer).encode())
    os._exit(0)
