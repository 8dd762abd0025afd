"""Documentation analytics (Mintlify, Vyom) for Apache Airflow.

Importing this package loads neither Airflow nor any HTTP or storage library.
"""

__version__ = "0.1.0"
