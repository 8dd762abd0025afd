"""The log, the admin API and the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import requests

from tests.simulator.client import DAY, SAFE_S, Client, truth


def test_the_log_has_everything_but_the_key(small: Client) -> None:
    small.get("conversations", {"limit": 7})
    small.get("dashboard", headers={})
    small.session.get(f"{small.simulator.url}/elsewhere")
    requests.get(f"{small.simulator.url}/elsewhere", timeout=SAFE_S)
    log = small.simulator.requests
    assert [entry["n"] for entry in log] == [1, 2, 3, 4]
    assert [entry["endpoint"] for entry in log] == ["conversations", "dashboard", None, None]
    assert [entry["platform"] for entry in log] == ["mintlify", "vyom", "mintlify", "mintlify"]
    assert [entry["status"] for entry in log] == [200, 401, 404, 404]
    assert [entry["rows"] for entry in log] == [7, 0, 0, 0]
    assert log[0]["query"] == {"limit": "7"}
    present = [entry["headers"]["Authorization"] for entry in log]
    assert present == [{"present": flag} for flag in (True, False, False, False)]
    assert "python-requests" in str(log[0]["headers"]["User-Agent"])
    assert len({entry["connection"] for entry in log[:3]}) == 1
    assert log[3]["connection"] != log[0]["connection"]
    assert small.simulator.mintlify_key not in json.dumps(log)


def test_the_admin_api_returns_the_log_and_the_truth_and_is_not_logged(
    small: Client,
) -> None:
    small.get("views")
    small.get("feedback")
    admin_api = f"{small.simulator.url}/_control"
    entries = requests.get(f"{admin_api}/requests?endpoint=views", timeout=SAFE_S).json()
    assert entries == small.simulator.requests[:1]
    returned = requests.get(
        f"{admin_api}/truth", params={"endpoint": "views", **DAY}, timeout=SAFE_S
    ).json()
    assert (returned["rows"], returned["totals"]) == truth(small, "views", DAY)
    assert requests.delete(f"{admin_api}/requests", timeout=SAFE_S).status_code == 200
    assert small.simulator.requests == []
    for wrong in ("truth?endpoint=nowhere", "truth", "truth?endpoint=views&colour=red", "what"):
        assert requests.get(f"{admin_api}/{wrong}", timeout=SAFE_S).status_code == 400


def test_the_command_prints_one_line_then_serves_until_it_is_stopped() -> None:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator"]
    options = ["--rows=50", "--quota=2/60", "--retry-after=none", "--legacy-schema", "--gzip"]
    options += ["--start=2026-01-01", "--end=2026-01-08", "--latency-ms=1", "--seed=3"]
    options += ['--fault={"kind": "status", "status": 503, "match": {"nth": 2}}']
    process = subprocess.Popen(
        [*command, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert set(ready) == {"url", "project_id", "mintlify_key", "vyom_key"}
    url = f"{ready['url']}/v1/analytics/{ready['project_id']}/assistant/caller-stats"
    headers = {"Authorization": f"Bearer {ready['mintlify_key']}"}
    responses = [requests.get(url, headers=headers, timeout=SAFE_S) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 503, 429]
    assert responses[0].json()["total"] == 50
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=SAFE_S) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "option", ["--quota=many", "--retry-after=later", "--start=soon", '--fault={"kind": 1}']
)
def test_the_command_refuses_invalid_options(option: str) -> None:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator", option]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFE_S, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "65536"], "Cannot listen on port 65536: it is no port from 0 to 65535."),
        (
            ["--start=2026-02-01", "--end=2026-01-01"],
            "start=2026-02-01T00:00:00.000Z is not before ",
        ),
    ],
    ids=["port", "range"],
)
def test_the_command_says_what_is_wrong_with_an_option(options: list[str], said: str) -> None:
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_command_says_that_a_port_is_in_use(small: Client) -> None:
    port = small.simulator.url.rpartition(":")[2]
    command = [sys.executable, "-m", "airflow_provider_docsanalytics.simulator", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert f"Cannot listen on port {port}: Address already in use.\nChoose another" in done.stderr
