"""Waiting without holding a worker slot, wherever this Airflow and this task can."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_docsanalytics.operators._pinned import Pin
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_1_7_PLUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

SHORT_WAIT_S = 60.0
"""Below this, a slot is not given back: it takes about as long to get one again, and with a local
executor a task that resumes within seconds can be taken for one that died."""
_GRACE = timedelta(hours=1)
"""How much later than asked a triggerer may fire before the task counts as lost."""


def wait_until(
    operator: BaseOperator,
    due: datetime,
    waits: int,
    pin: Pin,
    context: Mapping[str, Any],
    *,
    deferrable: bool,
) -> None:
    """Return once ``due`` has come; a long wait ends this run of the task, which comes back."""
    wait_s = (due - datetime.now(UTC)).total_seconds()
    if wait_s <= 0:
        return
    operator.log.info("The window may still be filling; it is read at %s", due)
    if wait_s > SHORT_WAIT_S and deferrable:
        defer_for(operator, wait_s, waits, pin)
    # Before 3.1.7 Airflow would run the rescheduled task again at once, over and over. One that has
    # come back and is not due yet has dates that move, and it would never be.
    came_back = context.get("task_reschedule_count")
    if wait_s > SHORT_WAIT_S and AIRFLOW_V_3_1_7_PLUS and not came_back:
        raise AirflowRescheduleException(due)  # type: ignore[no-untyped-call]
    time.sleep(wait_s)


def defer_for(operator: BaseOperator, wait_s: float, waits: int, pin: Pin) -> NoReturn:
    """End this run of the task; it is resumed after ``wait_s``, or a minute if that is longer."""
    from airflow_provider_docsanalytics.triggers.wait import WaitTrigger

    wait = timedelta(seconds=max(wait_s, SHORT_WAIT_S))
    until = datetime.now(UTC) + wait
    operator.log.info("Waiting in the triggerer until %s (wait %d)", until, waits + 1)
    operator.defer(
        trigger=WaitTrigger(until.isoformat(), waits + 1, pin.fields()),
        method_name="resume",
        timeout=wait + _GRACE,
    )
    raise AssertionError("defer has returned")


def waits_of(event: Any) -> int:
    """Return how many waits the task has had; an event of another kind is an error."""
    fields = event if isinstance(event, dict) else {}
    waits = fields.get("waits")
    if fields.get("status") != "waited" or type(waits) is not int or waits < 0:
        raise AirflowException(
            f"Resumed by an event that no wait of this provider gives: {event!r:.200}"
        )
    return waits


def pin_of(event: Any) -> Pin | None:
    """Return what the task goes on with, ``None`` in an event of a version that told nothing."""
    kept = event.get("pin") if isinstance(event, dict) else None
    return None if kept is None else Pin.of(kept)
