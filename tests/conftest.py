"""A fresh Airflow for the whole run, before anything imports it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from airflow_home import airflow_environment

HOME = Path(__file__).resolve().parent.parent / ".cache" / "test"

shutil.rmtree(HOME, ignore_errors=True)
os.environ.update(airflow_environment(HOME))
