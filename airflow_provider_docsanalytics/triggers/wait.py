"""A trigger that waits for a moment, and gives back what it was told to remember."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_LONGEST_SLEEP_S = 60.0


class WaitTrigger(BaseTrigger):
    """Waits until a moment, then fires once.

    The number of waits so far travels in the trigger and back in its event, since ``dag.test()``
    loses what is passed to ``defer`` itself.

    Args:
        until: the moment, ISO 8601 with a zone.
        waits: how many waits this task has had, this one included.
    """

    def __init__(self, until: str, waits: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.waits = waits

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        path = "airflow_provider_docsanalytics.triggers.wait.WaitTrigger"
        return path, {"until": self.until, "waits": self.waits}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep, look at the clock again (it may have been set in the meantime), and fire."""
        until = datetime.fromisoformat(self.until)
        while (left_s := (until - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(min(left_s, _LONGEST_SLEEP_S))
        yield TriggerEvent({"status": "waited", "waits": self.waits})  # type: ignore[no-untyped-call]
