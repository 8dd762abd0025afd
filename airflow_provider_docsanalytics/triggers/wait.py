"""A trigger that waits until a moment, for exports that are deferred."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MAX_SLEEP_S = 60.0


class WaitTrigger(BaseTrigger):
    """Waits until a moment, then fires once.

    The number of waits travels in the trigger and back in its event, because ``dag.test()`` loses
    the arguments of ``defer``. So do the window and the directory of the export, because the task's
    templates are rendered again when it resumes.

    Args:
        until: the moment, ISO 8601 with a zone.
        waits: how many times this task has waited, this time included.
        pin: window and directory of the export, as text.
    """

    def __init__(self, until: str, waits: int, pin: dict[str, str] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.waits = waits
        self.pin = pin

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        path = "airflow_provider_docsanalytics.triggers.wait.WaitTrigger"
        return path, {"until": self.until, "waits": self.waits} | self._pinned()

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep until the moment, and fire; reads the clock every minute, because it may be set."""
        until = datetime.fromisoformat(self.until)
        while (left_s := (until - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(min(left_s, _MAX_SLEEP_S))
        event = {"status": "waited", "waits": self.waits} | self._pinned()
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _pinned(self) -> dict[str, Any]:
        return {} if self.pin is None else {"pin": self.pin}
