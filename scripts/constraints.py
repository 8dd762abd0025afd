"""Pin the versions of environments in constraints/: versions only, no comments, no places.

usage: constraints.py [ENVIRONMENT …]; all of scripts/environments.py without arguments.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from environments import CLONE, ENVIRONMENTS, YOUNGER, Environment, chosen, constraints_of

UV = Path(sys.executable).with_name("uv")
PIN = CLONE / ".cache" / "pin.txt"
GROUPS = ("test",)
NEWEST_GROUPS = (
    "test",
    "check",
    "bench",
    "dist",
    "docs",
    "mutants",
    "storage",
    "celery",
    "browser",
)
"""Lint, types, the bench, builds and what only checks run beside the newest Airflow only."""
EXTRAS = ("s3", "zstd", "parquet")
NEWEST_EXTRAS = (*EXTRAS, "gcs", "azure")


def main() -> int:
    """Write the files."""
    PIN.parent.mkdir(exist_ok=True)
    for name in chosen(sys.argv[1:]):
        PIN.write_text(f"apache-airflow=={ENVIRONMENTS[name].airflow}\n")
        command = _compile(ENVIRONMENTS[name], constraints_of(name))
        subprocess.run(command, check=True, cwd=CLONE)
        print(f"{constraints_of(name).relative_to(CLONE)}: {ENVIRONMENTS[name].airflow}")
    return 0


def _compile(environment: Environment, output: Path) -> list[str | Path]:
    groups = GROUPS if environment.before else NEWEST_GROUPS
    extras = EXTRAS if environment.before else NEWEST_EXTRAS
    return [
        *(UV, "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version=3.11"),
        *("--no-header", "--no-annotate", "--no-emit-index-url", f"--constraints={PIN}"),
        *(f"--extra={extra}" for extra in extras),
        *(f"--group={group}" for group in groups),
        *(["--resolution=lowest-direct"] if environment.lowest else []),
        *(_cutoffs(environment.before) if environment.before else []),
        *(f"--output-file={output}", "pyproject.toml"),
    ]


def _cutoffs(before: str) -> list[str]:
    younger = [
        f"--exclude-newer-package={package}={day}T00:00:00Z"
        for package, day in YOUNGER.items()
        if day > before
    ]
    return [f"--exclude-newer={before}T00:00:00Z", *younger]


if __name__ == "__main__":
    sys.exit(main())
