"""What a data set is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_docsanalytics.simulator import timestamps
from airflow_provider_docsanalytics.simulator.timestamps import Window

DEFAULT_SPAN = timedelta(days=30)
_MIN_GAP_MS = 10


@dataclass(frozen=True, slots=True)
class Config:
    """The data set's parameters; equal ones give equal data.

    ``start`` and ``end`` are ISO dates or instants in UTC, half-open. The default is the 30 days up
    to the end of the current day, so that yesterday is whole.
    """

    rows: int = 2500
    """Conversation turns; the other endpoints' events follow in proportion, up to a cap."""
    pages: int = 610
    """Distinct documentation pages."""
    seed: int = 1
    start: str | None = None
    end: str | None = None
    legacy_schema: bool = False
    """Conversations without ``resolutionStatus``, ``responseType`` and ``pageUrl``."""
    row_bytes: int | None = None
    """Pad a conversation row to this size; by default rows are as long as their text."""

    def window(self) -> Window:
        """Return the range that holds all data.

        Raises:
            ValueError: It is empty, or too short for so many rows; or a number makes no sense.
        """
        if self.rows < 0 or self.pages < 1:
            raise ValueError("rows cannot be negative, and there must be at least one page")
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        end_ms = timestamps.parse(self.end or tomorrow.isoformat())
        span_ms = DEFAULT_SPAN // timedelta(milliseconds=1)
        start_ms = timestamps.parse(self.start) if self.start else end_ms - span_ms
        if end_ms - start_ms < max(1, self.rows * _MIN_GAP_MS):
            raise ValueError(f"{self.rows} rows need at least {_MIN_GAP_MS} ms each before the end")
        return Window(start_ms, end_ms)
