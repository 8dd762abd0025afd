"""Airflow triggers: waiting in the triggerer, where it holds no worker slot."""
