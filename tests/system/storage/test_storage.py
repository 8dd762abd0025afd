"""Exports to every storage through Airflow connections, read back with the vendors' own clients.

usage: e2e_storage.py --azurite FILE [STORAGE …]; all storages without arguments. Prints a table and
exits with 1 if a promise does not hold. Everything lies in .cache/e2e_storage of this clone; every
server is a local one on a free port: moto, fake-gcs-server, Azurite.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from tests.support.airflow_home import airflow_environment
from tests.support.export_trial import CONN_ID, FROM, TO, Line, Trial
from tests.support.processes import exit_on_signals
from tests.support.report import Report
from tests.support.simulator_process import Service
from tests.support.stores import S3, Azure, Gcs, Lake, Local
from tests.system.storage import conditions, large, readers

HOME = Path(__file__).resolve().parent.parent / ".cache" / "e2e_storage"
_NAMES = ("local", "s3", "gcs", "azure")
_DATA = ("--rows", "4500", "--start", FROM, "--end", TO)
_HEAD = ("storage", "connection", "rows", "parts", "resumed", "s")


def main() -> int:
    """Try the chosen storages; return 0 if all that was promised holds."""
    options = _options()
    exit_on_signals()
    _use_airflow()
    report, lines = Report(), list[Line]()
    with Service(*_DATA) as service, large.service() as large_service:
        for name in options.storages or _NAMES:
            print(f"\n== {name}", flush=True)
            with _lake(name, options.azurite) as lake:
                if lake.connection:
                    _connect(lake.conn_id, lake.connection)
                _connect(CONN_ID, service.connection(max_wait_s=0))
                lines += [Trial(report, lake, way, service).run() for way in lake.ways()]
                conditions.run(report, lake)
                if name == "local":
                    readers.run(report, HOME / "read", service)
                _connect(CONN_ID, large_service.connection(max_wait_s=0))
                lines.append(large.run(report, lake))
    _print(lines)
    print(f"\n{len(report.failed)} promises failed", *report.failed, sep="\n  ")
    return 1 if report.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("storages", nargs="*", metavar="STORAGE", help=", ".join(_NAMES))
    parser.add_argument("--azurite", type=Path, required=True, help="Azurite's blob/main.js")
    options = parser.parse_args()
    if unknown := set(options.storages) - set(_NAMES):
        parser.error(f"no such storage: {', '.join(sorted(unknown))}")
    return options


def _use_airflow() -> None:
    """Prepare this process for Airflow, which is imported later."""
    shutil.rmtree(HOME, ignore_errors=True)
    environment = airflow_environment(
        HOME,
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        # Else gcsfs asks each bucket's kind over gRPC and TLS, which no emulator speaks.
        GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT="false",
    )
    os.environ.update(environment)


def _lake(name: str, azurite: Path) -> Lake:
    match name:
        case "local":
            return Local(HOME / "lake")
        case "s3":
            return S3()
        case "gcs":
            return Gcs()
    return Azure(azurite)


def _connect(conn_id: str, fields: object) -> None:
    """Define a connection as a deployment does."""
    os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(fields)


def _print(lines: list[Line]) -> None:
    print(f"\n| {' | '.join(_HEAD)} |\n|---|---|---:|---:|---|---:|")
    for line in lines:
        print(
            f"| {line.storage} | {line.connection} | {line.rows:,} | {line.parts} "
            f"| {line.resumed} | {line.seconds:.1f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
