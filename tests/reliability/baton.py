"""Attempts of which exactly one moves at a time, from one halting point to the next."""

from __future__ import annotations

import fcntl
import secrets
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

_BLOCKED_AFTER_S = 30.0
"""Of real time without a halting point: then an attempt waits for something that nobody gives."""


class Killed(BaseException):
    """Clears an attempt out of memory that was killed in a schedule whose checks are over."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file that was put in place, with its content, or deleted, without."""

    step: int
    by: int
    name: str
    content: bytes | None


@dataclass(eq=False)
class Attempt:
    """One attempt, which lives in a thread of its own.

    Attributes:
        number: counted from 0 within the schedule.
        work: what it does; how that ends is how the attempt ends.
        saw: once it has ended: the error's name, ``complete`` or ``killed``.
        left: halting points to pass before the baton goes back.
        steps: halting points passed.
        reads_from: the step at which it began to read pages, and owned the directory for good.
    """

    number: int
    work: Callable[[], Any]
    saw: str = ""
    text: str = ""
    killed: bool = False
    left: int = 0
    steps: int = 0
    reads_from: int | None = None
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    thread: threading.Thread | None = None


class Baton:
    """Passes from attempt to attempt: whoever has it runs up to its next halting points.

    Args:
        random: gives the names that attempts choose for themselves, and what stores do by chance.
        say: takes a line at every halting point and change, to be read by people.
    """

    def __init__(
        self,
        random: Random,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._random = random
        self._say = say
        self._here = threading.local()
        self._back = threading.Semaphore(0)
        self._holders: dict[int, Attempt] = {}
        self._flock, self._monotonic = fcntl.flock, time.monotonic
        self.clock_s = 0.0
        self.step = 0
        self.changes: list[Change] = []

    def run(self, attempt: Attempt, steps: int) -> None:
        """Let an attempt take so many steps; fewer if it ends, sleeps, or is refused a lock."""
        attempt.left = steps
        if attempt.thread is None:
            attempt.thread = threading.Thread(target=self._live, args=(attempt,), daemon=True)
            attempt.thread.start()
        else:
            attempt.turn.release()
        if not self._back.acquire(timeout=_BLOCKED_AFTER_S):
            raise RuntimeError(f"attempt {attempt.number} waits for ever, and all others with it")

    def kill(self, attempt: Attempt) -> None:
        """Kill an attempt where it stands: its locks are free, and nothing of it runs any more."""
        attempt.killed, attempt.saw = True, "killed"
        self._tell(attempt, "is KILLED")
        for descriptor, holder in self._holders.items():
            if holder is attempt:
                with suppress(OSError):  # closed since
                    self._flock(descriptor, fcntl.LOCK_UN)

    def clear(self, attempts: list[Attempt]) -> None:
        """End the threads of the killed, once nothing matters of what they still do."""
        for attempt in attempts:
            if attempt.killed and attempt.thread is not None:
                attempt.turn.release()
                attempt.thread.join(_BLOCKED_AFTER_S)

    def halt(self, what: str, *, pause: bool = False) -> None:
        """Pass a halting point; with ``pause`` the others always get their turn."""
        attempt = getattr(self._here, "attempt", None)
        if attempt is None:
            return
        if attempt.killed:
            raise Killed
        self.step += 1
        attempt.left, attempt.steps = attempt.left - 1, attempt.steps + 1
        if pause or attempt.left <= 0:
            self._back.release()
            attempt.turn.acquire()
            if attempt.killed:
                raise Killed
        self._tell(attempt, what)

    def changed(self, name: str, content: bytes | None) -> None:
        """Note what the attempt that moves has put in place or deleted."""
        attempt = getattr(self._here, "attempt", None)
        if attempt is not None and not attempt.killed:
            self.changes.append(Change(self.step, attempt.number, name, content))
            self._tell(attempt, f"  {'PUT' if content is not None else 'DELETED'} {name}")

    def begins_to_read(self) -> None:
        """Note that the attempt that moves has taken the directory over."""
        attempt = self._here.attempt
        if attempt.reads_from is None:
            attempt.reads_from = self.step

    def happens(self, probability: float) -> bool:
        """Whether something happens now that does by chance."""
        return self._random.random() < probability

    def lose_answer(self, probability: float) -> bool:
        """Whether the attempt that moves is not told of the change that it has just made."""
        return bool(self.changes) and self.happens(probability)

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Give attempts a clock, sleep, locks and chance of the schedule's own."""
        real = time.sleep, time.monotonic, fcntl.flock, fcntl.lockf, secrets.token_hex
        time.sleep, time.monotonic = self._sleep, self._now
        fcntl.flock, fcntl.lockf, secrets.token_hex = self._lock, self._lock, self._token_hex
        try:
            yield
        finally:
            time.sleep, time.monotonic, fcntl.flock, fcntl.lockf, secrets.token_hex = real

    def _tell(self, attempt: Attempt, what: str) -> None:
        if self._say:
            self._say(f"{self.step:>6}  {'  ' * 12 * attempt.number}{attempt.number}: {what}")

    def _live(self, attempt: Attempt) -> None:
        self._here.attempt = attempt
        try:
            attempt.work()
            saw, text = "complete", ""
        except BaseException as error:  # noqa: BLE001 - how it ends is checked
            saw, text = type(error).__name__, str(error)
        if not attempt.killed:
            attempt.saw, attempt.text = saw, text
            self._tell(attempt, f"ends: {saw} {text[:120]}")
            self._back.release()

    def _sleep(self, seconds: float) -> None:
        self.clock_s += seconds
        self.halt(f"sleeps {seconds} s", pause=True)

    def _now(self) -> float:
        return self.clock_s if hasattr(self._here, "attempt") else self._monotonic()

    def _token_hex(self, size: int = 4) -> str:
        return self._random.randbytes(size).hex()

    def _lock(self, file: Any, operation: int, *_range: int) -> None:
        """Lock as ``flock`` does; a lock that is not to be had is a halting point."""
        descriptor = file if isinstance(file, int) else file.fileno()
        attempt = getattr(self._here, "attempt", None)
        while True:
            self.halt("locks" if operation & fcntl.LOCK_EX else "shares or leaves a lock")
            try:
                self._flock(descriptor, operation | (attempt is not None and fcntl.LOCK_NB))
            except BlockingIOError:
                self.halt("is refused the lock", pause=True)
                if operation & fcntl.LOCK_NB:
                    raise
            else:
                self._holders[descriptor] = attempt or self._holders.get(descriptor)
                return
