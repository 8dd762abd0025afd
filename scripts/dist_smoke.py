"""Use the installed package: the simulator, a connection's test, one small export.

usage: dist_smoke.py DIRECTORY, by the Python of an environment that has the wheel and no clone.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import airflow_provider_docsanalytics as package
from airflow_provider_docsanalytics.simulator import Config, Simulator


def main() -> int:
    """Export one day; return 0 if the manifest says that its rows are all there."""
    installed = Path(package.__file__).parent
    assert installed.is_relative_to(sys.prefix), f"{installed} is not the installed package"
    directory = Path(sys.argv[1])
    with Simulator(Config(rows=100, start="2026-01-01", end="2026-01-03")) as service:
        connection = {
            "conn_type": "mintlify",
            "host": service.url,
            "login": service.project_id,
            "password": service.mintlify_key,
        }
        os.environ["AIRFLOW_CONN_MINTLIFY_DEFAULT"] = json.dumps(connection)
        answer = _use(directory)
        expected, _ = service.truth("conversations", "2026-01-01", "2026-01-02")
    manifest = json.loads((directory / "_manifest.json").read_text())
    assert manifest["rows"] == len(expected) > 0
    assert manifest["provider_version"] == package.__version__
    print(f"installed {package.__version__}: {answer} Exported {manifest['rows']} rows.")
    return 0


def _use(directory: Path) -> str:
    """Test the connection and export; return what the test said."""
    from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
    from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

    works, answer = MintlifyHook().test_connection()
    assert works, answer
    MintlifyExportOperator(
        task_id="export",
        endpoint="conversations",
        path=f"file://{directory}",
        date_from="2026-01-01",
        date_to="2026-01-02",
    ).execute({})
    return answer


if __name__ == "__main__":
    sys.exit(main())
