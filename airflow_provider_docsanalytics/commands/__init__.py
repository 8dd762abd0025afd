"""The commands of ``docsanalytics``, one module each: ``add_command`` adds it to the parser."""

from __future__ import annotations

FINE, FOUND, COULD_NOT_RUN = range(3)
"""What a command returns: its exit status."""
