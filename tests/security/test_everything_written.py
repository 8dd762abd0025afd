"""A canary for a key: every byte that a talkative Airflow has written is looked at.

Talkative but for Airflow itself, whose own debug lines quote what it is told to mask.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_4_PLUS
from tests.security.conftest import KEY
from tests.security.encodings import CODES, NAMES, say
from tests.support.airflow_home import AIRFLOW_COMMANDS, DATABASE, airflow_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parent.parent.parent
FAILING = ["fails", "fails_at_its_proxy", "fails_at_the_environments", "fails_deferred"]
DAGS = ["exports", *FAILING[:3], "defers", *FAILING[3:]]
PROXY_PASSWORD = "Prx+Canary/Yak=9"
ENVIRONMENTS_PASSWORD = "Env#Canary/Gnu[9"
NO_TURNS = json.dumps({"conversations": [], "hasMore": False, "nextCursor": None})
ECHO = json.dumps(
    {
        "error": f"Authorization was Bearer {KEY}",
        "details": [{"message": f"{name}: {say(KEY, name)}"} for name in NAMES],
    }
)
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 503, "body": ECHO, "match": {"endpoint": "views"}},
    {"kind": "status", "status": 400, "body": ECHO, "match": {"endpoint": "feedback"}},
    # one for each sensor's own look; the triggers look later
    {"kind": "body", "body": NO_TURNS, "match": {"endpoint": "conversations"}},
    {"kind": "body", "body": NO_TURNS, "match": {"endpoint": "conversations", "nth": 3}},
    {
        "kind": "status",
        "status": 401,
        "body": ECHO,
        "match": {"endpoint": "conversations", "nth": 4},
    },
]


@dataclass
class Remains:
    """What the runs left behind: by Dag what they printed, and every file."""

    home: Path
    output: dict[str, str]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.home / "airflow" / "airflow.db")) as database:
            return database.execute(statement).fetchall()

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Yield everything by name, as it lies there and unpacked."""
        for dag, text in self.output.items():
            yield f"output of {dag}", _ours(text).encode()
        for path in sorted(self.home.rglob("*")):
            if path.is_file():
                yield f"{path}", path.read_bytes()
                if path.suffix == ".gz":
                    yield f"{path} unpacked", gzip.decompress(path.read_bytes())
        for (table,) in self.query("select name from sqlite_master where type = 'table'"):
            for row in self.query(f'select * from "{table}"'):  # noqa: S608 - the database's own name
                for cell in row:
                    yield f"table {table}", _bytes(cell)


def _bytes(cell: object) -> bytes:
    if not isinstance(cell, bytes):
        return str(cell).encode()
    with suppress(zlib.error):
        return cell + zlib.decompress(cell)
    return cell


def _environment(home: Path, service: Simulator) -> dict[str, str]:
    connection = {"conn_type": "mintlify", "login": service.project_id, "password": KEY}
    direct = {**connection, "host": service.url, "extra": {"max_wait_s": 5}}
    proxy = f"http://user:{quote(PROXY_PASSWORD, safe='')}@127.0.0.1:1"
    proxied = {
        **connection,
        "host": "https://api.example.invalid",
        "extra": {"proxies": {"https": proxy}, "max_attempts": 1},
    }
    return airflow_environment(
        home,
        AIRFLOW__CORE__DAGS_FOLDER=str(home / "dags"),
        AIRFLOW__LOGGING__NAMESPACE_LEVELS="airflow_provider_docsanalytics=DEBUG urllib3=DEBUG",
        AIRFLOW_VAR_DOCS_LAKE=f"file://{home}/lake",
        AIRFLOW_CONN_MINTLIFY_DEFAULT=json.dumps(direct),
        AIRFLOW_CONN_PROXIED=json.dumps(proxied),
        AIRFLOW_CONN_UNPROXIED=json.dumps({**proxied, "extra": {"max_attempts": 1}}),
        HTTPS_PROXY=f"http://user:{ENVIRONMENTS_PASSWORD}@127.0.0.1:1",
    )


def _ours(output: str) -> str:
    """Leave out what SECURITY.md says of Airflow 3.0: its own debug log and variables' values."""
    if not version("apache-airflow").startswith("3.0."):
        return output
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = [line for line in plain.splitlines() if "msg=MaskSecret(" not in line]
    return "\n".join(line for line in lines if not line.startswith("│ │"))


@pytest.fixture(scope="module")
def remains(tmp_path_factory: pytest.TempPathFactory) -> Remains:
    home = tmp_path_factory.mktemp("airflow")
    shutil.copytree(Path(__file__).parent / "dags", home / "dags")
    commands = [*DATABASE, *(f"dags test {dag} 2026-01-12" for dag in DAGS)]
    config = Config(rows=500, start="2026-01-01", end="2026-01-31")
    with Simulator(config, faults=FAULTS) as service:
        service.mintlify_key = KEY
        done = subprocess.run(
            [sys.executable, str(AIRFLOW_COMMANDS), *commands],
            env=_environment(home, service),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    sections = done.stdout.split("\n$ airflow dags test ")
    output = {"before": sections[0]} | {text.split()[0]: text for text in sections[1:]}
    assert list(output) == ["before", *DAGS], done.stdout
    return Remains(home, output)


def test_the_runs_went_as_they_were_meant_to(remains: Remains) -> None:
    failed = [dag for dag, text in remains.output.items() if "FAILED: airflow" in text]
    assert failed == FAILING, remains.output
    assert "HTTPS_PROXY is not a URL" in remains.output["fails_at_the_environments"]
    assert (remains.home / "lake" / "views" / "_manifest.json").is_file()
    for dag in ("exports", "fails", "fails_deferred"):
        assert "Authorization was Bearer ***" in remains.output[dag]
    assert (
        "ProxyError" in remains.output["fails_at_its_proxy"]
        or "Connection refused" in (remains.output["fails_at_its_proxy"])
    )


@pytest.mark.skipif(
    not AIRFLOW_V_3_0_PLUS, reason="Airflow 2's dags test keeps no trigger in the database"
)
def test_the_database_has_seen_the_deferred_tasks_and_their_templates(remains: Remains) -> None:
    triggers = remains.query("select classpath, kwargs from trigger")
    assert len(triggers) == 2
    assert all("MintlifyConversationTrigger" in classpath for classpath, _ in triggers)
    rendered, xcom = "select * from rendered_task_instance_fields", "select key from xcom"
    if AIRFLOW_V_3_4_PLUS:
        rendered, xcom = "select * from rtif_v2", "select key from xcom_v2"
    assert len(remains.query(rendered)) == len(DAGS)
    assert [key for (key,) in remains.query(xcom)].count("return_value") == 2


@pytest.mark.parametrize("secret", [KEY, PROXY_PASSWORD, ENVIRONMENTS_PASSWORD])
def test_no_secret_was_written_anywhere_in_any_form(remains: Remains, secret: str) -> None:
    coded = base64.b64encode(secret.encode())[:-4]
    forms = {say(secret, name).encode() for name in NAMES if name not in CODES} | {coded}
    texts = list(remains.texts())
    assert len(texts) > 100
    assert [name for name, text in texts for form in forms if form in text] == []
