"""How many wrong versions of api/ and export/ the tests notice: a mutation check by mutmut.

usage: mutants.py [--per-file N] [--seed N] [--least PER_CENT] [FILE …]

A mutant is one small change (``<`` to ``<=``, an argument left out, a text changed); one that no
test notices has survived, and is shown. N mutants of each file are drawn at random, the same ones
for the same seed and code; 0 takes all. All happens in .cache/mutants, in a copy of the clone;
``[tool.mutmut]`` of pyproject.toml says which files and tests.

Tests that time out have noticed the mutant, which may loop; on a busy machine they may only be
slow, and ``timed out`` is far above zero: run it again on an idle one.

Left out: what is not in a function (tables, constants), properties, annotations, changes of
wording alone (in a text with a space, in a line for the log, in what was being done to a storage),
the type of a cast, letters of a codec's name, and what equals another mutant.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mutmut.configuration import config
from mutmut.mutation.file_mutation import mutate_file_contents

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parent.parent
COPY = CLONE / ".cache" / "mutants"
_COPIED = ("airflow_provider_docsanalytics", "tests", "scripts", "example_dags", "pyproject.toml")
_MUTMUT = Path(sys.executable).with_name("mutmut")
_WORKERS = "2"
_TIMED_OUT = (24, 36, 152, 255, -24)
_NOTICED = (1, 3, *_TIMED_OUT)
"""mutmut's codes for a test that failed or broke, and for one that did not end."""
_AT_IMPORT = ("mintlify.x__counts", "vyom.x__absent")
"""Called while the modules are imported, which is before a mutant is chosen."""
_ROW = "{:27} {:>7} {:>7} {:>7} {:>9} {:>8}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The mutants of one file that are tried, by name, as changes to show; ``of`` all."""

    file: Path
    changes: dict[str, str]
    of: int


def main() -> int:
    """Run the check; 1 where fewer mutants are noticed than asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--per-file", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=90.0)
    parser.add_argument("files", nargs="*", metavar="FILE", help="part of a path, like api/paging")
    args = parser.parse_args()
    _lay_copy()
    files = [
        file
        for file in sorted(Path("airflow_provider_docsanalytics").rglob("*.py"))
        if config().should_mutate(file) and any(part in str(file) for part in args.files or [""])
    ]
    drawn = [draw for file in files if (draw := _draw(file, args.per_file, args.seed)).changes]
    names = [name for draw in drawn for name in draw.changes]
    command = [_MUTMUT, "run", "--max-children", _WORKERS, *names]
    environment = os.environ | {"PYTHONPATH": str(COPY / "scripts")}
    with Path("mutmut.log").open("w") as log:
        ended = subprocess.run(command, check=False, stdout=log, stderr=log, env=environment)
    if ended.returncode:
        print(f"mutmut did not end well: see {COPY}/mutmut.log")
        return 1
    return 0 if _report(drawn) >= args.least else 1


def _lay_copy() -> None:
    """Copy what the tests need, and work there; nothing is left of an earlier run."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in _COPIED:
        if (CLONE / name).is_dir():
            pycache = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CLONE / name, COPY / name, ignore=pycache)
        else:
            shutil.copy(CLONE / name, COPY)
    os.chdir(COPY)


def _draw(file: Path, most: int, seed: int) -> Drawn:
    changes = dict(_changes(file))
    few = random.Random(seed).sample(sorted(changes), min(most or len(changes), len(changes)))  # noqa: S311
    return Drawn(file, {name: changes[name] for name in sorted(few)}, len(changes))


def _changes(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the file's mutants that differ in more than wording: name and change."""
    tree = ast.parse(mutate_file_contents(str(file), file.read_text()).code)
    versions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
    ]
    originals = {node.name: node for node in versions if node.name.endswith("_orig")}
    seen = {_without_wording(node, name) for name, node in originals.items()}
    for node in versions:
        original = node.name.partition("__mutmut_")[0] + "__mutmut_orig"
        meaning = _without_wording(node, original)
        if meaning not in seen:
            seen.add(meaning)
            module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
            name = f"{module}.{node.name}"
            if not any(part in name for part in _AT_IMPORT):
                yield name, _difference(originals[original], node)


def _without_wording(node: ast.FunctionDef, name: str) -> str:
    copy = ast.parse(ast.unparse(node)).body[0]
    for each in ast.walk(copy):
        if isinstance(each, ast.FunctionDef) and each.name == node.name:
            each.name = name
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and " " in each.value:
            each.value = "a text"
        if isinstance(each, ast.Call):
            _drop_wording(each)
    return ast.dump(copy)


def _drop_wording(call: ast.Call) -> None:
    called = ast.unparse(call.func)
    if called.startswith("log.") or called.endswith("._errors"):
        call.args = []
    elif called == "cast":
        call.args = call.args[1:]
    elif called.endswith((".encode", ".decode")):
        for text in call.args:
            if isinstance(text, ast.Constant):
                text.value = str(text.value).lower()


def _difference(original: ast.FunctionDef, mutant: ast.FunctionDef) -> str:
    # Defaults are in the line of the name, which differs.
    old, new = (
        ast.unparse(node).replace(node.name, "…", 1).splitlines() for node in (original, mutant)
    )
    lines = list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]
    return "\n".join(f"    {line}" for line in lines if not line.startswith("@@"))


def _report(drawn: list[Drawn]) -> float:
    """Print the survivors and a line for each file; return the per cent that was noticed."""
    total = noticed = timed_out = of = 0
    lines = []
    for draw in drawn:
        meta = Path("mutants", f"{draw.file}.meta")
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        survivors = [name for name in draw.changes if codes[name] not in _NOTICED]
        for name in survivors:
            print(f"{name} ({codes[name]})\n{draw.changes[name]}")
        tried, killed = len(draw.changes), len(draw.changes) - len(survivors)
        ended = sum(codes[name] in _TIMED_OUT for name in draw.changes)
        lines.append(_row("/".join(draw.file.parts[1:]), draw.of, tried, killed, ended))
        total, noticed, of = total + tried, noticed + killed, of + draw.of
        timed_out += ended
    head = _ROW.format("file", "mutants", "tried", "noticed", "timed out", "per cent")
    print(head, *lines, _row("all", of, total, noticed, timed_out), sep="\n")
    return 100 * noticed / total


def _row(name: str, of: int, tried: int, noticed: int, timed_out: int) -> str:
    return _ROW.format(name, of, tried, noticed, timed_out, f"{100 * noticed / tried:.0f}")


if __name__ == "__main__":
    sys.exit(main())
