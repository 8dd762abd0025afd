"""Build the sdist and the wheel into dist/, and prove what is in them.

usage: dist.py. Builds HEAD, so commit first; exits with 1 if anything does not hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.support.airflow_home import airflow_environment

CLONE = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORK = CLONE / ".cache" / "dist"
DIST = CLONE / "dist"
PACKAGE = "airflow_provider_docsanalytics"
NAME = "airflow-provider-docsanalytics"
DEVELOPMENT = (".github/", ".pre-commit-config.yaml")
"""What is in the repository and in no sdist."""
PINS = CLONE / "constraints" / "airflow-3.3.txt"


def main() -> int:
    """Build, check, install, try."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.rmtree(DIST, ignore_errors=True)
    _build(CLONE, DIST)
    _check_reproducible()
    _run(BIN / "twine", "check", "--strict", *_files(DIST))
    _say("twine check --strict: passed")
    _check_contents()
    _try_wheel()
    return 0


def _build(source: Path, out: Path) -> None:
    """Build the sdist, and the wheel from that sdist, dated by the last commit."""
    epoch = _run("git", "log", "-1", "--format=%ct", cwd=CLONE).strip()
    pins = f"--build-constraints={PINS}"
    environment = os.environ | {"SOURCE_DATE_EPOCH": epoch}
    _run(
        *(BIN / "uv", "build", "--quiet", f"--python={sys.executable}", pins),
        *(f"--out-dir={out}", source),
        env=environment,
    )
    (out / ".gitignore").unlink(missing_ok=True)


def _check_reproducible() -> None:
    """Build once more, from HEAD alone, in another directory; expect the same bytes."""
    source, again = WORK / "source", WORK / "again"
    source.mkdir(parents=True)
    _run("git", "archive", f"--output={WORK / 'head.tar'}", "HEAD", cwd=CLONE)
    with tarfile.open(WORK / "head.tar") as archive:
        archive.extractall(source, filter="data")
    _build(source, again)
    first, second = _digests(DIST), _digests(again)
    if first != second:
        raise SystemExit(f"Two builds differ; is everything committed?\n{first}\n{second}")
    for name, digest in first.items():
        _say(f"{name}: {(DIST / name).stat().st_size} bytes, sha256 {digest}, built twice")


def _digests(directory: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(directory)}


def _files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def _check_contents() -> None:
    """Compare the archives with what the repository has: nothing missing, nothing more."""
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    tracked = set(_run("git", "ls-files", cwd=CLONE).split())
    with tarfile.open(sdist) as archive:
        found = {member.name.split("/", 1)[1] for member in archive.getmembers()}
    kept = {name for name in tracked if not name.startswith(DEVELOPMENT)}
    _check_equal("sdist", found, kept | {"PKG-INFO"})
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    meta = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    package = {name for name in tracked if name.startswith(f"{PACKAGE}/")}
    package |= {f"{PACKAGE}/{name}" for name in tracked if name.startswith("example_dags/")}
    _check_equal("wheel", names, package | {f"{info}/{name}" for name in meta})


def _check_equal(kind: str, found: set[str], expected: set[str]) -> None:
    if found != expected:
        raise SystemExit(
            f"The {kind} lacks {sorted(expected - found)}, has besides {sorted(found - expected)}"
        )
    _say(f"{kind}: {len(found)} files, those of the repository")


def _try_wheel() -> None:
    """Install the wheel alone into a new environment; let Airflow find it, and use it."""
    venv, home = WORK / "venv", WORK / "home"
    python = venv / "bin" / "python"
    (wheel,) = DIST.glob("*.whl")
    _run(BIN / "uv", "venv", "--quiet", f"--python={sys.executable}", venv)
    install = (BIN / "uv", "pip", "install", "--quiet", f"--python={python}")
    _run(*install, f"--constraints={PINS}", wheel)
    environment = airflow_environment(home, PATH=f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}")
    airflow = (venv / "bin" / "airflow", "providers")
    listed = _run(*airflow, "list", "--output=json", cwd=home, env=environment)
    _check_listed("airflow providers list", listed, NAME)
    hooks = _run(*airflow, "hooks", "--output=json", cwd=home, env=environment)
    for platform in ("mintlify", "vyom"):
        _check_listed("airflow providers hooks", hooks, f"{PACKAGE}.hooks.{platform}")
    smoke = CLONE / "scripts" / "dist_smoke.py"
    print(_run(python, smoke, home / "lake", cwd=home, env=environment).splitlines()[-1])


def _check_listed(command: str, output: str, name: str) -> None:
    rows = json.loads(output[output.index("[{") :])
    row = next((row for row in rows if name in row.values() or name in str(row)), None)
    if row is None:
        raise SystemExit(f"{command} does not list {name}:\n{output}")
    _say(f"{command}: {' | '.join(map(str, row.values()))}")


def _run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command; return its output, or exit with it where it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
