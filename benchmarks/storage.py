"""What exports ask of the stores: requests, checkpoints, CPU, and time where requests are slow."""

from __future__ import annotations

import json
import statistics
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.pages import Shape
from benchmarks.parts import ONE_ROW, Part
from benchmarks.rig import PROVIDERS, printing_json, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rig import Service

_SCHEMES = {"S3": "s3", "GCS": "gs", "Azure": "abfs"}
_PAGES = (1, 10, 25)
_ROWS = 100
_DELAY_S = 0.05
_STARTS = 5
_COUNTED = "/_counted"
_TIMEOUT_S = 30


class Store:
    """A running store with a counter in front of it."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._ready = ready
        self._exports = 0

    def count(self, delay_s: float = 0) -> list[str]:
        """Return the requests since this was last called; delay each one from now on."""
        url, body = self._ready["counter"] + _COUNTED, str(delay_s)
        counted: list[str] = requests.post(url, data=body, timeout=_TIMEOUT_S).json()
        return counted

    def export(self, service: Service, shape: Shape, **options: Any) -> dict[str, float]:
        """Export into a directory of its own; return the figures."""
        self._exports += 1
        name = f"AIRFLOW_CONN_{self._ready['conn_id'].upper()}"
        return run(
            "ours",
            service,
            shape,
            python=PROVIDERS,
            connections={name: json.dumps(self._ready["connection"])},
            options={"path": f"{self._ready['path']}/{self._exports}", **options},
        )

    def counted(self, service: Service, pages: int) -> list[str]:
        """Return the requests of an export of so many pages."""
        self.count()
        self.export(service, Shape(pages, _ROWS))
        return self.count()


@contextmanager
def _store(scheme: str) -> Iterator[Store | str]:
    """Start a store; give what to do first if it is not installed."""
    with printing_json("benchmarks.stores", scheme, python=PROVIDERS) as ready:
        yield ready["missing"] if "missing" in ready else Store(ready)


def storage(service: Service, **_: Any) -> Part:
    """Requests to S3, GCS and Azure; CPU of one row; time where a request takes 50 ms."""
    part = Part()
    lines = {}
    for name, scheme in _SCHEMES.items():
        with _store(scheme) as store:
            if isinstance(store, str):
                lines[name] = f"{name}: not measured. First: {store}"
                continue
            part.figures |= _requests(name, store, service) | _start(name, store, service)
            if name == "S3":
                part.figures |= _idle(store, service) | _slow(store, service)
    _show(part, lines)
    return part


def _requests(name: str, store: Store, service: Service) -> dict[str, float]:
    return {f"{name} {pages}": len(store.counted(service, pages)) for pages in _PAGES}


def _start(name: str, store: Store, service: Service) -> dict[str, float]:
    runs = [store.export(service, ONE_ROW)["cpu_s"] for _ in range(_STARTS)]
    return {f"{name} start_ms": statistics.median(runs) * 1000}


def _idle(store: Store, service: Service) -> dict[str, float]:
    """Return how many more checkpoints an export writes if its last part is full."""
    full, rest = (
        sum("PUT" in line and "_checkpoint.json" in line for line in store.counted(service, pages))
        for pages in (10, 9)
    )
    return {"idle_checkpoints": full - rest}


def _slow(store: Store, service: Service) -> dict[str, float]:
    store.count(_DELAY_S)
    figures = {
        f"slow_s {pages}": store.export(service, Shape(pages, _ROWS))["wall_s"] for pages in _PAGES
    }
    store.count()
    return figures


def _show(part: Part, lines: dict[str, str]) -> None:
    figures = part.figures
    part.row("requests of an export", *(f"{pages} pages" for pages in _PAGES), "CPU ms")
    for name in _SCHEMES:
        if name in lines:
            part.table.append(lines[name])
            continue
        counts = [f"{figures[f'{name} {pages}']:.0f}" for pages in _PAGES]
        part.row(name, *counts, f"{figures[f'{name} start_ms']:.0f}")
        if name != "S3":
            excess = (figures[f"{name} {pages}"] - figures[f"S3 {pages}"] for pages in _PAGES)
            figures[f"{name} over S3"] = max(excess)
    part.row("S3, 50 ms a request, s", *(f"{figures[f'slow_s {pages}']:.2f}" for pages in _PAGES))
    part.row("checkpoints of a full last part", f"{figures['idle_checkpoints']:.0f}")
