"""Airflow operators: they hold the parameters; :mod:`..hooks` and :mod:`..export` do the work."""
