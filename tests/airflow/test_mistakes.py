"""Mistakes of the first hour: each message says what happened, where, and what to do."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowException

from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from tests.airflow.conftest import connect
from tests.reliability.s3_rights import Policy, proxy, set_policy

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

DAY = {"date_from": "2026-01-10", "date_to": "2026-01-11"}
HEADINGS = re.findall(
    r"^### `(.*)`$",
    (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(),
    re.MULTILINE,
)
CONNECTION = "mintlify_default"


@dataclass(frozen=True)
class Mistake:
    """A mistake, and what its message has to say.

    Attributes:
        happened: words of the message above its last line: what happened.
        where: words anywhere in the message: connection, parameter, value, address.
        action: words of its last line: what to do.
        fields: of the connection.
        arguments: of the operator, or of the sensor, if there is no ``endpoint``.
        fault: of the service.
        context: of the task.
    """

    happened: str
    where: tuple[str, ...]
    action: str
    endpoint: str = "views"
    fields: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    fault: dict[str, Any] | None = None
    context: dict[str, Any] = field(default_factory=dict)


def _conn(happened: str, action: str, *where: str, **fields: Any) -> Mistake:
    return Mistake(happened, (CONNECTION, *where), action, fields=fields)


def _argument(happened: str, action: str, *where: str, **arguments: Any) -> Mistake:
    endpoint = arguments.pop("endpoint", "views")
    return Mistake(happened, where, action, endpoint=endpoint, arguments=arguments)


def _sensor(happened: str, action: str, *where: str, **arguments: Any) -> Mistake:
    return Mistake(happened, where, action, endpoint="", arguments=arguments)


def _status(status: int, happened: str, action: str, **fault: Any) -> Mistake:
    where = (CONNECTION, "{url}", "{project}") if "body" not in fault else (CONNECTION, "{url}")
    faults = {"kind": "status", "status": status, "times": None, **fault}
    return Mistake(happened, where, action, fault=faults)


ONCE = {"max_attempts": 1}
UNPROCESSABLE = {
    "success": False,
    "message": "Validation error",
    "data": {"errors": [{"loc": ["query", "start_date"], "msg": "not a date"}]},
}
MISTAKES = {
    # The connection
    "key of an assistant": _conn(
        "is an assistant key", "Use an admin API key", "password", password="mint_dsc_abcdef"
    ),
    "key of another service": _conn(
        "not a Mintlify admin API key", "Create one on the API keys page", password="sk_abcdef"
    ),
    "no key": _conn("has no key", "Save the API key as its password", password=""),
    "key as login": _conn(
        "login is a key", "Move the key to the password", login="mint_abcdef", password=""
    ),
    "key in the host, too": _conn(
        "holds the key", "Delete it there", "host", host="https://{key}.example.com"
    ),
    "key with a space": _conn("holds a space", "Paste the key again", password="mint_a b"),
    "no project": _conn("needs a project ID", "Pass project_id", login=""),
    "http": _conn(
        "send the key unencrypted", "Use https://", "http://example.com", host="http://example.com"
    ),
    "two ports": _conn(
        "port is given twice", "Delete one", "8080", "9090", host="http://[::1]:8080", port=9090
    ),
    "query in the host": _conn(
        "query or a fragment", "Remove everything from '?'", host="https://example.com?x=1"
    ),
    "user in the host": _conn("carries a user", "Remove them", host="https://me@example.com"),
    "space in the host": _conn("it has ' '", "Remove it", "'https://a b'", host="https://a b"),
    "placeholder in the host": _conn("it has '<'", "Remove it", host="https://<host>"),
    "another scheme": _conn("starts with ftp://", "Write https://", host="ftp://example.com"),
    "scheme twice": _conn("'://' twice", "once", host="https://https://example.com"),
    "port that is none": _conn(
        "'99999' is not a port", "from 1 to 65535", host="https://example.com:99999"
    ),
    "dots in the path": _conn("'.' or '..'", "leads to", host="https://example.com/../x"),
    "slashes in the path": _conn("two slashes", "Remove one", host="https://example.com/a//b"),
    "no name": _conn("no name follows https://", "Write https://name", host="https://"),
    "path in a URI": _conn(
        "schema is 'api/external'",
        "@https%3A%2F%2Fdocs.example.com%2Fapi%2Fexternal",
        host="docs.example.com",
        schema="api/external",
    ),
    "schema https": _conn("schema is 'https'", "Delete it", host="a.example.com", schema="https"),
    "unknown extra": _conn("unknown key 'timeout'", "Use one of", extra={"timeout": 3}),
    "extra of another type": _conn(
        "timeout_s cannot be read", "Correct it", extra={"timeout_s": "fast"}
    ),
    "extra out of range": _conn(
        "max_attempts=0", "Correct max_attempts", extra={"max_attempts": 0}
    ),
    "proxy that is no URL": _conn(
        "proxy is not a URL", "Write http://", extra={"proxies": "http://u:p#@proxy:1"}
    ),
    "missing CA bundle": Mistake(
        "not usable",
        (CONNECTION, "/nowhere.pem", "verify"),
        "Make sure that the file exists",
        fields={"host": "https://127.0.0.1:1", "extra": {"verify": "/nowhere.pem"}},
    ),
    "missing connection": _argument(
        "does not exist",
        "airflow connections add nowhere --conn-type mintlify",
        "'nowhere'",
        mintlify_conn_id="nowhere",
    ),
    "missing connection of the sensor": _sensor(
        "does not exist", "Create it", "'nowhere'", since="2026-01-10", mintlify_conn_id="nowhere"
    ),
    # Parameters
    "endpoint": _argument(
        "no such endpoint", "Known endpoints: conversations", "'convos'", endpoint="convos"
    ),
    "format": _argument("not a known", "'parquet'", "file_format='parqet'", file_format="parqet"),
    "compression": _argument("not a known", "'gzip'", "compression='rar'", compression="rar"),
    "granularity": _argument(
        "not a value of this filter",
        "Use day",
        "filters['granularity']='hour'",
        endpoint="calls_by_time",
        filters={"granularity": "hour"},
    ),
    "filter": _argument(
        "no filter 'state'",
        "Known filters",
        "feedback",
        endpoint="feedback",
        filters={"state": "pending"},
    ),
    "filter's value": _argument(
        "not a value of this filter",
        "Use pending",
        "filters['status']='open'",
        endpoint="feedback",
        filters={"status": "open"},
    ),
    "number as text": _argument(
        "whole number", "without quotes", "pages_per_file='10'", pages_per_file="10"
    ),
    "number for a timedelta": _argument("timedelta", "timedelta(", "settle=600", settle=600),
    "lookback": _argument("not a timedelta", "timedelta(", "lookback=1", lookback=1),
    "negative lookback": _argument(
        "is negative", "of 0 or more", "lookback=", lookback=timedelta(-1)
    ),
    "settle": _argument("too long", "300 days or less", "settle=", settle=timedelta(400)),
    "bool as text": _argument("not a bool", "without quotes", "deferrable='no'", deferrable="no"),
    "if_exists": _argument("not a known", "'replace'", "if_exists='ovr'", if_exists="ovr"),
    "empty ID": _argument("is empty", "Correct the template", "project_id=''", project_id=""),
    "ID that is a path": _argument("not an ID", "Copy it", "project_id='a/b'", project_id="a/b"),
    "ID as a float": _argument("as text", "in quotes", "project_id=1.5", project_id=1.5),
    "no thread IDs": _argument(
        "needs thread_ids", "output", "threads", endpoint="threads", date_from=None, date_to=None
    ),
    "dates of threads": _argument(
        "takes no dates", "Leave out", "threads", endpoint="threads", thread_ids=["t"]
    ),
    "date": _argument("not a date", "Write ISO 8601", "date_from='soon'", date_from="soon"),
    "dates swapped": _argument(
        "is not before", "Correct them", "date_from=2026-02-01", date_from="2026-02-01"
    ),
    "window in the future": _argument(
        "[2126-01-10T00:00:00.000Z, 2126-01-11T00:00:00.000Z) starts in the future",
        "Correct date_from and date_to",
        date_from="2126-01-10",
        date_to="2126-01-11",
    ),
    "empty interval": Mistake(
        "data interval is empty",
        ("2026-01-11T00:00:00+00:00", "'@daily'"),
        "lookback=timedelta(days=1)",
        arguments={"date_from": None, "date_to": None},
        context=dict.fromkeys(
            ("logical_date", "data_interval_start", "data_interval_end"),
            datetime(2026, 1, 11, tzinfo=UTC),
        ),
    ),
    "no date at all": _argument(
        "no date at all",
        "Pass date_from and date_to",
        "--logical-date",
        date_from=None,
        date_to=None,
    ),
    "page_size": _argument("page_size=900", "leave page_size out", "views", page_size=900),
    "relative path": _argument("path=", "absolute path", "'lake/views'", path="lake/views"),
    "field of the path": _argument("date", "Known fields", "{{date}}", path="s3://bucket/{date}"),
    "password in the path": _argument(
        "user with a password", "storage_conn_id", path="s3://a:b@bucket/x"
    ),
    "storage that is unknown": _argument(
        "Cannot open path=", "Check its connection", "ftpx://lake/x", path="ftpx://lake/x"
    ),
    "minimum of the sensor": _sensor("minimum=0", "Correct it", "1000", minimum=0),
    "status of the sensor": _sensor(
        "resolution_status='unansvered'",
        "With None, all turns count",
        resolution_status="unansvered",
    ),
    "interval of the sensor": _sensor("poke_interval=0", "Write 900", poke_interval=0),
    "moment of the sensor": _sensor("since is not set", "Pass since"),
    # The service and the way to it
    "unknown thread": Mistake(
        "none of the 2 IDs exists",
        ("threads", CONNECTION, "{url}", "{project}"),
        "the thread ID",
        endpoint="threads",
        arguments={
            "thread_ids": ["01JHZZZZZZZZZZZZZZZZZZZZZ1", "01JHZZZZZZZZZZZZZZZZZZZZZ2"],
            "date_from": None,
            "date_to": None,
        },
    ),
    "401": Mistake(
        "HTTP 401",
        (CONNECTION, "{url}", "{project}"),
        "create a new one",
        fields={"password": "mint_expired_key"},
    ),
    "another organisation's project": Mistake(
        "HTTP 403",
        (CONNECTION, "{url}", "'elsewhere'"),
        "allowlist",
        fields={"login": "elsewhere"},
    ),
    "403 of a firewall": Mistake(
        "HTTP 403 from an HTML page",
        (CONNECTION, "{url}"),
        "firewall",
        fault={"kind": "status", "status": 403, "body": "<html>", "times": None},
    ),
    "404": _status(404, "HTTP 404", "Check the project ID"),
    "429": _status(429, "HTTP 429", "quota is used up. Try again in an hour"),
    "503": _status(503, "HTTP 503", "Try again later"),
    "400": _status(400, "HTTP 400", "Check the parameters"),
    "422": Mistake(
        "HTTP 422: Validation error; query.start_date: not a date",
        (CONNECTION, "{url}"),
        "Check the parameters",
        fault={"kind": "body", "status": 422, "body": json.dumps(UNPROCESSABLE), "times": None},
    ),
    "not JSON": Mistake(
        "expected a JSON object",
        (CONNECTION, "{url}"),
        "Check the connection's host",
        fault={"kind": "html", "times": None},
    ),
    "another service": Mistake(
        "has no 'views'",
        (CONNECTION, "{url}"),
        "report it",
        fault={"kind": "drop_key", "key": "views", "times": None},
    ),
    "redirect": _status(
        302,
        "redirected to login.example.com",
        "Set the connection's host",
        headers={"Location": "https://login.example.com/?next=x"},
    ),
    "nothing listens": Mistake(
        "cannot reach {free}",
        (CONNECTION, "refused"),
        "Check the connection's Base URL",
        fields={"host": "{free}"},
    ),
    "unknown name": Mistake(
        "cannot reach https://no-such-name.invalid",
        (CONNECTION,),
        "Base URL",
        fields={"host": "https://no-such-name.invalid"},
    ),
    "https to a port without TLS": Mistake(
        "TLS connection to {tls}",
        (CONNECTION, "set verify"),
        "If it is the simulator, write http:// in front of the host",
        fields={"host": "{tls}"},
    ),
}


def _words(service: Simulator) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "url": service.url,
        "tls": service.url.replace("http:", "https:"),
        "free": f"http://127.0.0.1:{port}",
        "project": f"project {service.project_id!r}",
        "key": service.mintlify_key,
    }


def _make(mistake: Mistake, tmp_path: Path) -> None:
    """Make the mistake: as a Dag's file that is parsed, and as its task that runs."""
    arguments = {"task_id": "task", **mistake.arguments}
    if not mistake.endpoint:
        MintlifyConversationSensor(**arguments).execute(mistake.context)
        return
    kind = VyomExportOperator if mistake.endpoint in VYOM.endpoints else MintlifyExportOperator
    arguments = {"path": str(tmp_path / "export"), **DAY, **arguments}
    kind(endpoint=mistake.endpoint, **arguments).execute(mistake.context)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistakes_message_says_what_happened_where_and_what_to_do(
    service: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    mistake, words = MISTAKES[name], _words(service)
    fields = {
        name: value.format(**words) if isinstance(value, str) else value
        for name, value in mistake.fields.items()
    }
    connect(monkeypatch, "mintlify", service, **{"extra": ONCE, **fields})
    connect(monkeypatch, "vyom", service)
    service.add_faults([mistake.fault] if mistake.fault else [])
    with pytest.raises((DocsAnalyticsError, AirflowException)) as failed:
        _make(mistake, tmp_path)
    message = str(failed.value)
    _judge(mistake, message, words)
    key = fields.get("password") or service.mintlify_key
    assert key not in message
    assert not (tmp_path / "export" / "_manifest.json").exists()


def _judge(mistake: Mistake, message: str, words: dict[str, str]) -> None:
    """Assert that a message says what happened, where, and what to do, and is in the docs."""
    above, _, action = message.rpartition("\n")
    assert mistake.happened.format(**words) in above
    for where in mistake.where:
        assert where.format(**words) in message
    assert mistake.action in action
    assert any(_heading_pattern(heading).search(message) for heading in HEADINGS)


def _heading_pattern(heading: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, heading.split("…"))))


def test_another_exports_directory(connections: Simulator, tmp_path: Path) -> None:
    mistake = Mistake("holds a different export", (), "into the path")
    _make(mistake, tmp_path)
    with pytest.raises((DocsAnalyticsError, AirflowException)) as failed:
        _make(Mistake("", (), "", endpoint="searches"), tmp_path)
    above, _, action = str(failed.value).rpartition("\n")
    assert mistake.happened in above
    assert "endpoint" in above
    assert mistake.action in action
    assert len(connections.requests) > 0


def test_a_damaged_manifest(connections: Simulator, tmp_path: Path) -> None:
    _make(Mistake("", (), ""), tmp_path)
    manifest = tmp_path / "export" / "_manifest.json"
    manifest.write_text(manifest.read_text()[:100])
    connections.clear_requests()
    with pytest.raises((DocsAnalyticsError, AirflowException)) as failed:
        _make(Mistake("", (), ""), tmp_path)
    mistake = Mistake("is not a manifest", (str(manifest),), "Use another path")
    _judge(mistake, str(failed.value), {})
    assert connections.requests == []


def test_a_storage_that_denies_access(
    connections: Simulator, s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with proxy(s3_url) as url:
        extra = {"endpoint_url": url, "region_name": "us-east-1"}
        aws = {"conn_type": "aws", "login": "k", "password": "s", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_DENIED", json.dumps(aws))
        set_policy(url, Policy(denied=("s3:PutObject",)))
        with pytest.raises((DocsAnalyticsError, AirflowException)) as failed:
            _make(Mistake("", (), "", arguments={"path": "s3://denied@lake/mistake"}), tmp_path)
    where = ("s3://denied@lake/mistake", "s3:PutObject")
    _judge(Mistake("Access Denied", where, "The storage denied the request"), str(failed.value), {})
    assert connections.requests == []


MISSING = {
    "pyarrow": Mistake(
        "file_format='parquet' needs the package pyarrow",
        (),
        "pip install 'airflow-provider-docsanalytics[parquet]'",
        arguments={"file_format": "parquet"},
    ),
    "zstandard": Mistake(
        "needs the package zstandard",
        ("compression='zstd'",),
        "pip install 'airflow-provider-docsanalytics[zstd]'",
        arguments={"compression": "zstd"},
    ),
    "s3fs": Mistake(
        "Cannot open path='s3://lake/views'",
        ("s3",),
        "s3:// needs airflow-provider-docsanalytics[s3]",
        arguments={"path": "s3://lake/views"},
    ),
}
"""By the name of a package that is not installed."""
_NOT_INSTALLED = """
import importlib.abc, os, sys

class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["NOT_INSTALLED"].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""
_MAKE_MISTAKES = """
import pathlib
from tests.airflow.test_mistakes import MISSING, _make
for name, mistake in MISSING.items():
    try:
        _make(mistake, pathlib.Path.cwd())
    except Exception as error:
        print(f"<<{name}>>{error}", end="<<>>", flush=True)
"""


def test_a_package_that_is_not_installed(connections: Simulator, tmp_path: Path) -> None:
    """In a process whose interpreter, like one without them, does not find the packages."""
    (tmp_path / "sitecustomize.py").write_text(_NOT_INSTALLED)
    clone = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _MAKE_MISTAKES],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), clone, os.environ.get("PYTHONPATH", "")]),
            "NOT_INSTALLED": ",".join(MISSING),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    messages = dict(re.findall(r"<<(\w+)>>(.*?)<<>>", done.stdout, re.DOTALL))
    assert messages.keys() == MISSING.keys(), done.stderr
    for name, mistake in MISSING.items():
        _judge(mistake, messages[name], {})
    assert connections.requests == []


@pytest.mark.parametrize("name", [name for name, each in MISTAKES.items() if each.fault])
def test_the_test_of_a_connection_never_promises_that_a_retry_resumes(
    connections: Simulator, name: str
) -> None:
    connections.add_faults([MISTAKES[name].fault or {}])
    works, message = MintlifyHook().test_connection()
    assert "resume" not in message
    assert "pages are kept" not in message
    assert works is (name == "another service")  # what it tests has no rows of that name
    if not works:
        assert connections.url in message
        assert (
            connections.project_id in message or "cannot reach" in message or "API has" in message
        )
    assert len(connections.requests) == 1


def test_the_table_has_forty_mistakes() -> None:
    assert len(MISTAKES) >= 40
