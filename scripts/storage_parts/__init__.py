"""The parts of ``make e2e-storage``."""
