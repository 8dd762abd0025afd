"""The parts of ``make reliability``."""
