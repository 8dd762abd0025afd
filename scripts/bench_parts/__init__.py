"""The contenders of ``bench.py``."""
