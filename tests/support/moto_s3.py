"""moto's S3, which writes on condition in two steps, made to write in one as S3 does."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = ("get_object", "put_object")


def write_in_one_step() -> None:
    """Let no request of this process's servers come between a condition and its write."""
    from moto.s3.responses import S3Response  # late, because it takes a second

    lock = threading.Lock()
    for name in _STEPS:
        setattr(S3Response, name, _one_by_one(getattr(S3Response, name), lock))


def _one_by_one(method: Callable[..., Any], lock: threading.Lock) -> Callable[..., Any]:
    @functools.wraps(method)
    def locked(*arguments: Any) -> Any:
        with lock:
            return method(*arguments)

    return locked
