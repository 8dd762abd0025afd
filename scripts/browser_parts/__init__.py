"""The parts of ``e2e_browser.py``: a window, the forms of two Airflows, and what is tried there."""
