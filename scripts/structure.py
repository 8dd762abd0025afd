"""How the house is built, in figures: the table of docs/contributing.md.

usage: python -m scripts.structure [TREE …]; a column for each tree, this one without arguments.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections import Counter
from pathlib import Path

PACKAGE = "airflow_provider_docsanalytics"
TESTS = ("tests", "scripts", "benchmarks")
REPEATED_LINES = 6
_MOCK = re.compile(r"mock\.|MagicMock|\bpatch\(|assert_called")


def figures(tree: Path) -> dict[str, str]:
    """Return each figure of a checkout by its name."""
    package = _read(tree, PACKAGE)
    tests = [text for folder in TESTS for text in _read(tree, folder)]
    lengths = sorted(_functions([*package, *tests]))
    sizes = [text.count("\n") for text in package]
    return {
        "files of the package": str(len(package)),
        "lines of the package": f"{sum(sizes):,}",
        "its largest file, lines": str(max(sizes)),
        "median function, lines": f"{statistics.median(lengths):.0f}",
        "95 % of functions have at most, lines": str(lengths[int(0.95 * len(lengths))]),
        "files of tests, support and scripts": str(len(tests)),
        "their lines": f"{sum(text.count(chr(10)) for text in tests):,}",
        f"lines that are repeated, in {REPEATED_LINES} or more": _repeated([*package, *tests]),
        "mock lines a test": _mocks(tests),
    }


def _read(tree: Path, folder: str) -> list[str]:
    return [path.read_text() for path in sorted((tree / folder).rglob("*.py"))]


def _functions(texts: list[str]) -> list[int]:
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _repeated(texts: list[str]) -> str:
    """Return the share of lines in runs that stand elsewhere, too; imports and blanks aside."""
    kept = [[line.strip() for line in text.splitlines() if _counts(line.strip())] for text in texts]
    runs = Counter(run for lines in kept for run in _runs(lines))
    repeated = 0
    for lines in kept:
        marked = set[int]()
        for start, run in enumerate(_runs(lines)):
            if runs[run] > 1:
                marked.update(range(start, start + REPEATED_LINES))
        repeated += len(marked)
    return f"{repeated / sum(map(len, kept)):.1%}"


def _counts(line: str) -> bool:
    return bool(line) and not line.startswith(("import ", "from ", "#", '"""', ")", "]", "}"))


def _runs(lines: list[str]) -> list[tuple[str, ...]]:
    last = len(lines) - REPEATED_LINES + 1
    return [tuple(lines[start : start + REPEATED_LINES]) for start in range(last)]


def _mocks(tests: list[str]) -> str:
    count = sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in tests)
    mocked = sum(bool(_MOCK.search(line)) for text in tests for line in text.splitlines())
    return f"{mocked / max(count, 1):.2f}"


def main() -> None:
    """Print the table."""
    trees = [Path(tree) for tree in sys.argv[1:]] or [Path()]
    columns = [figures(tree) for tree in trees]
    print(f"| | {' | '.join(tree.resolve().name for tree in trees)} |")
    print(f"|---|{'---:|' * len(trees)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")


if __name__ == "__main__":
    main()
