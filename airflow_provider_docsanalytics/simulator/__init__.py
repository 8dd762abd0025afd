"""A simulator of both services on loopback, for Dag development, demonstrations and tests.

``python -m airflow_provider_docsanalytics.simulator --help`` lists its options. It needs only
Python.
"""

from airflow_provider_docsanalytics.simulator.data import Config
from airflow_provider_docsanalytics.simulator.request import Quota
from airflow_provider_docsanalytics.simulator.server import Simulator

__all__ = ["Config", "Quota", "Simulator"]
