"""Pinned windows: Airflow renders templates again at each resume and each retry."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import AirflowException, TaskDeferred

from airflow_provider_docsanalytics.errors import RateLimited, ServerError
from airflow_provider_docsanalytics.operators._window import Pinned
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.triggers.wait import WaitTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_1_7_PLUS
from airflow_provider_docsanalytics.window import DateWindow
from tests.airflow.conftest import connect

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

TEMPLATE = "{{ macros.datetime.utcnow() }}"
START = datetime(2026, 2, 1, tzinfo=UTC)


class StateStore:
    """Airflow's task state store as tasks see it: JSON values by key."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else default

    def set(self, key: str, value: Any) -> None:
        self.kept[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


@pytest.fixture
def api(connections: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, behind a connection with which tasks never sleep and never retry a request."""
    connect(monkeypatch, "mintlify", connections, extra={"max_wait_s": 0, "max_attempts": 1})
    return connections


def _context(run_id: str = "scheduled__1", **more: Any) -> Any:
    ti = SimpleNamespace(dag_id="docs", run_id=run_id, task_id="export", map_index=-1)
    return {"ti": ti, **more}


def _try(path: Path | str, number: int, given: str = TEMPLATE, **arguments: Any) -> Any:
    """Return the operator of one try: rendered again, by a clock that has moved on."""
    now = START + timedelta(hours=number)
    options: dict[str, Any] = {"date_from": "2026-01-01", "date_to": given, "deferrable": True}
    options |= {"settle": timedelta(0), "pages_per_file": 1, "endpoint": "feedback"} | arguments
    location = str(path) if "://" in str(path) else f"file://{path}"
    operator = MintlifyExportOperator(task_id="export", path=location, **options)
    for name in ("date_from", "date_to", "path"):
        value = getattr(operator, name)
        if isinstance(value, str):
            setattr(operator, name, value.replace(TEMPLATE, now.isoformat()))
    return operator


def _fired(deferred: TaskDeferred) -> dict[str, Any]:
    """Return the event of the trigger, after its way through the database."""
    _, arguments = deferred.trigger.serialize()
    kept = json.loads(json.dumps(arguments)) | {"until": datetime.now(UTC).isoformat()}

    async def first() -> Any:
        return (await anext(WaitTrigger(**kept).run())).payload

    event: dict[str, Any] = json.loads(json.dumps(asyncio.run(first())))
    return event


def _tries(service: Simulator, path: Any, context: Any, **arguments: Any) -> tuple[Any, int]:
    """Run to the end on a quota that returns after each wait; return the number of waits."""
    event: Any = None
    for number in range(12):
        service.set_quota(3, period_s=3600)
        operator = _try(path, number, **arguments)
        try:
            result = operator.resume(context, event) if event else operator.execute(context)
        except TaskDeferred as deferred:
            event = _fired(deferred)
        else:
            return result, number
    pytest.fail("never finished")


def _requested_twice(service: Simulator) -> int:
    asked = [str(entry["query"]) for entry in service.requests if entry["status"] == 200]
    return len(asked) - len(set(asked))


@pytest.mark.parametrize("context", [{}, _context()])
@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"date_from": TEMPLATE, "date_to": "2026-03-01"},
        {"date_to": "2026-01-31"},
    ],
)
def test_a_deferred_export_keeps_the_window_of_its_first_try(
    api: Simulator, tmp_path: Path, context: Any, dates: dict[str, Any]
) -> None:
    result, waits = _tries(api, tmp_path, context, **dates, endpoint="feedback")
    first = START.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if dates.get("date_from"):
        assert (result["date_from"], result["rows"]) == (first, 0)
        return
    assert result["date_to"] == (first if not dates else "2026-01-31T00:00:00.000Z")
    assert waits > 1
    assert _requested_twice(api) == 0
    truth, _ = api.truth("feedback", "2026-01-01", result["date_to"])
    assert result["rows"] == len(truth)


@pytest.mark.parametrize(
    "path",
    ["{lake}/until={{date_to:%Y-%m-%dT%H}}", "{lake}/now=" + "{now}", "{lake}/{{date_to}}"],
)
def test_a_deferred_export_stays_in_the_directory_of_its_first_try(
    api: Simulator, tmp_path: Path, path: str
) -> None:
    path = path.format(lake=f"file://{tmp_path}", now=TEMPLATE)
    result, waits = _tries(api, path, _context())
    assert waits > 1
    assert _requested_twice(api) == 0
    assert [each.name for each in tmp_path.iterdir()] == [result["path"].rsplit("/", 1)[-1]]


def test_a_deferred_export_in_a_zone_keeps_its_labels(api: Simulator, tmp_path: Path) -> None:
    """In winter, London has the offset of UTC but is another zone."""
    day = pendulum.datetime(2026, 1, 1, tz="Europe/London")
    arguments = {"date_from": day, "date_to": day.add(days=30)}
    path = f"file://{tmp_path}/{{date_from}}-{{date_to:%H%Z}}"
    result, waits = _tries(api, path, _context(), **arguments)
    assert waits > 1
    assert result["path"] == f"file://{tmp_path}/20260101T000000+0000-00GMT"


@pytest.mark.parametrize("stores", [False, True])
def test_a_retry_keeps_the_window_of_the_first_try(
    api: Simulator,
    tmp_path: Path,
    stores: bool,  # noqa: FBT001 - a case
) -> None:
    store = {"task_state_store": StateStore()} if stores else {}
    path = f"file://{tmp_path}/" + ("{date_to:%H%M}" if stores else "fixed")
    for number in range(4):
        api.set_quota(3, period_s=3600)
        with pytest.raises(RateLimited):
            _try(path, number, deferrable=False).execute(_context(**store))
    api.set_quota(None)
    result = _try(path, 4, deferrable=False).execute(_context(**store))
    assert result["date_to"] == "2026-02-01T00:00:00.000Z"
    assert _requested_twice(api) == 0
    assert len(list(tmp_path.iterdir())) == 1
    if stores:
        assert store["task_state_store"].kept == {}


def test_a_task_that_is_cleared_after_its_success_has_a_window_of_its_own(
    api: Simulator, tmp_path: Path
) -> None:
    context = _context(task_state_store=StateStore())
    arguments: dict[str, Any] = {"if_exists": "replace"}
    first = _try(tmp_path, 0, **arguments).execute(context)
    again = _try(tmp_path, 1, **arguments).execute(context)
    assert (first["date_to"], again["date_to"]) == (
        "2026-02-01T00:00:00.000Z",
        "2026-02-01T01:00:00.000Z",
    )


@pytest.mark.parametrize("stores", [False, True])
@pytest.mark.parametrize("other", ["another run", "the author has changed the dates"])
def test_an_export_of_another_run_or_another_version_of_the_dag_is_not_resumed(
    api: Simulator,
    tmp_path: Path,
    stores: bool,  # noqa: FBT001 - a case
    other: str,
) -> None:
    store = {"task_state_store": StateStore()} if stores else {}
    api.set_quota(3, period_s=3600)
    with pytest.raises(RateLimited):
        _try(tmp_path, 0, deferrable=False).execute(_context(**store))
    api.set_quota(None)
    if other == "another run":
        result = _try(tmp_path, 1, deferrable=False).execute(_context("scheduled__2", **store))
        assert result["date_to"] == "2026-02-01T01:00:00.000Z"
    else:
        changed = _try(tmp_path, 1, given="2026-01-20", deferrable=False)
        result = changed.execute(_context(**store))
        assert result["date_to"] == "2026-01-20T00:00:00.000Z"
    truth, _ = api.truth("feedback", result["date_from"], result["date_to"])
    assert result["rows"] == len(truth)


def test_an_export_of_another_endpoint_does_not_pin_the_window(
    api: Simulator, tmp_path: Path
) -> None:
    api.set_quota(3, period_s=3600)
    with pytest.raises(RateLimited):
        _try(tmp_path, 0, deferrable=False).execute(_context())
    api.set_quota(None)
    result = _try(tmp_path, 1, deferrable=False, endpoint="searches").execute(_context())
    assert result["date_to"] == "2026-02-01T01:00:00.000Z"


def test_outside_airflow_only_a_resumed_task_uses_the_window_of_a_checkpoint(
    api: Simulator, tmp_path: Path
) -> None:
    api.set_quota(3, period_s=3600)
    with pytest.raises(RateLimited):
        _try(tmp_path, 0, deferrable=False).execute({})
    with pytest.raises(RateLimited):
        _try(tmp_path, 1, deferrable=False).resume({}, {"status": "waited", "waits": 1})
    checkpoint = json.loads((tmp_path / "_checkpoint.json").read_text())
    assert checkpoint["identity"]["date_to"] == "2026-02-01T00:00:00.000Z"
    api.set_quota(None)
    result = _try(tmp_path, 2, deferrable=False).execute({})
    assert result["date_to"] == "2026-02-01T02:00:00.000Z"


def test_a_checkpoint_with_an_unreadable_window_is_ignored(api: Simulator, tmp_path: Path) -> None:
    api.set_quota(3, period_s=3600)
    with pytest.raises(RateLimited):
        _try(tmp_path, 0, deferrable=False).execute(_context())
    place = tmp_path / "_checkpoint.json"
    place.write_text(place.read_text().replace("2026-02-01T00:00:00.000Z", "tomorrow"))
    api.set_quota(None)
    result = _try(tmp_path, 1, deferrable=False).execute(_context())
    assert result["date_to"] == "2026-02-01T01:00:00.000Z"


@pytest.mark.skipif(not AIRFLOW_V_3_1_7_PLUS, reason="only sensors are rescheduled before 3.1.7")
@pytest.mark.parametrize("stores", [False, True])
def test_a_window_that_ends_now_is_rescheduled_once(
    api: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stores: bool,  # noqa: FBT001 - a case
) -> None:
    """Without a store the window cannot be pinned; then the worker waits, and the wait ends."""
    store = {"task_state_store": StateStore()} if stores else {}
    wait: dict[str, Any] = {"settle": timedelta(seconds=62), "deferrable": False}

    def leg(context: Any) -> Any:
        operator = _try(tmp_path / "x", 0, **wait)
        operator.date_to = datetime.now(UTC)
        return operator.execute(context)

    with pytest.raises(AirflowRescheduleException) as first:
        leg(_context(**store))
    due = first.value.reschedule_date
    if stores:
        with pytest.raises(AirflowRescheduleException) as second:
            leg(_context(**store))
        assert second.value.reschedule_date == due
    else:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        leg(_context(task_reschedule_count=1))
        assert 60 < sum(slept) <= 62


@pytest.mark.parametrize(
    "window",
    [
        None,
        DateWindow.between(
            datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=START.tzinfo)
        ),
    ],
)
def test_a_pinned_window_without_zones_survives_json(window: DateWindow | None) -> None:
    pinned = Pinned(window, "file:///lake/x")
    assert Pinned.from_json(json.loads(json.dumps(pinned.to_json()))) == pinned


MALFORMED: list[Any] = [
    [],
    "x",
    {"date_from": 1},
    {"date_from": "2026-01-01"},
    {"date_from": "2026-01-02", "date_to": "2026-01-01"},
    {"date_from": "2026-01-01[../../etc/passwd]", "date_to": "2026-01-02"},
    {"date_from": "2026-01-01[Europe/Nowhere]", "date_to": "2026-01-02"},
    {"date_from": "0001-01-01T00:00Z[America/New_York]", "date_to": "2026-01-02"},
    {"path": None},
]


@pytest.mark.parametrize("pin", MALFORMED)
def test_a_malformed_pinned_window_is_refused(api: Simulator, tmp_path: Path, pin: Any) -> None:
    event = {"status": "waited", "waits": 1, "pin": pin}
    with pytest.raises(AirflowException, match="Cannot read the window"):
        _try(tmp_path, 0).resume(_context(), event)
    assert api.requests == []


def test_a_failed_page_is_retried_in_the_same_window(api: Simulator, tmp_path: Path) -> None:
    api.add_faults([{"kind": "status", "status": 500, "match": {"nth": 3}}])
    with pytest.raises(ServerError):
        _try(tmp_path, 0).execute(_context())
    result = _try(tmp_path, 1).execute(_context())
    assert result["date_to"] == "2026-02-01T00:00:00.000Z"
    assert _requested_twice(api) == 0
