"""The version of Airflow that this runs on."""

from __future__ import annotations

import re

from airflow import __version__ as airflow_version

_VERSION = tuple(map(int, re.findall(r"\d+", airflow_version)[:3]))  # of 3.4.0b2: 3, 4, 0

AIRFLOW_V_3_0_PLUS = _VERSION >= (3, 0)
AIRFLOW_V_3_1_7_PLUS = _VERSION >= (3, 1, 7)
AIRFLOW_V_3_2_PLUS = _VERSION >= (3, 2)
AIRFLOW_V_3_3_PLUS = _VERSION >= (3, 3)
AIRFLOW_V_3_4_PLUS = _VERSION >= (3, 4)
