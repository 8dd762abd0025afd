"""Airflow hooks: they read a connection and give it to :mod:`..api`."""
