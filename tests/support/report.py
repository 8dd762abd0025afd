"""What a scenario says, and whether all it promised holds."""

from __future__ import annotations

import time


class Report:
    """Prints measurements and verdicts, and remembers the verdicts that failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def say(self, text: str) -> None:
        """Print what was measured or is about to be."""
        print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)

    def check(self, promise: str, *, holds: bool) -> None:
        """Print whether a promise holds."""
        if not holds:
            self.failed.append(promise)
        print(f"{'holds' if holds else 'FAILS'}: {promise}", flush=True)
