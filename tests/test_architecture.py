"""Who may import whom, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "airflow_provider_docsanalytics"
ROOT = Path(__file__).resolve().parent.parent / PACKAGE
OUTER = {
    "assets",
    "failures",
    "hooks",
    "lineage",
    "operators",
    "sensors",
    "triggers",
    "version_compat",
}
# What each part may use of ours; "" is the top level (version and provider info's entry).
MAY_USE = {
    "api": {"api"},
    "assets": {"api"},
    "export": {"export", "storage"},
    "hooks": {"hooks", "api", "assets"},
    "lineage": {"api", "assets"},
    "failures": {"version_compat"},
    "patience": {"failures"},
    "triggers": {"triggers", "hooks", "failures", "patience", "version_compat"},
    "sensors": {"sensors", "triggers", "hooks", "failures", "patience", "version_compat"},
    "operators": {
        "operators",
        "triggers",
        "hooks",
        "api",
        "export",
        "failures",
        "lineage",
        "version_compat",
    },
    "provider_info": {"api", "hooks"},
    "simulator": {"simulator"},
    "storage": {"storage"},
    "version_compat": set(),
}
SHARED = {"", "errors", "fields", "parameters", "rawjson", "trail", "window"}
ONLY_STANDARD_LIBRARY = {"simulator", "errors", "fields", "parameters", "trail", "window", ""}


def _imports(path: Path) -> set[tuple[str, bool]]:
    """Return the dotted names that a module imports, and whether only for type checkers."""
    tree = ast.parse(path.read_text())
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, node in for_types) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = str(node.module)
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= {
                (name, node in for_types) for name in ({module} if module != PACKAGE else names)
            }
    return found


def _part(dotted: str) -> str:
    """Return the first name below our package: ``api`` of ``….api.client``."""
    part = (dotted.removeprefix(PACKAGE).strip(".").split(".") or [""])[0]
    return "" if part == "__version__" else part


MODULES = sorted(ROOT.rglob("*.py"))


def _belongs_to(path: Path) -> str:
    name = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    part = _belongs_to(path)
    for name, for_types in _imports(path):
        top = name.split(".")[0]
        if top == PACKAGE:
            allowed = MAY_USE.get(part, {"provider_info"} if part == "" else set()) | SHARED
            assert _part(name) in allowed, f"{path} imports {name}"
        elif top == "airflow":
            assert part in OUTER, f"{path}: Airflow is for the outer packages"
        elif top == "requests":
            assert (
                part,
                for_types or path.name in ("_transport.py", "_answer.py", "_deadline.py"),
            ) == (
                "api",
                True,
            )
        elif part in ONLY_STANDARD_LIBRARY:
            assert top in sys.stdlib_module_names, f"{path} imports {name}"


def _loaded(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_neither_airflow_nor_anything_heavy() -> None:
    loaded = _loaded(f"import {PACKAGE}")
    assert not loaded & {"airflow", "requests", "msgspec", "tenacity", "pyarrow"}


def test_parsing_a_dag_loads_no_http_and_no_storage_library() -> None:
    loaded = _loaded(
        "import airflow, sys; from airflow.providers.common.compat.sdk import BaseOperator\n"
        "before = set(sys.modules)\n"
        f"import {PACKAGE}.operators.mintlify as mintlify, {PACKAGE}.operators.vyom as vyom\n"
        "given = {'task_id': 't', 'path': 's3://lake/{endpoint}', 'file_format': 'parquet'}\n"
        "mintlify.MintlifyExportOperator(endpoint='views', **given)\n"
        "vyom.VyomExportOperator(endpoint='dashboard', **given)\n"
        "added = set(sys.modules) - before\n"
        "heavy = {'requests', 'pyarrow', 'fsspec', 'openlineage'}\n"
        "assert not {name.split('.')[0] for name in added} & heavy"
    )
    assert f"{PACKAGE}.api.client" not in loaded
    assert f"{PACKAGE}.export.run" not in loaded
