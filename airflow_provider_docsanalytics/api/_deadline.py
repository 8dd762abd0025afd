"""Gives each request a deadline, which a timeout alone does not.

A timeout of ``requests`` limits the silence between two bytes, so a slow stream of bytes can keep a
connection open for ever: in headers, in repeated ``100 Continue``, in a proxy's response to
CONNECT, in a body. Here each read waits at most until the deadline.
"""

from __future__ import annotations

import io
import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import PoolManager, ProxyManager

_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Set the deadline for reads in this block; a nested block can only shorten it."""
    token = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


def remaining_s() -> float:
    """Return the seconds until the deadline; 0 once it is over."""
    return max(0.0, _until.get() - time.monotonic())


class Budget:
    """The seconds that all attempts at one page may take together, without the waits in between.

    Args:
        timeout_s: the connection's.
        attempts: the maximum number. If it is one, a person may be waiting.
    """

    def __init__(self, timeout_s: float, attempts: int) -> None:
        self._timeout_s = timeout_s
        self._left_s = 2 * timeout_s * attempts
        self._longest_s = self._left_s / min(attempts, 2)

    @property
    def is_spent(self) -> bool:
        """Whether not enough is left for one more attempt."""
        return self._left_s < self._timeout_s

    @contextmanager
    def attempt(self) -> Iterator[float]:
        """Limit one attempt; yield its seconds: half of the total, so that two attempts fit."""
        allowed_s, started = min(self._left_s, self._longest_s), time.monotonic()
        try:
            with time_limit(allowed_s):
                yield allowed_s
        finally:
            self._left_s -= time.monotonic() - started


class Adapter(HTTPAdapter):
    """Opens connections whose reads end at the deadline, also through proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools for connections without a proxy."""
        super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Return the pools for connections through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        _bound(manager)
        return manager


class _Raw(io.RawIOBase):
    """The bytes of a socket; a read waits for the socket's timeout or until the deadline."""

    def __init__(self, sock: Any, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._silence_s = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not (left := remaining_s()):
            raise TimeoutError("the deadline is over")
        self._sock.settimeout(min(left, math.inf if self._silence_s is None else self._silence_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Raw(sock, self.fp.detach()))


def _bound(manager: PoolManager) -> None:
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {name: _bounded(pool) for name, pool in classes.items()}


@cache
def _bounded(pool: Any) -> Any:
    """Return a pool class whose connections use :class:`_Response`, also for CONNECT."""
    if pool.ConnectionCls.response_class is _Response:
        return pool
    connection = type("Connection", (pool.ConnectionCls,), {"response_class": _Response})
    return type("Pool", (pool,), {"ConnectionCls": connection})
