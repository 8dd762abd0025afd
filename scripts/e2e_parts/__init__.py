"""The scenarios of ``e2e.py``, and what they share."""
