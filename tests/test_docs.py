"""The README says what the code does: the same table, the same Dag, the same commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

from airflow_provider_docsanalytics.api.halving import HalvingPaging
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.paging import (
    CursorPaging,
    OffsetPaging,
    SinglePaging,
    ThreadPaging,
)
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.hooks.connection import EXTRA_FIELDS
from airflow_provider_docsanalytics.simulator import Config, Simulator

CLONE = Path(__file__).resolve().parent.parent
README = (CLONE / "README.md").read_text()
HOW = {
    CursorPaging: "by cursor",
    OffsetPaging: "by offset",
    SinglePaging: "one answer",
    HalvingPaging: "by halving the window",
    ThreadPaging: "one request each",
}


def _between(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", README, re.DOTALL)
    assert found is not None
    return found[1]


def _endpoint_rows() -> list[str]:
    rows = []
    for platform in (MINTLIFY, VYOM):
        for endpoint in platform.endpoints.values():
            size = 1 if endpoint.by_id else endpoint.page_size or "all"
            none = "\N{EN DASH}"
            filters = ", ".join(f"`{name}`" for name in endpoint.filters) or none
            totals = ", ".join(f"`{name}`" for name in endpoint.totals) or none
            how = HOW[type(endpoint.paging)]
            rows.append(f"| `{endpoint.name}` | {size} | {how} | {filters} | {totals} |")
    return rows


def test_the_endpoint_table_is_the_codes() -> None:
    assert _between("endpoints").splitlines()[2:] == _endpoint_rows()


def test_the_first_dag_is_the_example() -> None:
    example = (CLONE / "example_dags" / "first_export.py").read_text()
    dag = example.split("# [readme\n")[1].split("# readme]")[0]
    assert _between("first_export") == f"```python\n{dag}```"


def test_every_extra_of_a_connection_is_described() -> None:
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", README, re.MULTILINE)[
        : len(EXTRA_FIELDS)
    ] == list(EXTRA_FIELDS)


def test_the_simulators_options_are_spelled_as_it_takes_them() -> None:
    specs = re.findall(r"--fault '(.*?)'", (CLONE / "docs" / "formats.md").read_text())
    with Simulator(Config(rows=1), faults=[json.loads(spec) for spec in specs]):
        assert len(specs) == 2


def test_ci_runs_the_readmes_test_command() -> None:
    commands = (CLONE / ".ci" / "run").read_text().splitlines()
    assert "make test" in commands
    assert re.search(r"^make test\b", README, re.MULTILINE)
