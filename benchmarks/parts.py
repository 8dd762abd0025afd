"""The parts of the bench that a table is printed of: each returns it with its figures.

A part measures first and prints afterwards, so a run that fails leaves no table behind.
"""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import CONTENDERS
from benchmarks.pages import Shape
from benchmarks.prose import Author
from benchmarks.rig import (
    BASE,
    CLONE,
    HERE,
    HOME,
    PROVIDERS,
    cpu_ratio,
    medians,
    run,
)
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.rig import Rounds, Service

QUOTA = Shape(100)
"""What an hour of the quota brings: 100,000 rows."""
ONE_ROW = Shape(1, 1)
FORMATS, COMPRESSIONS = ("jsonl", "csv", "parquet"), (None, "gzip", "zstd")
_TINY = 300
_SIZES = {"100k": QUOTA, "500k": Shape(500)}
_LONG = {"10M": Shape(10_000, 1000, _TINY)}
_STARTS = 5
_SAMPLE = 400_000
_OPERATORS = "airflow_provider_docsanalytics.operators"


@dataclass
class Part:
    """What a part has measured.

    Attributes:
        table: its lines as they are printed.
        figures: by the names that :mod:`.aims` has.
    """

    table: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def row(self, name: str, *cells: str) -> None:
        """Add a line: a name, and cells in columns."""
        self.table.append(f"{name:34}" + "".join(f"{cell:>12}" for cell in cells))


def speed(service: Service, rounds: int, **_: Any) -> Part:
    """Against a loop that writes raw responses, Airflow's HttpOperator, and dlt."""
    pythons = {"ours": BASE}
    measured = [
        {name: run(name, service, QUOTA, python=pythons.get(name, HERE)) for name in CONTENDERS}
        for _ in range(rounds)
    ]
    part = Part()
    part.row(
        f"{QUOTA.rows} rows, JSON lines", "rows/s", "x floor", "CPU µs/row", "x floor", "peak MB"
    )
    for name in CONTENDERS:
        median = medians([each[name] for each in measured])
        walls = [each[name]["wall_s"] / each["floor"]["wall_s"] for each in measured]
        part.row(
            name,
            f"{QUOTA.rows / median['wall_s']:.0f}",
            f"{statistics.median(walls):.2f}",
            f"{median['cpu_s'] / QUOTA.rows * 1e6:.1f}",
            f"{cpu_ratio(measured, name):.2f}",
            f"{median['peak_mb']:.0f}",
        )
    part.figures = {
        "server_share": statistics.median(
            each["floor"]["server_cpu_s"] / each["floor"]["cpu_s"] for each in measured
        ),
        "hour_cpu_s": medians([each["ours"] for each in measured])["cpu_s"],
        "http_operator": cpu_ratio(measured, "HttpOperator", to="ours"),
        "dlt": cpu_ratio(measured, "dlt", to="ours"),
    }
    return part


def formats(service: Service, rounds: int, **_: Any) -> Part:
    """What each format costs with each compression, beside the floor."""
    forms = {
        f"{form} {packing}": {"file_format": form, "compression": packing}
        for form in FORMATS
        for packing in COMPRESSIONS
    }
    measured = [
        {"floor": run("floor", service, QUOTA)}
        | {
            name: run("ours", service, QUOTA, python=BASE, options=options)
            for name, options in forms.items()
        }
        for _ in range(rounds)
    ]
    return _forms(measured)


def _forms(measured: Rounds) -> Part:
    part = Part()
    part.row(f"{QUOTA.rows} rows, CPU x floor", "plain", "gzip", "zstd")
    for form in FORMATS:
        ratios = [cpu_ratio(measured, f"{form} {packing}") for packing in COMPRESSIONS]
        part.row(form, *(f"{ratio:.2f}" for ratio in ratios))
        part.figures[form] = ratios[0]
        if form == "jsonl":
            part.figures |= {"gzip": ratios[1], "zstd": ratios[2]}
    part.row("CPU µs/row", "plain", "gzip", "zstd")
    for form in FORMATS:
        costs = [_us_a_row(measured, f"{form} {packing}") for packing in COMPRESSIONS]
        part.row(form, *(f"{cost:.0f}" for cost in costs))
        for packing, cost in zip(COMPRESSIONS, costs, strict=True):
            part.figures[f"us {form} {packing}"] = cost
    return part


def _us_a_row(measured: Rounds, name: str) -> float:
    return medians([each[name] for each in measured])["cpu_s"] / QUOTA.rows * 1e6


def start(service: Service, **_: Any) -> Part:
    """What every task pays: a fresh execute of one row, and importing the operators."""
    pythons = {"base install": BASE, "beside the clouds' providers": PROVIDERS}
    measured = [
        {name: run("ours", service, ONE_ROW, python=python) for name, python in pythons.items()}
        for _ in range(_STARTS)
    ]
    part = Part()
    part.row("1 row to file://", "CPU ms", "peak MB", "x base")
    for name in pythons:
        median = medians([each[name] for each in measured])
        ratio = cpu_ratio(measured, name, to="base install")
        part.row(name, f"{median['cpu_s'] * 1000:.0f}", f"{median['peak_mb']:.0f}", f"{ratio:.2f}")
        short = "start" if name == "base install" else "providers"
        part.figures[f"{short}_ms"] = median["cpu_s"] * 1000
        part.figures[f"{short}_mb"] = median["peak_mb"]
    part.figures["providers_ratio"] = cpu_ratio(measured, name, to="base install")
    part.figures["import_ms"] = statistics.median(_import_ms(BASE) for _ in range(_STARTS))
    part.row("import of the operators", f"{part.figures['import_ms']:.1f}")
    return part


def _import_ms(python: Path) -> float:
    """Return the CPU time that importing the operators adds to a process with Airflow's SDK."""
    statement = (
        "import time; from airflow.sdk import DAG, BaseOperator; started = time.process_time(); "
        f"import {_OPERATORS}.mintlify, {_OPERATORS}.vyom; print(time.process_time() - started)"
    )
    done = subprocess.run(
        [python, "-c", statement],
        env=airflow_environment(HOME),
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1]) * 1000


def pages(service: Service, **_: Any) -> Part:
    """Whether the last page of many costs what the first did."""
    cases = {
        "parts_growth": ("5000 parts of one page", Shape(5000, 1, _TINY), {"pages_per_file": 1}),
        "pages_growth": ("10000 pages, 10 in a part", Shape(10_000, 1, _TINY), {}),
    }
    part = Part()
    part.row("CPU ms a page", "first 500", "last 500", "times")
    for name, (title, shape, options) in cases.items():
        figures = run("ours", service, shape, python=BASE, options=options, stamped=True)
        first, last = figures["first_ms"], figures["last_ms"]
        part.row(title, f"{first:.2f}", f"{last:.2f}", f"{last / first:.2f}")
        part.figures[name] = last / first
    return part


def memory(service: Service, *, long: bool, **_: Any) -> Part:
    """Whether memory grows with the export."""
    part = Part()
    part.row("peak MB", "rows", "MB")
    sizes = {}
    for name, shape in {**_SIZES, **(_LONG if long else {})}.items():
        # The rows of the longest are only counted: to compare them, this process would hold them.
        figures = run("ours", service, shape, python=BASE, verified=name not in _LONG)
        sizes[name] = figures["peak_mb"]
        part.row(name, str(shape.rows), f"{figures['peak_mb']:.1f}")
    part.figures["memory_growth"] = sizes["500k"] - sizes["100k"]
    part.figures["memory_mb"] = sizes["500k"]
    if long:
        part.figures["memory_growth_long"] = sizes["10M"] - sizes["100k"]
    return part


def text(**_: Any) -> Part:
    """Whether the text of the bench compresses like what people write: Python's documentation."""
    from pydoc_data.topics import topics

    author, part = Author(seed=1), Part()
    part.row("compresses to 1/", "gzip", "zstd")
    real = " ".join(" ".join(topic.split(" ")) for topic in topics.values())[:_SAMPLE]
    for name, sample in (("Python's documentation", real), ("the bench", author.text(_SAMPLE))):
        rows = [json.dumps(sample[at : at + 1000]) for at in range(0, len(sample), 1000)]
        packed = _packed("\n".join(rows).encode())
        part.row(name, *(f"{times:.2f}" for times in packed))
        part.figures[f"{name.split()[-1]} gzip"] = packed[0]
    part.figures["text_gzip"] = part.figures["bench gzip"] / part.figures["documentation gzip"]
    return part


def _packed(sample: bytes) -> Sequence[float]:
    import zstandard

    sizes = len(gzip.compress(sample)), len(zstandard.compress(sample))
    return [len(sample) / size for size in sizes]
