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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from tests.support.airflow_home import AIRFLOW_COMMANDS, airflow_environment
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

CLONE = Path(__file__).resolve().parent.parent
HOME = CLONE / ".demo"
LAKE = HOME / "lake"
LOG = HOME / "airflow.log"
DAGS = {  # and how many exports each is expected to leave
    "mintlify_daily_export": sum(row.windowed for row in MINTLIFY.endpoints.values()),
    "mintlify_threads": 2,
    "vyom_daily_export": len(VYOM.endpoints),
    "wait_for_conversations": 1,
}
_SHOWN = re.compile(
    r"^(\$ airflow .*|FAILED: .*)"
    r"|(\w+ page (?:[1-3]|\d*0): .* requests?|Exported .* \(.* requests?\))"
)


def main() -> int:
    """Run the demo; return 0 if every export stands."""
    day = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    before = {manifest: manifest.stat().st_mtime_ns for manifest in _manifests()}
    with Service() as service:
        _say(f"simulator of both APIs at {service.url}; Airflow's log is in {LOG.name}")
        done = _airflow(
            _environment(service),
            "db migrate",
            "pools set mintlify_api 1 '100 requests an hour'",
            *(f"dags test {dag} {day}" for dag in DAGS),
        )
    written = [path for path in _manifests() if before.get(path) != path.stat().st_mtime_ns]
    _show(written)
    missing = sum(DAGS.values()) - len(written)
    if not done or missing:
        _say(f"FAILED; {missing} exports are missing. See {LOG}")
        return 1
    return 0


def _environment(service: Service) -> dict[str, str]:
    return airflow_environment(
        HOME,
        AIRFLOW__CORE__DAGS_FOLDER=str(CLONE / "example_dags"),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{LAKE}",
        **{
            f"AIRFLOW_CONN_{platform.upper()}_DEFAULT": json.dumps(service.connection(platform))
            for platform in ("mintlify", "vyom")
        },
    )


def _airflow(environment: Mapping[str, str], *commands: str) -> bool:
    """Run Airflow commands; show their progress, keep their log; return whether all succeeded."""
    script = AIRFLOW_COMMANDS
    with (
        LOG.open("w") as log,
        subprocess.Popen(
            [sys.executable, str(script), *commands],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if match := _SHOWN.search(line):
                _say(match[1] or f"    {match[2]}")
    return process.returncode == 0


def _manifests() -> list[Path]:
    return sorted(LAKE.rglob("_manifest.json"))


def _show(manifests: list[Path]) -> None:
    """Print the table of exports, the tree, the head of one file and one manifest."""
    columns = f"{'rows':>8}{'pages':>7}{'requests':>10}{'files':>7}{'bytes':>12}{'s':>7}"
    print(f"\n{'endpoint':24}{columns}")
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
        "\nWith a real key: make a connection 'mintlify_default' in your Airflow (password: an "
        "admin API key,\nlogin: the project ID) or 'vyom_default' (password: the key), a variable "
        "'docs_lake',\nand copy Dags: .venv/bin/docsanalytics examples DIRECTORY. "
        "See docs/quickstart.md."
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
