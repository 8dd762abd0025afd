"""What an audit costs: a deep one beside ``sha256sum``, and one of few exports beside many."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.window import iso_ms
from benchmarks.contenders import spent
from benchmarks.pages import START, Shape
from benchmarks.parts import ONE_ROW, Part
from benchmarks.rig import BASE, HOME, OUT, cpu_ratio, figures_of, medians, run
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.rig import Rounds, Service

_READ = Shape(40)
_FEW, _MANY = 1000, 10_000
_DAY = timedelta(days=1)


def audit(service: Service, rounds: int, **_: Any) -> Part:
    """What reading every file costs beside hashing it, and whether more exports cost more each."""
    run("ours", service, _READ, python=BASE)
    files = list(OUT.glob("*/part-*"))
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    read = [
        {"sha256sum": _sha256sum(files), "audit --deep": _audit(OUT, _READ.rows, "--deep")}
        for _ in range(rounds)
    ]
    run("ours", service, ONE_ROW, python=BASE)
    lakes = {str(days): copy_days(OUT / "export", OUT / str(days), days) for days in (_FEW, _MANY)}
    listed = [
        {days: _audit(lake, int(days) * ONE_ROW.rows) for days, lake in lakes.items()}
        for _ in range(rounds)
    ]
    return _table(size_mb, read, listed)


def copy_days(export: Path, lake: Path, days: int) -> Path:
    """Make a lake of copies of one export, each with a day of its own as its window; return it.

    The rows keep their window, which only a deep audit sees.
    """
    manifest = json.loads((export / "_manifest.json").read_bytes())
    first = datetime.fromisoformat(f"{START}T00:00Z")
    for day in (first + number * _DAY for number in range(days)):
        copy = lake / f"dt={day:%Y-%m-%d}"
        copy.mkdir(parents=True)
        for file in manifest["files"]:
            os.link(export / file["name"], copy / file["name"])
        window = {"date_from": iso_ms(day), "date_to": iso_ms(day + _DAY)}
        (copy / "_manifest.json").write_text(json.dumps(manifest | window, indent=2))
    return lake


def _sha256sum(files: list[Path]) -> dict[str, float]:
    command = ["sha256sum", *map(str, files)]
    return spent(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))[1]


def _audit(lake: Path, rows: int, *options: str) -> dict[str, float]:
    command = [BASE, "-m", "benchmarks.auditor", lake, str(rows), *options]
    return figures_of("audit", command, airflow_environment(HOME))


def _table(size_mb: float, read: Rounds, listed: Rounds) -> Part:
    part = Part()
    part.row(f"{_READ.rows} rows, {size_mb:.0f} MB", "CPU ms", "x sha256sum")
    for name in read[0]:
        ratio = cpu_ratio(read, name, to="sha256sum")
        part.row(name, f"{_ms(read, name):.0f}", f"{ratio:.2f}")
    part.row("audit, by exports", "CPU ms", "ms each", "peak MB")
    peaks_mb = {days: medians([each[days] for each in listed])["peak_mb"] for days in listed[0]}
    for days, peak_mb in peaks_mb.items():
        cpu_ms = _ms(listed, days)
        part.row(days, f"{cpu_ms:.0f}", f"{cpu_ms / int(days):.2f}", f"{peak_mb:.0f}")
    few, many = str(_FEW), str(_MANY)
    part.figures = {
        "audit_deep": cpu_ratio(read, "audit --deep", to="sha256sum"),
        "audit_mb_s": size_mb / _ms(read, "audit --deep") * 1000,
        "audit_s": _ms(listed, many) / 1000,
        "audit_growth": cpu_ratio(listed, many, to=few) * _FEW / _MANY,
        "audit_memory_growth": peaks_mb[many] - peaks_mb[few],
    }
    return part


def _ms(rounds: Rounds, name: str) -> float:
    return statistics.median(each[name]["cpu_s"] for each in rounds) * 1000
