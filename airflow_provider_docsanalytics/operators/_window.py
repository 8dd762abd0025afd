"""The window of a task's run: how it is chosen, and how it stays the same after every resume.

Airflow renders templates again whenever a task resumes or is retried. A date that depends on the
clock would then move the window, and each attempt would start another export. So the window is
pinned at the first try:

- over a wait in the triggerer, the trigger and its event carry it, with the directory;
- for a retry, Airflow's task state store keeps it (3.3+), otherwise the directory's checkpoint.

A pinned window belongs to one run of one task, until the author of the Dag changes the dates.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from airflow.providers.common.compat.sdk import AirflowException
from msgspec import structs

from airflow_provider_docsanalytics._run_interval import (
    HOW_TO_TRIGGER,
    has_logical_date,
    run_interval,
)
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.parameters import duration, holds_template
from airflow_provider_docsanalytics.window import DateWindow, iso_ms, parse_instant, parse_local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.endpoint import Endpoint
    from airflow_provider_docsanalytics.export.documents import Checkpoint
    from airflow_provider_docsanalytics.export.plan import Plan

LONGEST_LOOKBACK = date.max - date.min
LONGEST_SETTLE = timedelta(days=300)
"""The latest window ends a year before the last date that exists, so this wait has an end."""
_FURTHEST_START = timedelta(days=1)
"""A window that starts later is a mistake, and not a run that is triggered a little early."""
_STATE_KEY = "docsanalytics_window"


# From the parameters, the data interval and the lookback


def check_dates(date_from: object, date_to: object, lookback: object, settle: object) -> None:
    """Raise :class:`ConfigError` for a date or a duration that is wrong in every run."""
    duration("settle", settle, LONGEST_SETTLE)
    if lookback is not None:
        duration("lookback", lookback, LONGEST_LOOKBACK)
    dates = {"date_from": date_from, "date_to": date_to}
    fixed = {
        name: parse_instant(value, name)
        for name, value in dates.items()
        if value is not None and not holds_template(value)
    }
    if fixed.keys() == dates.keys() and not lookback:
        DateWindow(fixed["date_from"], fixed["date_to"])


def check_takes_dates(endpoint: Endpoint, dates: tuple[object, ...], *, partitioned: bool) -> None:
    """Refuse dates, a lookback and partitions for an endpoint that takes no dates."""
    if endpoint.windowed:
        return
    if partitioned:
        raise ConfigError(
            f"partitioned=True: {endpoint.name} takes no dates, so it has no partitions.\n"
            "Leave out partitioned."
        )
    if any(each is not None for each in dates):
        raise ConfigError(
            f"{endpoint.name} takes no dates.\nLeave out date_from, date_to and lookback."
        )


def resolve_window(
    context: Mapping[str, Any], date_from: object, date_to: object, lookback: timedelta | None
) -> DateWindow:
    """Return the window of a run.

    The end is ``date_to``, else the end of the interval of :func:`.run_interval`. The start is
    ``date_from``, else the start of that interval; ``lookback`` moves it earlier.

    Each end has the zone in which it was given: the Dag's for the run's own dates, its own for
    ``date_from`` and ``date_to``. Full days of the ``lookback`` are days of that zone: one day
    before midnight is midnight, also where that day had 23 or 25 hours.

    Raises:
        ConfigError: the parameters and the run give no window, or one in the future; the message
            says what to write.
    """
    start, end = run_interval(context)
    start = parse_local(date_from, "date_from") if date_from is not None else start
    end = parse_local(date_to, "date_to") if date_to is not None else end
    if end is None:
        raise ConfigError(
            "This run has no date at all: no data interval, no logical date, and date_to is not "
            f"set.\nPass date_from and date_to. {HOW_TO_TRIGGER}."
        )
    start = _earlier(start or end, lookback or timedelta(0))
    if start.astimezone(UTC) >= end.astimezone(UTC) and date_from is None:
        raise _no_interval(end, is_dated=has_logical_date(context))
    window = DateWindow.between(start, end)
    if window.start > datetime.now(UTC) + _FURTHEST_START:
        raise ConfigError(
            f"The window {window} starts in the future, so it has no rows, and the task would wait "
            "until it is over.\nCorrect date_from and date_to, or the logical date of the run."
        )
    return window


def _no_interval(end: datetime, *, is_dated: bool) -> ConfigError:
    if not is_dated:
        return ConfigError(
            "This run has no logical date, and the Dag's schedule gives it no data interval (it "
            f"starts and ends at {end.isoformat()}), so there is no window to export.\nWrite one "
            "of: lookback=timedelta(days=1), to export the day before; a schedule with intervals, "
            "such as CronDataIntervalTimetable('@daily', timezone='UTC'), whose last interval is "
            f"then exported; or date_from and date_to. {HOW_TO_TRIGGER} if the Dag's "
            "templates use one."
        )
    return ConfigError(
        f"This run's data interval is empty (it starts and ends at {end.isoformat()}), "
        "so there is nothing to export. Airflow 3 gives cron schedules such as '@daily' an "
        "empty interval.\nWrite one of: lookback=timedelta(days=1), to export the day before "
        "the run; schedule=CronDataIntervalTimetable('@daily', timezone='UTC'), to have "
        "intervals again; or date_from and date_to, e.g. "
        'date_from="{{ logical_date - macros.timedelta(days=1) }}", '
        'date_to="{{ logical_date }}".'
    )


def _earlier(start: datetime, lookback: timedelta) -> datetime:
    days = timedelta(days=lookback.days)
    try:
        # By local time; in an hour that comes twice, the start keeps its occurrence.
        local = start - days if days else start
        return (local.astimezone(UTC) - (lookback - days)).astimezone(start.tzinfo)
    except OverflowError as error:
        raise ConfigError(
            f"lookback={lookback!r} is out of the range of dates.\nUse a shorter lookback."
        ) from error


# Pinned


class Pinned(msgspec.Struct, frozen=True):
    """The window and directory that a task resumes with, whatever its templates give now.

    Attributes:
        window: ``None`` where the endpoint takes no dates.
        path: the directory; ``None``: as the templates give it.
        path_of_days: with the fields of dates, for a window that is split; else ``None``.
    """

    window: DateWindow | None = None
    path: str | None = None
    path_of_days: str | None = None

    def to_json(self) -> dict[str, str]:
        """Return it as JSON accepts it; zones by name, because labels depend on them."""
        paths = {"path": self.path, "path_of_days": self.path_of_days}
        fields = {name: path for name, path in paths.items() if path is not None}
        if self.window is not None:
            fields["date_from"] = _zoned_text(self.window.local_start)
            fields["date_to"] = _zoned_text(self.window.local_end)
        return fields

    @classmethod
    def from_json(cls, fields: object) -> Pinned:
        """Return what :meth:`to_json` gave; raise ``AirflowException`` for anything else."""
        try:
            if not isinstance(fields, dict) or not all(map(_is_text, fields.values())):
                raise ValueError("expected an object of texts")  # noqa: TRY301 - caught below
            window = None
            if "date_from" in fields:
                start, end = _parse_zoned(fields["date_from"]), _parse_zoned(fields["date_to"])
                window = DateWindow.between(start, end)
            return cls(window, fields.get("path"), fields.get("path_of_days"))
        except (ConfigError, ValueError, LookupError, OverflowError, OSError) as error:
            raise AirflowException(
                f"Cannot read the window that this task started with: {fields!r:.200}: {error}\n"
                "Clear the task to start over."
            ) from error


def run_id_of(context: Mapping[str, Any], dates: tuple[object, ...]) -> str | None:
    """Return the ID of a task's run, ``None`` outside Airflow.

    Args:
        context: of the task.
        dates: as the Dag's author wrote them. To change them and clear the task is to ask for
            another window, so the ID depends on them.
    """
    task = context.get("ti")
    if task is None:
        return None
    written = hashlib.sha256(repr([str(each) for each in dates]).encode()).hexdigest()[:8]
    return f"{task.dag_id} {task.run_id} {task.task_id} {task.map_index} {written}"


def load_pinned(context: Mapping[str, Any], run: str | None) -> Pinned | None:
    """Return what an earlier try of this run has pinned in Airflow's task state store."""
    store = context.get("task_state_store")
    stored = store.get(_STATE_KEY) if store is not None and run is not None else None
    if not isinstance(stored, dict) or stored.pop("run", None) != run:
        return None
    return Pinned.from_json(stored)


def save_pinned(context: Mapping[str, Any], run: str | None, window: DateWindow | None) -> None:
    """Pin the window for later tries of this run, where Airflow has a task state store (3.3+)."""
    store = context.get("task_state_store")
    if store is not None and run is not None and window is not None:
        store.set(_STATE_KEY, {"run": run, **Pinned(window).to_json()})


def clear_pinned(context: Mapping[str, Any]) -> None:
    """Unpin the window: the store outlives the task, and a task that is cleared starts over."""
    store = context.get("task_state_store")
    if store is not None:
        store.delete(_STATE_KEY)


def window_of_checkpoint(
    checkpoint: Checkpoint | None, plan: Plan, window: DateWindow | None, *, resumed: bool
) -> DateWindow | None:
    """Return the window of a checkpoint that an earlier attempt of this run has left.

    Args:
        checkpoint: of the directory.
        plan: with the window that the templates give now.
        window: that window.
        resumed: the task has waited, and its event does not name the window.
    """
    if checkpoint is None or window is None:
        return None
    theirs, ours = checkpoint.identity, plan.identity
    if structs.replace(theirs, date_from=ours.date_from, date_to=ours.date_to).differences(ours):
        return None
    if checkpoint.run != plan.run or (plan.run is None and not resumed):
        return None
    try:
        found = DateWindow.parse(theirs.date_from, theirs.date_to)
    except ConfigError:  # this provider did not write that
        return None
    return DateWindow(found.start, found.end, window.start_zone, window.end_zone)


def _zoned_text(local: datetime) -> str:
    """Return an instant in its zone: ``2026-03-29T00:00:00.000+00:00[Europe/London]``."""
    key = getattr(local.tzinfo, "key", None)
    return iso_ms(local) if key is None else f"{local.isoformat(timespec='milliseconds')}[{key}]"


def _parse_zoned(text: str) -> datetime:
    instant, _, zone = text.removesuffix("]").partition("[")
    local = parse_local(instant, "date")
    return local.astimezone(ZoneInfo(zone)) if zone else local


def _is_text(value: object) -> bool:
    return isinstance(value, str)
