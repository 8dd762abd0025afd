"""Which Airflow this runs on."""

from __future__ import annotations

from airflow import __version__ as airflow_version

_VERSION = tuple(int(number) for number in airflow_version.split(".")[:2])

AIRFLOW_V_3_0_PLUS = _VERSION >= (3, 0)
AIRFLOW_V_3_1_PLUS = _VERSION >= (3, 1)
AIRFLOW_V_3_3_PLUS = _VERSION >= (3, 3)
