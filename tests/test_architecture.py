"""Who may import whom, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "airflow_provider_docsanalytics"
ROOT = Path(__file__).resolve().parent.parent / PACKAGE
OUTER = {"_airflow_retry", "_openlineage", "assets", "hooks", "operators", "sensors", "triggers"}
OUTER |= {"_file_system", "_object_storage", "_rendering", "_run_interval", "commands"}
OUTER |= {"version_compat"}
# What each part may use of ours; "" is the top level, which only has the version.
MAY_USE = {
    "": set[str](),
    "_airflow_retry": {"_retry", "version_compat"},
    "_file_system": {"version_compat"},
    "_object_storage": {"_file_system", "export"},
    "_openlineage": {"api", "assets"},
    "_rendering": {"_airflow_retry", "_run_interval"},
    "_run_interval": {"version_compat"},
    "api": {"api", "_retry"},
    "assets": {"api"},
    "cli": {"commands"},
    "commands": {"commands", "api", "hooks", "lake", "operators", "quota", "simulator"},
    "export": {"export", "storage"},
    "get_provider_info": {"api", "hooks"},
    "hooks": {"hooks", "api", "assets", "quota", "storage", "_object_storage"},
    "lake": {"lake", "export", "storage", "api"},
    "operators": {
        *("operators", "triggers", "hooks", "api", "export", "lake", "storage"),
        *("_airflow_retry", "_file_system", "_object_storage", "_openlineage"),
        *("_rendering", "_retry", "_run_interval", "version_compat"),
    },
    "quota": {"quota", "storage"},
    "sensors": {
        *("sensors", "triggers", "hooks"),
        *("_airflow_retry", "_rendering", "_retry", "_run_interval"),
        "version_compat",
    },
    "simulator": {"simulator"},
    "storage": {"storage"},
    "triggers": {"triggers", "hooks", "_retry", "version_compat"},
}
SHARED = {"", "errors", "fields", "parameters", "_json", "_loop_guard", "window"}
ONLY_STANDARD_LIBRARY = {"simulator", "errors", "fields", "parameters", "_loop_guard", "_retry"}
ONLY_STANDARD_LIBRARY |= {"window", ""}


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
            found |= {(f"{module}.{alias.name}", node in for_types) for alias in node.names}
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
            allowed = MAY_USE.get(part, set()) | SHARED
            if path == ROOT / "lake" / "__init__.py":
                allowed |= {"operators"}  # open_lake takes a connection
            assert _part(name) in allowed, f"{path} imports {name}"
        elif top == "airflow":
            assert part in OUTER, f"{path}: Airflow is for the outer packages"
        elif top == "requests":
            http = path.name in ("_http.py", "_response.py", "_deadline.py")
            assert (part, for_types or http) == (
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


def test_no_modules_import_each_other_in_a_circle_not_even_for_type_checkers() -> None:
    names = {_name(path): path for path in MODULES}
    uses = {
        name: {_module(used, names) for used, _ in _imports(path)} - {None, name, PACKAGE}
        for name, path in names.items()
    }
    while leaves := {name for name, used in uses.items() if not used & uses.keys()}:
        uses = {name: used for name, used in uses.items() if name not in leaves}
    assert sorted(uses) == []


def _name(path: Path) -> str:
    dotted = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    return dotted.removesuffix(".__init__")


def _module(imported: str, names: dict[str, Path]) -> str | None:
    """Return the module of ours that a dotted name is, or is in."""
    return next((name for name in (imported, imported.rpartition(".")[0]) if name in names), None)
