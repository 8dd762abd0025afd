"""What becomes of pages: parts, a checkpoint, a manifest. No Airflow, no HTTP."""
