"""Airflow operators: task parameters here, :mod:`..hooks` and :mod:`..export` behind them."""
