"""The example Dags, run by Airflow against the simulator, and what they wrote.

Everything lies in .demo/ of this clone: the Airflow home, its logs, and the exports (.demo/lake).
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_home import airflow_environment

CLONE = Path(__file__).resolve().parent.parent
HOME = CLONE / ".demo"
LAKE = HOME / "lake"
DAGS = {  # and how many exports each is expected to leave
    "mintlify_daily_export": 7,
    "mintlify_threads": 2,
    "vyom_daily_export": 5,
}
_PROGRESS = re.compile(r"(\w+ page \d+: .*requests|\w+: \d+ rows in .* requests)")


def main() -> int:
    """Run the demo; return 0 if every export stands."""
    day = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    before = {manifest: manifest.stat().st_mtime_ns for manifest in _manifests()}
    with _simulator() as service:
        _say(f"simulator of both APIs at {service['url']}")
        environment = _environment(service)
        _say("making Airflow's database")
        _airflow(environment, "db", "migrate")
        _airflow(environment, "pools", "set", "mintlify_api", "1", "100 requests an hour")
        failed = [dag for dag in DAGS if not _run_dag(environment, dag, day)]
    written = [path for path in _manifests() if before.get(path) != path.stat().st_mtime_ns]
    _show(written)
    missing = sum(DAGS.values()) - len(written)
    if failed or missing:
        _say(f"FAILED: {', '.join(failed) or 'no Dag'}; {missing} exports missing")
        return 1
    return 0


@contextmanager
def _simulator() -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _environment(service: Mapping[str, str]) -> dict[str, str]:
    connections = {
        "mintlify": {"login": service["project_id"], "password": service["mintlify_key"]},
        "vyom": {"password": service["vyom_key"]},
    }
    return airflow_environment(
        HOME,
        AIRFLOW__CORE__DAGS_FOLDER=str(CLONE / "example_dags"),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{LAKE}",
        **{
            f"AIRFLOW_CONN_{platform.upper()}_DEFAULT": json.dumps(
                {"conn_type": platform, "host": service["url"], **fields}
            )
            for platform, fields in connections.items()
        },
    )


def _airflow(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"airflow {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")


def _run_dag(environment: Mapping[str, str], dag: str, day: str) -> bool:
    """Run one Dag for one day in-process, as ``airflow dags test`` does; show its progress."""
    _say(f"airflow dags test {dag} {day}")
    log_file = HOME / f"{dag}.log"
    command = [sys.executable, "-m", "airflow", "dags", "test", dag, day]
    with (
        log_file.open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if match := _PROGRESS.search(line):
                print(f"    {match[1]}", flush=True)
    if process.returncode:
        _say(f"{dag} failed; its log is {log_file.relative_to(CLONE)}")
    return process.returncode == 0


def _manifests() -> list[Path]:
    return sorted(LAKE.rglob("_manifest.json"))


def _show(manifests: list[Path]) -> None:
    """Print the table of exports, the tree, the head of one file and one manifest."""
    print(f"\n{'endpoint':24}{'rows':>8}{'pages':>7}{'requests':>10}{'files':>7}{'bytes':>12}{'s':>7}")
    for path in manifests:
        export = json.loads(path.read_text())
        seconds = _instant(export["finished_at"]) - _instant(export["started_at"])
        size = sum(file["bytes"] for file in export["files"])
        print(
            f"{export['endpoint']:24}{export['rows']:>8}{export['pages']:>7}"
            f"{export['requests']:>10}{len(export['files']):>7}{size:>12}"
            f"{seconds.total_seconds():>7.2f}"
        )
    print(f"\n{LAKE.relative_to(CLONE)}")
    for path in sorted(LAKE.rglob("*")):
        depth = len(path.relative_to(LAKE).parts)
        print(f"{'  ' * depth}{path.name}{'/' if path.is_dir() else ''}")
    shown = next((path for path in manifests if path.parent.parent.name == "conversations"), None)
    if shown is not None:
        _show_head(shown)
    print(
        "\nWith a real key: docsanalytics in Airflow is a connection 'mintlify_default' (password: "
        "an admin API key,\nlogin: the project ID) or 'vyom_default'. See README.md, Connections."
    )


def _show_head(manifest: Path) -> None:
    export = json.loads(manifest.read_text())
    part = manifest.parent / export["files"][0]["name"]
    print(f"\nhead of {part.relative_to(CLONE)}")
    with gzip.open(part, "rt", encoding="utf-8") as lines:
        for _ in range(2):
            print(f"  {lines.readline().rstrip()[:230]} …")
    print(f"\n{manifest.relative_to(CLONE)}\n{manifest.read_text()}", end="")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
