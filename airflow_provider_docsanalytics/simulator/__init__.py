"""A stand-in for both services on loopback, for tests, demonstrations and Dag development.

``python -m airflow_provider_docsanalytics.simulator --help`` lists its options. It needs nothing
but Python.
"""

from airflow_provider_docsanalytics.simulator.config import Config
from airflow_provider_docsanalytics.simulator.quota import Quota
from airflow_provider_docsanalytics.simulator.server import Simulator

__all__ = ["Config", "Quota", "Simulator"]
