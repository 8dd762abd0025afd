"""The same export at once, deferring on a real Airflow, and in ``dag.test()``: the same bytes.

One endpoint of each kind of paging; the last two on a quota that makes them wait in the middle.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.airflow_api import ENDED
from tests.support.airflow_cluster import CLONE, HOME
from tests.support.airflow_home import AIRFLOW_COMMANDS, airflow_environment
from tests.support.exported import MANIFEST, read_export
from tests.support.processes import wait_for
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from tests.support.airflow_cluster import Cluster
    from tests.support.report import Report

KINDS = {  # and how many requests come before the quota is spent
    "conversations": ("cursor", 2),
    "views": ("offset", 2),
    "visitors": ("offset", 2),
    "caller_stats": ("single", 0),
    "threads": ("one by one", 4),
    "feedback_by_page": ("halving", 40),
    "dashboard": ("single", 0),
}
MODES = ("execute", "deferred", "test")
_DATA = ("--rows", "4500", "--start", "2026-01-01", "--end", "2026-01-31")
_PERIOD_S = 50
_WITHIN_S = 600
_SPENT = {"kind": "status", "status": 429, "headers": {"Retry-After": "30"}, "times": 1}
_LAKE = HOME / "paths"
_HOME = HOME.with_name("e2e_paths")
_DIFFER = ("files", "requests", "started_at", "finished_at")
"""What a manifest may differ in: times, attempts and the boundaries of parts."""


@dataclass(frozen=True)
class _Export:
    """One export, with a simulator of its own."""

    endpoint: str
    mode: str
    service: Service

    @property
    def run_id(self) -> str:
        return f"{self.endpoint}_{self.mode}"

    @property
    def path(self) -> Path:
        return _LAKE / self.run_id

    @property
    def platform(self) -> str:
        return "vyom" if self.endpoint == "dashboard" else "mintlify"

    def conf(self) -> dict[str, Any]:
        conf: dict[str, Any] = {
            "endpoint": self.endpoint,
            "path": f"file://{self.path}",
            "conn_id": self.run_id,
        }
        if self.endpoint == "threads":
            rows = self.service.truth("conversations", "2026-01-01", "2026-01-31")
            return conf | {"thread_ids": list(dict.fromkeys(row["id"] for row in rows))[:9]}
        return conf | {"date_from": "2026-01-01", "date_to": "2026-01-31"}

    def connection(self) -> dict[str, Any]:
        return self.service.connection(self.platform, max_wait_s=0)

    def command(self) -> list[str]:
        conf = json.dumps(self.conf())
        return [
            sys.executable,
            "-m",
            "tests.system.waiting.export_worker",
            self.mode,
            self.platform,
            conf,
        ]


def test_an_export_is_the_same_however_it_runs(report: Report, airflow: Cluster) -> None:
    """Run all exports side by side, and compare."""
    with ExitStack() as running:
        exports = [
            _Export(endpoint, mode, running.enter_context(_service(mode, quota)))
            for endpoint, (_, quota) in KINDS.items()
            for mode in MODES
        ]
        deferred = [export for export in exports if export.mode == "deferred"]
        for export in deferred:
            airflow.add_connection(export.run_id, export.connection())
            airflow.start(f"e2e_path_{export.platform}", export.run_id, **export.conf())
        _run_processes([export for export in exports if export.mode != "deferred"])
        wait_for("all ended", lambda: all(_ended(airflow, each) for each in deferred), _WITHIN_S)
        for endpoint, (kind, _) in KINDS.items():
            _verify(report, kind, [export for export in exports if export.endpoint == endpoint])


def _service(mode: str, quota: int) -> Service:
    if mode == "execute":
        return Service(*_DATA)
    # A quota of none is one that is spent at first: a single request cannot be interrupted.
    limit = ("--quota", f"{quota}/{_PERIOD_S}") if quota else ("--fault", json.dumps(_SPENT))
    return Service(*_DATA, *limit)


def _ended(airflow: Cluster, export: _Export) -> bool:
    return all(task["state"] in ENDED for task in airflow.instances_of(export.run_id))


def _run_processes(exports: list[_Export]) -> None:
    environment = airflow_environment(
        _HOME,
        AIRFLOW__CORE__DAGS_FOLDER=str(Path(__file__).parent / "dags"),
        PYTHONPATH=str(Path(__file__).parent / "dags"),
        **{f"AIRFLOW_CONN_{e.run_id.upper()}": json.dumps(e.connection()) for e in exports},
    )
    commands = [
        sys.executable,
        str(AIRFLOW_COMMANDS),
        "db migrate",
    ]
    subprocess.run(commands, env=environment, check=True, stdout=subprocess.DEVNULL)
    with (_HOME / "paths.log").open("w") as log:
        processes = [
            subprocess.Popen(export.command(), cwd=CLONE, env=environment, stdout=log, stderr=log)
            for export in exports
        ]
        for process in processes:
            process.wait()


def _verify(report: Report, kind: str, exports: list[_Export]) -> None:
    found = {export.mode: _read(export.path) for export in exports}
    requests = {export.mode: len(export.service.requests()) for export in exports}
    (digest, manifest), others = found["execute"], [found[mode] for mode in MODES[1:]]
    report.say(
        f"{exports[0].endpoint} ({kind}): {manifest.get('rows')} rows, "
        f"{manifest.get('pages')} pages; requests {requests}"
    )
    report.check(
        f"{exports[0].endpoint}: {' = '.join(MODES)}, byte for byte, and manifests alike",
        holds=bool(manifest) and all(other == (digest, manifest) for other in others),
    )
    waited = all(requests[mode] > requests["execute"] for mode in MODES[1:])
    report.check(f"{exports[0].endpoint}: the two had to wait", holds=waited)


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the digest of the parts put together, and what of the manifest may not differ."""
    if not (path / MANIFEST).exists():
        return "none", {}
    found = read_export(path)
    return found.digest, {k: v for k, v in found.manifest.items() if k not in _DIFFER}
