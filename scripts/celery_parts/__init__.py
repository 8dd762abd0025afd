"""The parts of ``e2e_celery.py``."""
