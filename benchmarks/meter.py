"""What each step of an export costs, measured in the process while it runs.

A profiler that looks at every call makes small functions look expensive. This one looks at a few
functions, none of which is called for each row, and takes 0.1 % of the time.
"""

from __future__ import annotations

import time
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import ours
from benchmarks.pages import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PACKAGE = "airflow_provider_docsanalytics"
_STEPS = {
    "send the request": ("requests", "Session.get"),
    "read the response": (f"{_PACKAGE}.api._http", "read_body"),
    "cut it into rows, check them": (f"{_PACKAGE}.api._http", "parse_body"),
    "limits, attempts, redaction": (f"{_PACKAGE}.api.client", "Client._fetch"),
    "find repeated rows": (f"{_PACKAGE}.export.row_keys", "RowKeys.add_page"),
    "make rows readable": (f"{_PACKAGE}.export.part", "readable"),
    "find schema drift": (f"{_PACKAGE}.export.drift", "RowSchema.check"),
    "encode": (f"{_PACKAGE}.export.part", "Part.write"),
    "compress": (f"{_PACKAGE}.export.formats", "OutputFormat.compressed"),
    "hash and write": (f"{_PACKAGE}.export.part", "_Digest.write"),
    "publish, checkpoint": (f"{_PACKAGE}.export.writer", "Writer.publish"),
    "commit": (f"{_PACKAGE}.export.run", "commit"),
}
START, OTHER = "start", "other"
STEPS = (START, *_STEPS, OTHER)


class Meter:
    """Adds up the CPU time of functions, each without the functions that it calls."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STEPS, 0.0)
        self._inner = [0.0]

    def call(self, step: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Return what a function returns."""
        started = time.process_time()
        self._inner.append(0.0)
        try:
            return function(*arguments, **named)
        finally:
            spent = time.process_time() - started
            self.spent[step] += spent - self._inner.pop()
            self._inner[-1] += spent

    def watch(self, step: str, module: str, path: str) -> None:
        """Measure a function of a module, or of a class of it, from now on."""
        *outer, name = path.split(".")
        owner = import_module(module)
        for each in outer:
            owner = getattr(owner, each)
        function = getattr(owner, name)

        @wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            result = self.call(step, function, *arguments, **named)
            # A compressor costs something each time that it is used.
            return _Compressor(self, result) if step == "compress" and result else result

        setattr(owner, name, measured)


class _Compressor:
    """A compressor that is measured."""

    def __init__(self, meter: Meter, file: Any) -> None:
        self._meter = meter
        self._file = file
        self.closed = False

    def write(self, data: bytes) -> int:
        return int(self._meter.call("compress", self._file.write, data))

    def flush(self) -> None:
        self._meter.call("compress", self._file.flush)

    def close(self) -> None:
        self.closed = True
        self._meter.call("compress", self._file.close)


def metered(service: Mapping[str, Any], out: str) -> dict[str, float]:
    """Export one row, then all of them; return the CPU seconds by step."""
    meter = Meter()
    options = service.get("options", {})
    one_row = {"project_id": str(Shape(1, 1)), "path": f"file://{out}/one-row"}
    meter.call(START, ours, {**service, "options": options | one_row}, out)
    for step, (module, path) in _STEPS.items():
        meter.watch(step, module, path)
    rows = meter.call(OTHER, ours, service, out)
    return {"rows": rows, **meter.spent}
