"""Templates that move, over deferrals and retries, each leg in a process of its own."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.reliability.children import run
from tests.reliability.summary import Case
from tests.reliability.tasks import StateFile, context, execute, in_airflow
from tests.support.simulator_process import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOVING = {
    "nothing": {},
    "date_to": {"date_to": "{now}"},
    "date_from": {"date_from": "{before}"},
    "both dates": {"date_from": "{before}", "date_to": "{now}"},
    "the path, by a field": {"date_to": "{now}", "path": "{lake}/{{date_to:%H%M}}"},
    "the path, by Jinja": {"date_to": "{now}", "path": "{lake}/{now}"},
}
MODES = ("deferred", "retried, Airflow 3.3", "retried, before 3.3")
_NEEDS_DEFERRAL = ("the path, by Jinja",)
"""Each try goes to a directory of its own, and the documentation says so."""
_NEEDS_STORE = ("the path, by a field",)
_MOST_LEGS = 12
_QUOTA = 3
_START = datetime(2026, 2, 1, tzinfo=UTC)


def cases(moving: Sequence[str] = tuple(MOVING)) -> Iterator[Case]:
    """Export on a quota of three requests a leg, with templates that give another date each leg."""
    data = ("--start", "2026-01-01", "--end", "2026-01-31", "--rows", "900", "--quota", "3/3600")
    with Service(*data) as service, tempfile.TemporaryDirectory() as lake:
        ended = run(partial(_all, service, Path(lake), moving))
    for mode in MODES:
        name = f"moving dates and paths, {mode}"
        if ended.error:
            yield Case(name, 0, ended.saw, (f"{ended.saw} {ended.text}",))
        else:
            yield _summed(name, ended.result[mode])


def quick() -> Iterator[Case]:
    """Try one that moves."""
    yield from cases(("date_to",))


def _all(service: Service, lake: Path, moving: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Export with each of these templates in each mode, by mode.

    The legs are forked from this process, which has exported once: so Airflow is loaded once.
    """
    in_airflow(service, lake / "home")
    day = {"date_from": "2026-01-01", "date_to": "2026-01-02"}
    execute(context(), endpoint="feedback", path=f"file://{lake}/warm", **day)
    return {
        mode: [
            _export(service, lake / mode.replace(" ", "-") / str(number), what, mode)
            for number, what in enumerate(moving)
            if not (what in _NEEDS_DEFERRAL and mode != "deferred")
            and not (what in _NEEDS_STORE and mode == "retried, before 3.3")
        ]
        for mode in MODES
    }


def _export(service: Service, lake: Path, what: str, mode: str) -> dict[str, Any]:
    """Run legs until the export is finished; return what became of it."""
    lake.mkdir(parents=True)
    service.forget_requests()
    event, told = None, {"saw": "never finished", "broken": [], "lost": 0, "again": 0, "legs": 0}
    for number in range(_MOST_LEGS):
        service.set_quota(_QUOTA)
        ended = run(partial(_leg, lake, what, mode, number, event))
        told["legs"] = number + 1
        if ended.error not in ("", "RateLimited"):
            told["broken"].append(f"{what}: {ended.saw} {ended.text}")
            return told
        result = ended.result or {}
        event = result.get("event")
        if "rows" in result:
            _verify(service, lake, what, result, told)
            return told
    told["broken"].append(f"{what}: never finished")
    return told


def _leg(lake: Path, what: str, mode: str, number: int, event: Any) -> dict[str, Any]:
    """Run one leg, an hour later than the one before; return the summary, or how it went on."""
    from airflow.providers.common.compat.sdk import TaskDeferred

    now = _START + number * timedelta(hours=1)
    before = now - timedelta(days=31)
    given = {"date_from": "2026-01-01", "date_to": "2026-02-01", "path": "{lake}/x"} | MOVING[what]
    words = {"now": now.isoformat(), "before": before.isoformat(), "lake": f"file://{lake}/out"}
    rendered = {name: text.format(**words) for name, text in given.items()}
    store = {"task_state_store": StateFile(lake / "state")} if mode == MODES[1] else {}
    try:
        return execute(
            context(**store),
            event,
            rendered,
            endpoint="feedback",
            pages_per_file=1,
            deferrable=mode == "deferred",
            **{name: f"{{{{ {text} }}}}" for name, text in given.items()},
        )
    except TaskDeferred as deferred:
        _, kept = deferred.trigger.serialize()
        pinned = {"pin": kept["pin"]} if "pin" in kept else {}
        return {"event": {"status": "waited", "waits": kept["waits"], **pinned}}


def _verify(
    service: Service, lake: Path, what: str, result: dict[str, Any], told: dict[str, Any]
) -> None:
    asked = Counter(json.dumps(e["query"]) for e in service.requests() if e["status"] == 200)
    told["saw"] = "complete"
    told["again"] = sum(asked.values()) - len(asked)
    moved = [n for n, first in (("date_from", "2026-01-01"), ("date_to", "2026-02-01"))
             if not result[n].startswith(f"{first}T00:00")]  # fmt: skip
    told["broken"] += [f"{what}: {name} has moved to {result[name]}" for name in moved]
    found = list((lake / "out").iterdir())
    if len(found) != 1 or told["again"]:
        told["broken"].append(f"{what}: {len(found)} directories, {told['again']} pages again")
    rows = [
        json.loads(line)["id"]
        for uri in result["uris"]
        for line in Path(uri.removeprefix("file://")).read_text().split("\n")[:-1]
    ]
    told["rows"], told["doubled"] = len(set(rows)), len(rows) - len(set(rows))


def _summed(name: str, exports: list[dict[str, Any]]) -> Case:
    most = max(told.get("rows", 0) for told in exports)
    saw = Counter(told["saw"] for told in exports)
    legs = sum(told["legs"] for told in exports)
    seen = ", ".join(f"{count} {what}" for what, count in saw.items()) + f", in {legs} processes"
    return Case(
        name,
        len(exports),
        seen,
        tuple(each for told in exports for each in told["broken"]),
        sum(most - told.get("rows", 0) for told in exports),
        sum(told.get("doubled", 0) for told in exports),
        max(told["again"] for told in exports),
    )
