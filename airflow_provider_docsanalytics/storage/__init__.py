"""Small files in one directory of any file system: put in place whole, and on condition."""

from airflow_provider_docsanalytics.storage.files import Storage

__all__ = ["Storage"]
