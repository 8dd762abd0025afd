"""The documentation says what the code does: the same tables, Dags, messages and names."""

from __future__ import annotations

import ast
import json
import re
import runpy
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docs_names
import docs_tables
import pytest

from airflow_provider_docsanalytics import errors
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.hooks._connection import EXTRA_FIELDS
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Iterator


CLONE = Path(__file__).resolve().parent.parent
README = (CLONE / "README.md").read_text()
DOCS = CLONE / "docs"
SNIPPETS = DOCS / "snippets"
PACKAGE = CLONE / "airflow_provider_docsanalytics"
# Written beside the tests that run what they show.
OTHERS = ("storage", "formats", "reliability")
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if not page.stem.startswith(OTHERS)]


def _between(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("platform", docs_tables.PLATFORMS, ids=lambda platform: platform.name)
def test_the_readme_names_every_endpoint(platform: Any) -> None:
    names = ", ".join(f"`{name}`" for name in platform.endpoints)
    assert f"| {platform.title} | {names} |" in README


def test_the_first_dag_is_the_example() -> None:
    example = (CLONE / "example_dags" / "first_export.py").read_text()
    dag = example.split("# [readme\n")[1].split("# readme]")[0]
    assert _between("first_export") == f"```python\n{dag}```"


def test_every_extra_of_a_connection_is_described() -> None:
    page = (DOCS / "connections.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", page, re.MULTILINE)[
        : len(EXTRA_FIELDS)
    ] == list(EXTRA_FIELDS)


def test_the_simulators_options_are_spelled_as_it_takes_them() -> None:
    specs = re.findall(r"--fault '(.*?)'", (CLONE / "docs" / "formats.md").read_text())
    with Simulator(Config(rows=1), faults=[json.loads(spec) for spec in specs]):
        assert len(specs) == 2


def test_ci_runs_what_the_contributing_page_says() -> None:
    commands = (CLONE / ".ci" / "run").read_text().splitlines()
    targets = [line.split()[1] for line in commands if line.startswith("make ")]
    assert targets == ["docs", "check", "dist", "system", "matrix", "matrix"]
    *others, last = (f"`make {target}`" for target in targets[:-1])
    assert (
        f"runs {', '.join(others)} and {last}" in (CLONE / "docs" / "contributing.md").read_text()
    )


# The tables written at build time


def _filled(page: str) -> str:
    return docs_tables.filled(page, (DOCS / f"{page}.md").read_text())


@pytest.mark.parametrize("platform", docs_tables.PLATFORMS, ids=lambda platform: platform.name)
def test_every_endpoint_has_a_section_with_its_path_and_filters(platform: Any) -> None:
    page = _filled("endpoints")
    for endpoint in platform.endpoints.values():
        section = page.split(f"### `{endpoint.name}`\n")[1].split("\n##")[0]
        assert f"`{endpoint.path}`" in section
        for name, known in endpoint.filters.items():
            assert f"filter `{name}`" in section
            assert all(f"`{value}`" in section for value in known.values)


@pytest.mark.parametrize("platform", docs_tables.PLATFORMS, ids=lambda platform: platform.name)
def test_every_endpoint_says_first_which_question_it_answers(platform: Any) -> None:
    page = _filled("endpoints")
    for name in platform.endpoints:
        question = docs_tables.ANSWERS[name]
        assert question.endswith("?")
        assert f"| {question} | [`{name}`]" in page.split("## How they are read")[0]
        assert page.split(f"### `{name}`\n")[1].strip().startswith(question)


def test_the_cost_of_an_endpoint_is_its_rows_by_its_largest_page() -> None:
    _, _, *lines = docs_tables.costs()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    costs = {name.strip("`"): rest for name, *rest in cells}
    assert list(costs) == list(MINTLIFY.endpoints)
    assert costs["conversations"] == ["1", "1", "10", "100"]
    assert costs["threads"] == ["100", "1,000", "10,000", "100,000"]
    assert costs["views"] == ["1", "4", "40", "400"]
    assert costs["caller_stats"] == ["1", "1", "1", "1"]
    assert costs["feedback_by_page"][:2] == ["at least 1", "at least 10"]


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(ValueError, match="quota: no table 'prices'; known: endpoints"):
        docs_tables.filled("quota", "<!-- table: prices -->")


# Messages

_SAID_BY = {name for name in vars(errors) if isinstance(getattr(errors, name), type)} | {
    "AirflowException",
    "AirflowFailException",
}


def _template(node: ast.expr) -> str:
    """Return a text as it stands in the source, with … for each part that is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
        )
    return "…"


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield every text, a log message's fields as … too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            yield re.sub(r"%(\.\d)?[a-z]", "…", _template(node))


def _raised(tree: ast.AST) -> Iterator[str]:
    """Yield the message of every error that is made, and every remedy."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _SAID_BY:
                yield _template(node.args[0])
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "remedy":
            yield _template(node.value)


SOURCES = [
    ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
    if "simulator" not in path.parts
]
HEADINGS = re.findall(r"^### `(.*)`$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_message_of_the_troubleshooting_page_is_one_of_the_codes(heading: str) -> None:
    assert any(heading in text for tree in SOURCES for text in _texts(tree))


def test_every_error_message_has_its_place_on_the_troubleshooting_page() -> None:
    messages = {text for tree in SOURCES for text in _raised(tree)}
    said = {text for text in messages if len(re.findall(r"[a-z]{2,}", text)) > 1}
    assert len(said) > 60
    assert not {text for text in said if not any(heading in text for heading in HEADINGS)}


# Code, commands and names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_code_only_from_files_that_run(page: Path) -> None:
    fences = set(re.findall(r"^```(\S+)$", page.read_text(), re.MULTILINE))
    assert fences <= {"console", "text", "{toctree}", "{eval-rst}"}
    for command in re.findall(r"^```console\n(.*?)```", page.read_text(), re.MULTILINE | re.DOTALL):
        assert f"```console\n{command}```" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_make_command_of_a_page_is_one_of_the_makefiles(page: Path) -> None:
    targets = re.findall(r"^(\w+):", (CLONE / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)", page.read_text())) <= set(targets)


def test_every_example_dag_is_in_the_quickstart() -> None:
    examples = {path.stem for path in (CLONE / "example_dags").glob("*.py")}
    page = (DOCS / "quickstart.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == examples


def test_every_public_module_is_in_the_reference() -> None:
    pages = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    shown = re.findall(rf"^\.\. automodule:: {PACKAGE.name}\.(.*)$", pages, re.MULTILINE)
    assert sorted(shown) == sorted([*docs_names.modules(), *docs_names.DESCRIBED])


@pytest.mark.parametrize("script", sorted(SNIPPETS.glob("*.py")), ids=lambda path: path.stem)
def test_a_snippet_of_the_hook_runs(
    script: Path,
    service: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connection = {"conn_type": "mintlify", "host": service.url, "login": service.project_id}
    monkeypatch.setenv(
        "AIRFLOW_CONN_MINTLIFY_DEFAULT",
        json.dumps({**connection, "password": service.mintlify_key}),
    )
    runpy.run_path(str(script))
    assert len(capsys.readouterr().out.splitlines()) > 2


# `airflow` only notes its command, and `run_noted` runs them all in one process: each start of
# Airflow takes seconds. The last two are the test's own: what a Dag gets once a real key is stored.
PRELUDE = f"""
trap 'kill %1 2>/dev/null || true' EXIT
airflow() {{ noted+=("$(printf '%q ' "$@")"); }}
run_noted() {{ python {CLONE}/tests/support/airflow_commands.py "${{noted[@]}}"; noted=(); }}
"""
AT_THE_END = """
airflow connections get mintlify_default --output json
airflow variables get docs_lake
run_noted
"""


def test_the_quickstart_runs_as_it_is_written(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    commands = (SNIPPETS / "quickstart.sh").read_text().replace("8787", port)
    commands = commands.replace("# [look\n", "run_noted\n# [look\n")
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-eu", "-c", f"{PRELUDE}\n{commands}\n{AT_THE_END}"],
        cwd=tmp_path,
        env=airflow_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "FAILED" not in done.stdout
    assert '"_date_from":"2026-01-10T00:00:00.000Z"' in done.stdout
    (promised,) = re.findall(r"`Exported (\d+) conversations", (DOCS / "quickstart.md").read_text())
    exported = tmp_path / "simulated" / "first" / "conversations" / "dt=2026-01-10"
    assert json.loads((exported / "_manifest.json").read_text())["rows"] == int(promised)
    connection, variable = done.stdout.split("$ airflow connections get")[1].split("$ airflow ")
    assert '"login": "acme"' in connection
    assert "127.0.0.1" not in connection
    assert variable.splitlines()[-1] == f"file://{tmp_path}/lake"
    with closing(sqlite3.connect(tmp_path / "airflow" / "airflow.db")) as database:
        wanted = "SELECT conn_id, conn_type, login FROM connection WHERE login = 'acme'"
        assert database.execute(wanted).fetchall() == [("mintlify_default", "mintlify", "acme")]
        assert ("mintlify_api", 1) in database.execute("SELECT pool, slots FROM slot_pool")


def test_the_pool_that_the_quickstart_makes_is_the_one_of_the_dag_shown_with_it() -> None:
    commands = (SNIPPETS / "quickstart.sh").read_text().split("# [every\n")[1]
    (dag,) = re.findall(r"^docsanalytics examples \S+ (\w+)$", commands, re.MULTILINE)
    (pool,) = re.findall(r"^airflow pools set (\w+) 1 ", commands, re.MULTILINE)
    assert f'"pool": "{pool}"' in (CLONE / "example_dags" / f"{dag}.py").read_text()
