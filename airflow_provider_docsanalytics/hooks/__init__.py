"""Airflow hooks: a connection on one side, :mod:`..api` on the other."""
