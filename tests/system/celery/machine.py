"""What tells the workers' machines apart, which are one machine here. Airflow imports this."""

from __future__ import annotations

import os

VARIABLE = "E2E_MACHINE"


def name() -> str:
    """Return the name of the machine that this process plays to run on."""
    return os.environ.get(VARIABLE, "head")
