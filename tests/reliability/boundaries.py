"""Every step of an export that leaves a trace, as a moment at which something may happen.

Python's own audit events tell of every file opened for writing, rename, deletion and new directory
before it is done, and of every HTTP request before it is sent; of S3 calls that change something,
and of answers, there is a before and an after; of writes to local files, the middle. The product
knows nothing of this.
"""

from __future__ import annotations

import builtins
import io
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3fs import S3FileSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_docsanalytics.export.plan import PageLike

_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir"})
_AROUND_REQUESTS = ("before a request", "after an answer")
_UNDER_LOCK = ("_checkpoint.json", "_manifest.json", "os.remove of .docsanalytics.lock")
_DELAYS_S = (0.0, 0.0, 0.0, 0.0, 0.0, 0.001, 0.005, 0.02)
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Boundaries:
    """Counts the boundaries that one export reaches in this process.

    Args:
        act: called at every boundary with its number, from 1, and what it is.
    """

    def __init__(self, act: Callable[[int, str], None]) -> None:
        self._act = act
        self._paths: tuple[str, ...] = ()
        self.count = 0

    def reach(self, what: str) -> None:
        """Count one boundary and act on it."""
        self.count += 1
        self._act(self.count, what)

    def watch(self, *paths: str) -> None:
        """Look from now on at what this process does below these paths, and at its requests.

        There is no way back: it is a child's own process.
        """
        self._paths = paths
        sys.addaudithook(self._audit)
        real_open = builtins.open

        def watched_open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            opened = real_open(file, mode, *args, **kwargs)
            if mode == "xb" and self._is_ours(file):
                return io.BufferedWriter(_Torn(opened.detach(), self))
            return opened

        builtins.open = watched_open

    def pages(self, pages: Iterator[PageLike]) -> Iterator[PageLike]:
        """Pass pages on, and tell of each that has come."""
        for page in pages:
            self.reach("after an answer")
            yield page

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "http.client.send":
            self.reach("before a request")
        elif self._is_change(event, arguments) and self._is_ours(arguments[0]):
            self.reach(f"before {event} of {Path(arguments[0]).name}")

    @staticmethod
    def _is_change(event: str, arguments: tuple[Any, ...]) -> bool:
        return event in _CHANGES or (event == "open" and bool(arguments[2] & _TO_WRITE))

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._paths)


class _Torn(io.RawIOBase):
    """A file of which every write has a middle."""

    def __init__(self, raw: io.FileIO, boundaries: Boundaries) -> None:
        self._raw = raw
        self._boundaries = boundaries
        self.name = raw.name

    def write(self, data: Any) -> int:
        half = bytes(data)[: len(data) // 2]
        written = self._raw.write(half) or 0
        self._boundaries.reach(f"in the middle of a write of {Path(self.name).name}")
        return written + (self._raw.write(bytes(data)[written:]) or 0)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class WatchedS3(S3FileSystem):  # type: ignore[misc]
    """S3, with a boundary before and after every call that changes something."""

    cachable = False
    retries = 1  # what fails is seen, not tried again
    boundaries: Boundaries | None = None
    chunk_bytes: int | None = None
    """What is twice as large is uploaded in parts of this size."""

    async def _put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        if self.chunk_bytes:
            kwargs["chunksize"] = self.chunk_bytes
        await super()._put_file(lpath, rpath, **kwargs)

    async def _call_s3(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self.boundaries is None or method.startswith(("head_", "get_", "list_")):
            return await super()._call_s3(method, *args, **kwargs)
        self.boundaries.reach(f"before {method}")
        answer = await super()._call_s3(method, *args, **kwargs)
        self.boundaries.reach(f"after {method}")
        return answer


def kill_at(number: int) -> Callable[[int, str], None]:
    """Return an act that ends the process at one boundary, as the kernel ends one."""

    def act(reached: int, _what: str) -> None:
        if reached == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def stop_at(number: int) -> Callable[[int, str], None]:
    """Return an act that halts the process at one boundary until someone sends SIGCONT.

    Boundaries under the lock of a local directory do not count: rivals would wait for it for a
    minute, and then fail.
    """
    outside = 0

    def act(_reached: int, what: str) -> None:
        nonlocal outside
        if not any(name in what for name in _UNDER_LOCK):
            outside += 1
            if outside == number:
                os.kill(os.getpid(), signal.SIGSTOP)

    return act


def dawdle(seed: str) -> Callable[[int, str], None]:
    """Return an act that waits at random boundaries, mostly not at all, at times for long."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated

    def act(_reached: int, _what: str) -> None:
        time.sleep(chance.choice(_DELAYS_S))

    return act


def fail_from(number: int, code: int) -> Callable[[int, str], None]:
    """Return an act that lets every file operation fail with an ``errno`` from one on."""
    operations = 0

    def act(_reached: int, what: str) -> None:
        nonlocal operations
        if what not in _AROUND_REQUESTS:
            operations += 1
            if operations >= number:
                raise OSError(code, os.strerror(code))

    return act


def terminate_at(number: int) -> Callable[[int, str], None]:
    """Return an act that sends SIGTERM at one request or answer; a handler raises, as Airflow's."""
    requests = 0

    def raise_it(*_: object) -> None:
        raise Terminated

    def act(_reached: int, what: str) -> None:
        nonlocal requests
        if what in _AROUND_REQUESTS:
            requests += 1
            if requests == number:
                signal.signal(signal.SIGTERM, raise_it)
                os.kill(os.getpid(), signal.SIGTERM)

    return act


class Terminated(BaseException):
    """What SIGTERM is turned into."""
