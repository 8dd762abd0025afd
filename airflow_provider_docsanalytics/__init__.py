"""Documentation analytics (Mintlify, Vyom) for Apache Airflow.

Importing this package loads neither Airflow nor any HTTP or storage library.
"""

from typing import Any

__version__ = "0.1.0"


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow's provider discovery asks for (``provider_info.schema.json``)."""
    from airflow_provider_docsanalytics.get_provider_info import provider_info

    return provider_info(__version__)
