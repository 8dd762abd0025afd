"""One export in a process of its own: through ``execute``, or through ``dag.test()``.

usage: python -m tests.system.waiting.export_worker execute|test mintlify|vyom CONF

``CONF`` is JSON: the run's ``conf``, as the Dags of ``dags/paths.py`` take it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator

OPERATORS = {"mintlify": MintlifyExportOperator, "vyom": VyomExportOperator}


def main() -> None:
    """Export; fail if that does."""
    mode, platform, conf = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if mode == "execute":
        _execute(platform, conf)
    else:
        from paths import DAGS

        run = DAGS[platform].test(run_conf=conf)
        if run.state != "success":
            sys.exit(f"dag.test() ended as {run.state}")


def _execute(platform: str, conf: dict[str, Any]) -> None:
    conf[f"{platform}_conn_id"] = conf.pop("conn_id")
    operator = OPERATORS[platform](task_id="export", deferrable=False, **conf)
    operator.execute({})


if __name__ == "__main__":
    main()
