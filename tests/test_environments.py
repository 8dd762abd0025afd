"""Each environment of the matrix has pins that say what they should, and none is forgotten."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parent.parent
CONSTRAINTS = CLONE / "constraints"
SOURCES = sorted(CONSTRAINTS.glob("*.toml"))
CI_RUN = CLONE / ".ci" / "run"
TOX = tomllib.loads((CLONE / "tox.toml").read_text())
LOADS_AIRFLOW = re.compile(
    r"^\s*(from|import) (airflow[. ]|airflow_provider_docsanalytics\.(operators|sensors|triggers))",
    re.MULTILINE,
)
BETA = re.compile(r"^apache-airflow==[\d.]+(a|b|rc)\d", re.MULTILINE)
PIN = re.compile(r"[a-z0-9-]+==[\w.+!]+( ; [\w.<>=!*' ()]+)?")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_constraints_are_pins_and_nothing_else(source: Path) -> None:
    lines = source.with_suffix(".txt").read_text().splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    airflow, *parts = tomllib.loads(source.read_text())["constraint-dependencies"]
    assert airflow.startswith("apache-airflow==")
    assert {airflow, *parts} <= set(lines)


def test_there_are_no_constraints_that_nothing_runs_with() -> None:
    used = {
        CLONE / file for environment in TOX["env"].values() for file in environment["constraints"]
    }
    assert used | {file.with_suffix(".toml") for file in used} == set(CONSTRAINTS.iterdir())


def test_the_matrix_runs_every_environment_and_each_can_be_picked_by_its_airflow() -> None:
    assert TOX["env_list"] == list(TOX["env"])
    for name, environment in TOX["env"].items():
        (constraints,) = environment["constraints"]
        label = environment["labels"][0]
        assert Path(constraints).stem in {label, f"airflow-{label}"}
        assert name.split("-")[0] in {label, f"airflow{label}"}


def test_ci_runs_every_environment_and_leaves_out_no_test_that_loads_airflow() -> None:
    lines = CI_RUN.read_text().splitlines()
    matrix = [line.split('"')[1].split(" -- ") for line in lines if line.startswith("make matrix ")]
    picked = {label for labels, *_ in matrix for label in labels.split()}
    assert picked == {environment["labels"][0] for environment in TOX["env"].values()}
    everywhere = matrix[-1][1].split()
    assert everywhere == ["tests/airflow", "tests/security", "tests/test_*.py"]
    for directory in ("api", "export", "properties", "simulator", "storage"):
        for file in (CLONE / "tests" / directory).glob("*.py"):
            assert not LOADS_AIRFLOW.search(file.read_text()), file


def test_only_a_beta_may_be_red() -> None:
    may_fail = {name for name, each in TOX["env"].items() if each.get("ignore_outcome")}
    betas = {
        name
        for name, each in TOX["env"].items()
        if BETA.search((CLONE / each["constraints"][0]).read_text())
    }
    assert may_fail == betas


def test_all_tests_run_on_every_python_and_the_newest_airflow_in_ci() -> None:
    full, *_ = re.findall(r'^make matrix ARGS="([^"]*)"', CI_RUN.read_text(), re.MULTILINE)
    assert "--" not in full
    picked = [name for name, each in TOX["env"].items() if set(each["labels"]) & set(full.split())]
    assert {"airflow3.3", "airflow3.3-py312", "airflow3.3-py313", "lowest"} <= set(picked)


def test_the_matrix_has_the_pythons_that_the_classifiers_name() -> None:
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    named = set(re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"])))
    others = re.findall(r"-py3(\d+)$", "\n".join(TOX["env_list"]), re.MULTILINE)
    assert named == {
        TOX["env_run_base"]["default_base_python"],
        *(f"3.{minor}" for minor in others),
    }
