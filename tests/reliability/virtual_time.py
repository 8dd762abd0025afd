"""Time that passes only while every process sleeps: hours of many workers in a minute of this one.

So a busy machine makes a run longer, and nothing in it later. What is awake at one moment runs at
once, on all processors, and races.
"""

from __future__ import annotations

import mmap
import os
import selectors
import struct
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from tests.reliability.children import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_START = 1_800_000_000.0
"""In seconds since 1970."""
_TICK_S = 0.25
"""Sleeps end at full ticks, so that many end together."""
_MOMENT = struct.Struct("d")


@dataclass(frozen=True)
class Clock:
    """The time, as one process has it."""

    shared: mmap.mmap
    says: int = -1
    hears: int = -1

    def now(self) -> float:
        """Return seconds since 1970."""
        moment: float = _MOMENT.unpack_from(self.shared)[0]
        return moment

    @property
    def passed_s(self) -> float:
        """How long it has been since the start, in seconds."""
        return self.now() - _START

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or a tick more."""
        wakes = self.now() + ceil(max(0.0, seconds) / _TICK_S) * _TICK_S
        os.write(self.says, _MOMENT.pack(wakes))
        if not os.read(self.hears, 1):
            raise TimeoutError("the time has ended")


class VirtualTime:
    """The time of several processes. They are made first, and run from :meth:`run` on."""

    def __init__(self, works: Iterable[Callable[[Clock], Any]]) -> None:
        self.clock = Clock(mmap.mmap(-1, _MOMENT.size))
        self._set(_START)
        self._children: list[Child] = []
        self._wakes: list[int] = []
        self._asleep: dict[int, float] = {}
        self._hear = selectors.DefaultSelector()
        for number, work in enumerate(works):
            self._children.append(self._child(number, work))

    def run(self) -> list[Any]:
        """Let time pass until all have ended; return their results."""
        while self._hear.get_map():
            for key, _ in self._hear.select():
                if said := os.read(key.fd, _MOMENT.size):
                    self._asleep[key.data] = _MOMENT.unpack(said)[0]
                else:  # it has ended
                    self._hear.unregister(key.fd)
            if self._asleep and len(self._asleep) == len(self._hear.get_map()):
                self._wake_next()
        ended = [child.wait() for child in self._children]
        if broken := [each for each in ended if each.saw != "complete"]:
            raise RuntimeError(f"a process ended early: {broken[0].saw} {broken[0].text}")
        return [each.result for each in ended]

    def _wake_next(self) -> None:
        self._set(min(self._asleep.values()))
        for number in [each for each, wakes in self._asleep.items() if wakes <= self.clock.now()]:
            del self._asleep[number]
            os.write(self._wakes[number], b".")

    def _set(self, moment: float) -> None:
        _MOMENT.pack_into(self.clock.shared, 0, moment)

    def _child(self, number: int, work: Callable[[Clock], Any]) -> Child:
        hears, says = os.pipe()
        woken, wakes = os.pipe()
        clock = Clock(self.clock.shared, says, woken)

        def wait_and_work() -> Any:
            clock.sleep(0)
            return work(clock)

        child = Child(wait_and_work)
        os.close(says)
        os.close(woken)
        self._wakes.append(wakes)
        self._hear.register(hears, selectors.EVENT_READ, number)
        return child
