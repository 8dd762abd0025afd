"""The example Dags, run by Airflow against the simulator, what they wrote, and a report of it.

Everything lies in .demo/ of this clone: the Airflow home, its logs, and the exports (.demo/lake).
The lake has two weeks, Monday to Sunday: the Dags export the last day, and this script the days
before it, as the Dags would have.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.simulator.site import SITE
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
DAY = timedelta(days=1)
WEEKS = 2
_SHOWN = re.compile(
    r"^(\$ airflow .*|FAILED: .*)"
    r"|(\w+ page (?:[1-3]|\d*0): .* requests?|Exported .* \(.* requests?\))"
)


def main() -> int:
    """Run the demo; return 0 if every export and the report stand."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = today - DAY - (today - DAY).weekday() * DAY  # a Monday, a day ago or more
    start, last = end - WEEKS * 7 * DAY, end - DAY
    shutil.rmtree(LAKE, ignore_errors=True)
    LOG.unlink(missing_ok=True)
    with Service(f"--start={start:%Y-%m-%d}", f"--end={end:%Y-%m-%d}") as service:
        _say(f"simulator of both APIs at {service.url}; Airflow's log is in {LOG.name}")
        environment = _environment(service)
        done = _airflow(
            environment, "db migrate", "pools set mintlify_api 1 '100 requests an hour'"
        )
        _say("exporting the days before, as the Dags would have")
        done &= _run(environment, "-m", "scripts.demo_days", *map(str, (start.date(), last.date())))
        before = _manifests()
        dags = (f"dags test {dag} {end:%Y-%m-%d}" for dag in (*DAGS, "docs_report"))
        done &= _airflow(environment, *dags)
    written = [path for path in _manifests() if path not in before]
    _show(written)
    missing = sum(DAGS.values()) - len(written)
    report = next(LAKE.glob("_reports/*.html"), None)
    if not done or missing or not report:
        _say(f"FAILED; {missing} exports are missing. See {LOG}")
        return 1
    print(f"\nThe report of the last week, for the docs team; open it in a browser:\n{report}")
    return 0


def _environment(service: Service) -> dict[str, str]:
    return airflow_environment(
        HOME,
        AIRFLOW__CORE__DAGS_FOLDER=str(CLONE / "example_dags"),
        AIRFLOW_VAR_DOCS_LAKE=f"file://{LAKE}",
        AIRFLOW_VAR_DOCS_SITE=SITE,
        **{
            f"AIRFLOW_CONN_{platform.upper()}_DEFAULT": json.dumps(service.connection(platform))
            for platform in ("mintlify", "vyom")
        },
    )


def _airflow(environment: Mapping[str, str], *commands: str) -> bool:
    """Run Airflow commands; show their progress; return whether all succeeded."""
    return _run(environment, str(AIRFLOW_COMMANDS), *commands)


def _run(environment: Mapping[str, str], *arguments: str) -> bool:
    """Run Python; keep what it says in the log, and show the progress of Dags."""
    shown = "-m" not in arguments
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=CLONE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if shown and (match := _SHOWN.search(line)):
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
    for manifest in manifests:
        print(f"  {manifest.parent.relative_to(LAKE)}/")
        for path in sorted(manifest.parent.iterdir()):
            print(f"    {path.name}")
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
