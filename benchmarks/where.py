"""Where the CPU of an export goes, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.meter import OTHER, STEPS
from benchmarks.parts import QUOTA, Part
from benchmarks.rig import BASE, medians, run

if TYPE_CHECKING:
    from benchmarks.rig import Service

_FORMS: dict[str, dict[str, Any]] = {
    "jsonl": {},
    "gzip": {"compression": "gzip"},
    "zstd": {"compression": "zstd"},
    "csv": {"file_format": "csv"},
    "parquet": {"file_format": "parquet"},
}


def where(service: Service, rounds: int, **_: Any) -> Part:
    """The CPU of each step, for each format, beside that of an export that is not looked at."""
    measured: dict[str, list[dict[str, float]]] = {form: [] for form in _FORMS}
    for _round in range(rounds):
        for form, options in _FORMS.items():
            steps = run("ours", service, QUOTA, python=BASE, options=options, metered=True)
            whole = run("ours", service, QUOTA, python=BASE, options=options)
            measured[form].append({**steps, "whole": whole["cpu_s"]})
    median = {form: medians(runs) for form, runs in measured.items()}
    part = Part()
    part.row("CPU µs/row", *_FORMS)
    for step in STEPS:
        part.row(step, *(_us(each[step]) for each in median.values()))
    part.row("sum", *(_us(sum(map(each.__getitem__, STEPS))) for each in median.values()))
    part.row("the same export, not looked at", *(_us(each["whole"]) for each in median.values()))
    found = sum(median["jsonl"][step] for step in STEPS if step != OTHER)
    part.figures["not_found"] = abs(1 - found / median["jsonl"]["whole"])
    return part


def _us(seconds: float) -> str:
    return f"{seconds / QUOTA.rows * 1e6:.1f}"
