"""Airflow sensors: waiting for what :mod:`..hooks` can see."""
