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
    from collections.abc import Iterator, Mapping

    from benchmarks.rig import Service

_SCHEMES = {"S3": "s3", "GCS": "gs", "Azure": "abfs"}
_PAGES = (1, 10, 25)
_NOT_FULL = 9
_DELAY_S = 0.05
_STARTS = 3
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


@contextmanager
def _store(scheme: str) -> Iterator[Store | str]:
    """Start a store; give what to do first if it is not installed."""
    with printing_json("benchmarks.stores", scheme, python=PROVIDERS) as ready:
        yield ready["missing"] if "missing" in ready else Store(ready)


def storage(service: Service, **_: Any) -> Part:
    """Requests to S3, GCS and Azure, the CPU of one row, and the time at 50 ms a request."""
    figures: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name, scheme in _SCHEMES.items():
        with _store(scheme) as store:
            if isinstance(store, str):
                missing[name] = store
                continue
            for pages in _PAGES:
                figures |= _export(name, store, service, pages)
            if name == "S3":
                figures |= _only_s3(store, service, figures["S3 checkpoints 10"])
    return _table(figures, missing)


def _export(name: str, store: Store, service: Service, pages: int) -> dict[str, float]:
    """Return what an export of so many pages requests, and what it needs."""
    store.count(_DELAY_S)
    ran = store.export(service, Shape(pages))
    requested = store.count()
    checkpoints = sum("PUT" in line and "_checkpoint.json" in line for line in requested)
    return {
        f"{name} {pages}": len(requested),
        f"{name} checkpoints {pages}": checkpoints,
        f"{name} wall_s {pages}": ran["wall_s"],
        f"{name} cpu_ms {pages}": ran["cpu_s"] * 1000,
    }


def _only_s3(store: Store, service: Service, checkpoints: float) -> dict[str, float]:
    """Return how many more checkpoints a full last part costs, and the CPU of one row."""
    without = _export("S3", store, service, _NOT_FULL)[f"S3 checkpoints {_NOT_FULL}"]
    runs = [store.export(service, ONE_ROW)["cpu_s"] for _ in range(_STARTS)]
    return {
        "idle_checkpoints": checkpoints - without,
        "S3 start_ms": statistics.median(runs) * 1000,
    }


def _table(figures: dict[str, float], missing: Mapping[str, str]) -> Part:
    part = Part(figures=figures)
    part.row("requests, by pages of an export", *map(str, _PAGES))
    for name in _SCHEMES:
        if name in missing:
            part.table.append(f"{name}: not measured; first run: {missing[name]}")
            continue
        part.row(name, *(f"{figures[f'{name} {pages}']:.0f}" for pages in _PAGES))
        excess = (figures[f"{name} {pages}"] - figures[f"S3 {pages}"] for pages in _PAGES)
        figures[f"{name} over S3"] = max(excess)
    part.row("s, if each takes 50 ms: S3", *_cells(figures, "S3 wall_s", ".2f"))
    part.row("CPU ms: S3", *_cells(figures, "S3 cpu_ms", ".0f"))
    part.row("1 row to s3://, CPU ms", f"{figures['S3 start_ms']:.0f}")
    part.row("checkpoints for a full last part", f"{figures['idle_checkpoints']:.0f}")
    return part


def _cells(figures: Mapping[str, float], name: str, form: str) -> list[str]:
    return [format(figures[f"{name} {pages}"], form) for pages in _PAGES]
