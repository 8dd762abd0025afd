"""How a task waits without holding a worker slot, wherever this Airflow and this task can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_docsanalytics.operators._window import Pinned
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_1_7_PLUS

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.triggers.wait import WaitTrigger

_SHORT_WAIT_S = 60.0
"""A shorter wait keeps its slot, because getting another takes about as long. With a local
executor, Airflow can also mistake a task that resumes within seconds for one that died."""
_GRACE = timedelta(hours=1)
"""How late a triggerer may fire before the task counts as lost."""


class Resumed(msgspec.Struct, frozen=True):
    """What the event of a wait brings back.

    Attributes:
        waits: how many waits the task has had.
        pinned: what the task resumes with; ``None`` in an event of an older version.
    """

    waits: int
    pinned: Pinned | None

    @classmethod
    def from_event(cls, event: Any) -> Resumed:
        """Return what an event says; raise ``AirflowException`` if it is not from a wait."""
        fields = event if isinstance(event, dict) else {}
        waits, pinned = fields.get("waits"), fields.get("pin")
        if fields.get("status") != "waited" or type(waits) is not int or waits < 0:
            raise AirflowException(
                f"Resumed by an event that no wait of this provider sends: {event!r:.200}\n"
                "Clear the task to start over."
            )
        return cls(waits, None if pinned is None else Pinned.from_json(pinned))


def way_to_wait(
    wait_s: float, *, deferrable: bool, rescheduled: bool
) -> Literal["sleep", "defer", "reschedule"]:
    """Return how to wait for a window to settle.

    Args:
        wait_s: seconds to wait.
        deferrable: whether the task may wait in the triggerer.
        rescheduled: whether the task has been rescheduled before. If it has to wait again, its
            dates depend on the clock, and it would be rescheduled forever.
    """
    if wait_s <= _SHORT_WAIT_S:
        return "sleep"
    if deferrable:
        return "defer"
    # Before 3.1.7, Airflow runs a rescheduled task again at once, over and over.
    return "reschedule" if AIRFLOW_V_3_1_7_PLUS and not rescheduled else "sleep"


def deferral(wait_s: float, waits: int, pinned: Pinned) -> tuple[datetime, WaitTrigger, timedelta]:
    """Return when a task resumes, the trigger that fires then, and the trigger's timeout.

    Args:
        wait_s: seconds to wait; less than a minute becomes a minute.
        waits: how many waits the task has had, this one included.
        pinned: what the task resumes with.
    """
    from airflow_provider_docsanalytics.triggers.wait import WaitTrigger

    wait = timedelta(seconds=max(wait_s, _SHORT_WAIT_S))
    until = datetime.now(UTC) + wait
    return until, WaitTrigger(until.isoformat(), waits, pinned.to_json()), wait + _GRACE


def utc_text(instant: datetime) -> str:
    """Return an instant as a log shows it: ``2026-01-31 09:58:00 UTC``."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
