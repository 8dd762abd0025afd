"""The command line, as a process: what it prints, what it leaves, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
import requests

from tests.lake.made import make_days

CLONE = Path(__file__).resolve().parent.parent
EXAMPLES = {path.name: path.read_text() for path in (CLONE / "example_dags").glob("*.py")}
COMMAND = (sys.executable, "-m", "airflow_provider_docsanalytics.cli")


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_every_example_dag_is_copied_and_told_about(tmp_path: Path) -> None:
    done = _run("examples", tmp_path / "new" / "dags")
    assert (done.returncode, done.stderr) == (0, "")
    copied = {path.name: path.read_text() for path in (tmp_path / "new" / "dags").iterdir()}
    assert copied == EXAMPLES
    lines = done.stdout.splitlines()
    assert len(lines) == len(EXAMPLES)
    first = tmp_path / "new" / "dags" / "first_export.py"
    assert f"{first}: One endpoint, once a day: the smallest useful Dag." in lines


def test_a_named_example_is_copied_alone(tmp_path: Path) -> None:
    done = _run("examples", tmp_path, "first_export", "mintlify_threads.py")
    assert done.returncode == 0
    assert _names(tmp_path) == ["first_export.py", "mintlify_threads.py"]


def test_a_file_that_differs_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    mine, same = tmp_path / "first_export.py", tmp_path / "vyom_daily_export.py"
    mine.write_text("# my own\n")
    same.write_text(EXAMPLES[same.name])
    done = _run("examples", tmp_path)
    assert done.returncode == 1
    assert f"{mine}: not copied, because this file exists and differs" in done.stdout
    assert f"{same}: already there\n" in done.stdout
    assert done.stdout.count("not copied") == 1
    assert mine.read_text() == "# my own\n"
    assert _names(tmp_path) == sorted(EXAMPLES)


def test_an_unknown_example_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    done = _run("examples", tmp_path / "dags", "first_export", "frist_export")
    assert (done.returncode, done.stdout) == (2, "")
    first, action = done.stderr.splitlines()
    named = "docsanalytics: No example Dag is named frist_export. Did you mean 'first_export'?"
    assert first == named
    assert action.startswith("Use one of: count_unanswered, docs_report, first_export")
    assert not (tmp_path / "dags").exists()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    done = _run("examples", file / "dags")
    assert done.returncode == 2
    first, action = done.stderr.splitlines()
    assert first == f"docsanalytics: Cannot copy to {file / 'dags'}: Not a directory."
    assert action == "Choose a directory in which you may create files."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("examples",), "the following arguments are required: DIRECTORY\n"),
        (("simulater",), "invalid choice: 'simulater'"),
        (("simulator", "--quota", "3"), "--quota 3 is not N/SECONDS.\nUse for example 100/3600."),
    ],
    ids=["none", "directory", "unknown", "value"],
)
def test_a_command_that_cannot_run_exits_with_2(arguments: tuple[str, ...], said: str) -> None:
    done = _run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_simulator_serves_with_its_options_until_it_is_ended() -> None:
    command = [*COMMAND, "simulator", "--rows", "1", "--quota", "1/60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        url = f"{ready['url']}/v1/analytics/{ready['project_id']}/views"
        key = {"Authorization": f"Bearer {ready['mintlify_key']}"}
        statuses = [requests.get(url, headers=key, timeout=10).status_code for _ in range(2)]
        process.terminate()
    assert statuses == [200, 429]
    assert process.returncode == 0


def _audited(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return _run("audit", *arguments, "--until", "2026-01-10")


def test_an_audit_exits_with_0_if_a_lake_is_fine(tmp_path: Path) -> None:
    make_days(tmp_path, 5)
    done = _audited(tmp_path, "--deep")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path}: 5 exports with 15 rows: ok\n"


def test_an_audit_exits_with_1_and_says_where_what_and_what_to_do(tmp_path: Path) -> None:
    days = make_days(tmp_path, 5)
    part = next(days[1].glob("part-*"))
    part.unlink()
    done = _audited(tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    first, what, do, last = done.stdout.splitlines()
    assert first.split() == ["error", "missing-file", str(part)]
    assert what.strip() == "The manifest lists this file with 3 rows, and it is not there."
    assert do.strip().startswith("→ Run the export of this window again")
    assert last == f"{tmp_path}: 5 exports with 15 rows: 1 error, 0 warnings"


def test_an_audit_as_json_has_the_fields_of_its_contract(tmp_path: Path) -> None:
    days = make_days(tmp_path, 5)
    (days[1] / "part-00007-1f3a9c2e.jsonl").touch()
    done = _audited(tmp_path, "--format", "json")
    report = json.loads(done.stdout)
    (finding,) = report.pop("findings")
    assert report == {"lake": str(tmp_path), "exports": 5, "rows": 15}
    assert list(finding) == ["code", "severity", "where", "what", "do"]
    assert (finding["code"], finding["severity"]) == ("unlisted-part", "warning")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "is not a lake: it is not a directory"),
        (("--every", "daily"), "'daily' is not a time. Use for example 1d"),
        (("--since", "soon"), "--since='soon' is not a date"),
        (("--storage-conn-id", "absent"), "The connection 'absent' of path"),
    ],
)
def test_an_audit_that_cannot_run_exits_with_2(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = _run("audit", tmp_path / "none", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_relative_path_is_a_lake(tmp_path: Path) -> None:
    make_days(tmp_path / "lake", 3)
    below = tmp_path / "below"
    below.mkdir()
    code = (
        "import sys\n"
        "from airflow_provider_docsanalytics.cli import main\n"
        "sys.exit(main(['audit', '../lake', '--until', '2026-01-08']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=below, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path}/lake: 3 exports")


def test_an_audit_reads_a_bucket_through_its_airflow_connection(
    s3_url: str, tmp_path: Path
) -> None:
    client = {"endpoint_url": s3_url, "region_name": "eu-west-1"}
    bucket = fsspec.filesystem("s3", key="k", secret="s", client_kwargs=client)
    bucket.makedirs("audited", exist_ok=True)
    make_days(tmp_path, 3)
    for path in tmp_path.rglob("*.json*"):
        bucket.pipe_file(f"audited/{path.relative_to(tmp_path)}", path.read_bytes())
    keys = {"conn_type": "aws", "login": "k", "password": "s"}
    environment = {"AIRFLOW_CONN_LAKE": json.dumps({**keys, "extra": client})}
    for arguments in (("s3://lake@audited",), ("s3://audited", "--storage-conn-id", "lake")):
        done = subprocess.run(
            [*COMMAND, "audit", *arguments, "--until", "2026-01-08", "--format", "json"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["exports"] == 3


def test_a_question_is_answered_as_table_csv_and_json(tmp_path: Path) -> None:
    make_days(tmp_path, 2)
    asked = ("sql", "human_and_ai_views", "--lake", tmp_path, "--from", "2026-01-06")
    table, rows, objects = (_run(*asked, "--format", form) for form in ("table", "csv", "json"))
    assert table.returncode == rows.returncode == objects.returncode == 0
    assert table.stdout.splitlines()[1].split() == ["2026-01-06", "/page-0", "1", "0", "0", "proj"]
    assert table.stdout.endswith("(3 rows)\n")
    assert rows.stdout.splitlines()[1] == "2026-01-06,/page-0,1,0,0,proj"
    first = {"date": "2026-01-06", "page": "/page-0", "human": 1, "ai": 0}
    assert json.loads(objects.stdout)[0] == first | {"definition": 0, "project": "proj"}


def test_what_a_spreadsheet_would_run_and_a_terminal_would_obey_is_only_text(
    tmp_path: Path,
) -> None:
    make_days(tmp_path, 1, project_id="=1+1\x1b[2J")
    asked = ("sql", "human_and_ai_views", "--lake", tmp_path)
    assert _run(*asked, "--format", "csv").stdout.splitlines()[1].endswith(",'=1+1\x1b[2J")
    assert "=1+1\\x1b[2J" in _run(*asked).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("page_qualty",), "No model is named page_qualty. Did you mean 'page_quality'?"),
        (("page_quality",), "page_quality needs a lake.\nGive its root with --lake."),
        (("page_quality", "--lake", "."), "holds no exports.\nGive the root of your exports"),
        (("page_changes", "--lake", "."), "page_changes compares the days before a date"),
    ],
)
def test_a_question_that_cannot_be_asked_exits_with_2(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = _run("sql", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_no_rows_are_told_apart_from_no_exports(tmp_path: Path) -> None:
    make_days(tmp_path, 2)
    hint = "docsanalytics sql completeness shows which endpoints and days this lake has."
    asked = ("human_and_ai_views", "--lake", tmp_path, "--format", "json")
    full, empty = (
        _run("sql", *asked, "--from", f"{year}-01-05", "--to", f"{year}-02-01")
        for year in (2026, 2027)
    )
    assert (full.returncode, hint in full.stderr) == (0, False)
    assert (empty.returncode, empty.stdout, hint in empty.stderr) == (0, "[]\n", True)
    before = ("--lake", tmp_path, "--format", "json", "--from", "2025-01-05", "--to", "2025-02-01")
    itself = _run("sql", "completeness", *before)
    assert (itself.returncode, itself.stdout, hint in itself.stderr) == (0, "[]\n", False)


def test_questions_are_listed_without_a_lake() -> None:
    done = _run("sql")
    assert done.returncode == 0
    assert "unanswered_questions    Which questions stayed unanswered?\n" in done.stdout
