"""Exports read back: what lies in a lake, and the tables for its rows. No Airflow, no HTTP."""
