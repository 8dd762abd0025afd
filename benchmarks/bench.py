"""Exports of 10k, 100k and 500k conversations against a floor and other tools, in one run.

And what the formats cost, beside each other.

The floor is the least that can be done: a ``requests`` loop at the largest page that writes the raw
bodies to disk. Every contender runs in a process of its own against the same simulator, the
contenders in turn, several rounds; figures are the median of the rounds, and the verdict is in
ratios to the floor of the same round, which a slow machine slows as well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.contenders import COMPRESSIONS, CONTENDERS, END, FORMATS, FORMS, OTHERS, START
from tests.support.airflow_home import airflow_environment
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

CLONE = Path(__file__).resolve().parent.parent
HOME = CLONE / ".cache" / "bench"
OTHERS_UP_TO = 100_000  # they hold everything in memory
FORMS_AT = 100_000
PROMISED_SPEED = 0.5  # of the floor's rows/s at 100k rows
PROMISED_LEAD = 10.0  # times dlt's speed, the one of the others that writes to storage as it reads
PROMISED_IMPORT_MS = 30.0  # for the operators, once a Dag file has imported Airflow
PROMISED_GROWTH_MB = 10.0  # of peak memory from 100k to 500k rows


def simulator(rows: int) -> Service:
    """Return a simulator of ``rows`` conversations of about 1.5 kB over the bench's 30 days."""
    return Service("--rows", str(rows), "--row-bytes", "1500", "--start", START, "--end", END)


def measure(name: str, service: Service) -> dict[str, float]:
    """Run one contender in a process of its own; return its figures and its requests."""
    out = HOME / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    environment = airflow_environment(
        HOME,
        AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(service.connection()),
        AIRFLOW_CONN_BENCH_HTTP=json.dumps({"conn_type": "http", "host": service.url}),
        AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
        RUNTIME__DLTHUB_TELEMETRY="false",
    )
    service.forget_requests()
    done = subprocess.run(
        [sys.executable, contenders.__file__, name, json.dumps(service.ready), str(out)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    figures["requests"] = len(service.requests())
    return figures


def import_cost_ms() -> float:
    """Return what importing the operators adds to a process with Airflow's SDK: median of 5."""
    package = "airflow_provider_docsanalytics.operators"
    statement = (
        "import time; from airflow.sdk import DAG, BaseOperator; started = time.perf_counter(); "
        f"import {package}.mintlify, {package}.vyom; print(time.perf_counter() - started)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", statement],
            env=airflow_environment(HOME),
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(5)
    ]
    return statistics.median(float(run.stdout.splitlines()[-1]) for run in runs) * 1000


def main() -> int:
    """Print the table and the verdict; return 1 if a promise does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 500_000])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=airflow_environment(HOME),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    print(f"{'rows':>7}  {'contender':13}{'rows/s':>9}{'of floor':>10}{'CPU µs/row':>12}"
          f"{'peak MB':>9}{'requests':>10}")  # fmt: skip
    table: dict[tuple[int, str], dict[str, float]] = {}
    for rows in chosen.rows:
        names = [name for name in CONTENDERS if name not in OTHERS or rows <= OTHERS_UP_TO]
        with simulator(rows) as service:
            measure("floor", service)  # warm
            rounds = [
                {name: measure(name, service) for name in names} for _ in range(chosen.rounds)
            ]
        for name in names:
            table[rows, name] = median = summarise(name, rounds)
            print(f"{rows:>7}  {name:13}{median['rows_per_s']:>9.0f}{median['of_floor']:>10.2f}"
                  f"{median['cpu_us_per_row']:>12.1f}{median['peak_mb']:>9.1f}"
                  f"{median['requests']:>10.0f}", flush=True)  # fmt: skip
            if any(figures[name]["rows"] != rows for figures in rounds):
                sys.exit(f"{name} did not bring {rows} rows")
    failed = verdict(table)
    if FORMS_AT in chosen.rows:
        show_forms(chosen.rounds)
    return failed


def show_forms(rounds: int) -> None:
    """Print what each format costs with each compression, as documentation shows it."""
    with simulator(FORMS_AT) as service:
        measured = [{name: measure(name, service) for name in FORMS} for _ in range(rounds)]
    print(f"\n| CPU µs/row, {FORMS_AT} rows | plain | `gzip` | `zstd` |\n|---|---|---|---|")
    for form in FORMATS:
        costs = [
            statistics.median(each[f"{form} {packing}"]["cpu_us_per_row"] for each in measured)
            for packing in COMPRESSIONS
        ]
        print(f"| `{form}` | {' | '.join(f'{cost:.0f}' for cost in costs)} |")


def summarise(name: str, rounds: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Return the medians of one contender's figures, and of its speed relative to the floor's."""
    figures = {
        key: statistics.median(each[name][key] for each in rounds) for key in rounds[0][name]
    }
    ratios = [each[name]["rows_per_s"] / each["floor"]["rows_per_s"] for each in rounds]
    return {**figures, "of_floor": statistics.median(ratios)}


def verdict(table: Mapping[tuple[int, str], Mapping[str, float]]) -> int:
    """Print whether the promises hold, where their sizes were measured."""
    cost_ms = import_cost_ms()
    failed = say(f"{cost_ms:.0f} ms to import the operators", cost_ms < PROMISED_IMPORT_MS)
    if (100_000, "ours") in table:
        speed = table[100_000, "ours"]["of_floor"]
        failed += say(f"{speed:.2f} of the floor's speed", speed >= PROMISED_SPEED)
        lead = speed / table[100_000, "dlt"]["of_floor"]
        failed += say(f"{lead:.0f} times dlt's speed", lead >= PROMISED_LEAD)
        in_memory = speed / table[100_000, "HttpOperator"]["of_floor"]
        print(f"       {in_memory:.1f} times HttpOperator's, which keeps all rows in memory")
    if {(100_000, "ours"), (500_000, "ours")} <= table.keys():
        growth = table[500_000, "ours"]["peak_mb"] - table[100_000, "ours"]["peak_mb"]
        failed += say(f"{growth:.1f} MB more for 500k than for 100k", growth < PROMISED_GROWTH_MB)
    return 1 if failed else 0


def say(claim: str, holds: bool) -> bool:  # noqa: FBT001 - a claim and its truth
    """Print one line of the verdict; return whether it fails."""
    print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return not holds


if __name__ == "__main__":
    sys.exit(main())
