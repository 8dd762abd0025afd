"""The Airflows that the tests run on, and what is installed beside each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Environment:
    """One Airflow with the dependencies of its days, as in deployments that pin them.

    Attributes:
        airflow: the exact version.
        before: nothing uploaded on or after this day is installed; None: the newest that fits.
        lowest: of what pyproject.toml names, the lowest versions that it allows.
    """

    airflow: str
    before: str | None = None
    lowest: bool = False


ENVIRONMENTS = {
    "lowest": Environment("2.11.0", before="2025-05-22", lowest=True),
    "2.11": Environment("2.11.2", before="2026-03-16"),
    "3.0": Environment("3.0.6", before="2025-08-31"),
    "3.1": Environment("3.1.8", before="2026-03-13"),
    "3.2": Environment("3.2.2", before="2026-05-31"),
    "3.3": Environment("3.3.2"),
}
"""A new patch release is a new row here, then ``make constraints`` and ``make matrix``."""

YOUNGER = {"apache-airflow-providers-common-compat": "2026-01-18", "moto": "2025-08-31"}
"""Packages that have to be younger than the oldest Airflows: what was there before this day."""


def constraints_of(name: str) -> Path:
    """Return the file that pins all versions of an environment."""
    return CLONE / "constraints" / (f"{name}.txt" if name == "lowest" else f"airflow-{name}.txt")


def chosen(names: list[str]) -> list[str]:
    """Return the environments asked for, all of them if none is; exit on an unknown name."""
    if unknown := [name for name in names if name not in ENVIRONMENTS]:
        raise SystemExit(f"{unknown[0]}: no such environment; known: {', '.join(ENVIRONMENTS)}.")
    return names or list(ENVIRONMENTS)
