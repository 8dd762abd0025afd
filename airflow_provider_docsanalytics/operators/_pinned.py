"""The window of a task's run: chosen at its first try, and the same after every wait and retry.

Airflow renders templates again whenever a task resumes or is retried. A date that depends on the
clock would move the window then, and each leg would begin another export. So the window travels:

- over a wait in the triggerer in the trigger and its event, with the directory;
- to a retry in Airflow's task state store (3.3+), else in the checkpoint of the directory.

What is kept belongs to one run of one task, as long as its author does not change the dates.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import AirflowException
from msgspec import structs

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.window import DateWindow, iso_ms, parse_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_docsanalytics.export.documents import Checkpoint
    from airflow_provider_docsanalytics.export.plan import Plan

_KEY = "docsanalytics_window"


@dataclass(frozen=True, slots=True)
class Pin:
    """What a task goes on with, whatever its templates give now.

    Attributes:
        window: ``None`` where the endpoint takes no dates.
        path: the directory; ``None``: as the templates give it.
    """

    window: DateWindow | None = None
    path: str | None = None

    def fields(self) -> dict[str, str]:
        """Return it as JSON takes it; the zones travel by name, since labels depend on them."""
        fields = {} if self.path is None else {"path": self.path}
        if self.window is not None:
            fields["date_from"] = _written(self.window.local_start)
            fields["date_to"] = _written(self.window.local_end)
        return fields

    @classmethod
    def of(cls, fields: object) -> Pin:
        """Return what :meth:`fields` gave, or raise ``AirflowException`` for anything else."""
        try:
            if not isinstance(fields, dict) or not all(map(_is_text, fields.values())):
                raise ValueError("expected an object of texts")  # noqa: TRY301 - caught below
            window = None
            if "date_from" in fields:
                start, end = _read(fields["date_from"]), _read(fields["date_to"])
                window = DateWindow.between(start, end)
            return cls(window, fields.get("path"))
        except (ConfigError, ValueError, LookupError, OverflowError, OSError) as error:
            raise AirflowException(
                f"The window that this task began with cannot be read: {fields!r:.200}: {error}. "
                "Clear the task to begin anew."
            ) from error


def run_of(context: Mapping[str, Any], given: tuple[object, ...]) -> str | None:
    """Return the ID of a task's run, ``None`` outside Airflow.

    Args:
        context: of the task.
        given: the dates as the Dag's author wrote them: whoever changes them and clears the task
            means another window.
    """
    task = context.get("ti")
    if task is None:
        return None
    written = hashlib.sha256(repr([str(each) for each in given]).encode()).hexdigest()[:8]
    return f"{task.dag_id} {task.run_id} {task.task_id} {task.map_index} {written}"


def stored(context: Mapping[str, Any], run: str | None) -> Pin | None:
    """Return what an earlier try of this run has stored."""
    store = context.get("task_state_store")
    kept = store.get(_KEY) if store is not None and run is not None else None
    if not isinstance(kept, dict) or kept.pop("run", None) != run:
        return None
    return Pin.of(kept)


def store(context: Mapping[str, Any], run: str | None, window: DateWindow | None) -> None:
    """Store the window for later tries of this run, where Airflow can (3.3+)."""
    place = context.get("task_state_store")
    if place is not None and run is not None and window is not None:
        place.set(_KEY, {"run": run, **Pin(window).fields()})


def forget(context: Mapping[str, Any]) -> None:
    """Remove what was stored: the store outlives the task, and one that is cleared begins anew."""
    place = context.get("task_state_store")
    if place is not None:
        place.delete(_KEY)


def window_in(
    checkpoint: Checkpoint | None, plan: Plan, window: DateWindow | None, *, resumed: bool
) -> DateWindow | None:
    """Return the window of a checkpoint that an earlier leg of this run has left.

    Args:
        checkpoint: of the directory.
        plan: with the window that the templates give now.
        window: that one.
        resumed: the task has waited, and its event says nothing of the window.
    """
    if checkpoint is None or window is None:
        return None
    theirs, ours = checkpoint.identity, plan.identity
    if structs.replace(theirs, date_from=ours.date_from, date_to=ours.date_to).differences(ours):
        return None
    if checkpoint.run != plan.run or (plan.run is None and not resumed):
        return None
    try:
        kept = DateWindow.parse(theirs.date_from, theirs.date_to)
    except ConfigError:  # whoever wrote that
        return None
    return DateWindow(kept.start, kept.end, window.start_zone, window.end_zone)


def _written(local: datetime) -> str:
    """Return an instant in its zone: ``2026-03-29T00:00:00.000+00:00[Europe/London]``."""
    key = getattr(local.tzinfo, "key", None)
    return iso_ms(local) if key is None else f"{local.isoformat(timespec='milliseconds')}[{key}]"


def _read(text: str) -> datetime:
    instant, _, zone = text.removesuffix("]").partition("[")
    local = parse_local(instant, "date")
    return local.astimezone(ZoneInfo(zone)) if zone else local


def _is_text(value: object) -> bool:
    return isinstance(value, str)
