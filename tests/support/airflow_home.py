"""An Airflow of its own whose every file lies in one directory of this clone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

AIRFLOW_COMMANDS = Path(__file__).with_name("airflow_commands.py")
"""A script that runs Airflow commands."""
DATABASE = ("db migrate", "dags reserialize")
"""What comes before the first run: ``dags test`` of Airflow 3.0 refuses outlets not yet stored."""


def airflow_environment(directory: Path, **more: str) -> dict[str, str]:
    """Return the environment of an Airflow whose every file lies in ``directory``."""
    home, temporary = directory / "airflow", directory / "tmp"
    for each in (home, temporary):  # Airflow 3.0 makes none for its database
        each.mkdir(parents=True, exist_ok=True)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW_", "AIRFLOW__"))
    }
    return {
        **inherited,
        "HOME": str(directory),
        "TMPDIR": str(temporary),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        **more,
    }
