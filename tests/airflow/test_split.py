"""``split="day"``: one wide reading, and a directory for each day as a daily export writes it."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import Asset, TaskDeferred

from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from tests.airflow.conftest import connect
from tests.airflow.test_operators import REFUSED, _refusal
from tests.airflow.test_pinned import StateStore, _context, _fired
from tests.support.exported import read_export

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

DAYS = "dt={date_from:%Y-%m-%d}"
FIRST = datetime(2026, 1, 28, tzinfo=ZoneInfo("UTC"))
WEEK = {"date_from": "2026-01-28", "date_to": "2026-02-03"}
"""The last three of the simulator's days, and three days without rows."""


@pytest.fixture
def api(connections: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, behind a connection with which tasks never sleep and never retry a request."""
    connect(monkeypatch, "mintlify", connections, extra={"max_wait_s": 0, "max_attempts": 1})
    return connections


def _operator(lake: Path | str, **arguments: Any) -> MintlifyExportOperator:
    options = {"endpoint": "conversations", "path": f"file://{lake}/{DAYS}", **WEEK, **arguments}
    return MintlifyExportOperator(task_id="export", **options)


def _split(path: Path, context: Any = None, **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = _operator(path, split="day", **arguments).execute(context or {})
    return result


def _by_day(path: Path, days: int = 6, first: datetime = FIRST, **arguments: Any) -> None:
    for number in range(days):
        start, end = (first + timedelta(days=each) for each in (number, number + 1))
        _operator(path, **{**arguments, "date_from": start, "date_to": end}).execute({})


def _comparable(path: Path) -> dict[str, tuple[dict[str, Any], tuple[bytes, ...]]]:
    """Return manifest and rows of each directory, without times, attempts and requests."""
    found = {}
    for directory in sorted(path.iterdir()):
        export = read_export(directory)
        assert not export.wrong
        assert {each.name for each in directory.iterdir()} == export.names
        manifest = dict(export.manifest)
        for name in ("requests", "started_at", "finished_at"):
            del manifest[name]
        files = [
            {**file, "name": file["name"][:11] + file["name"][19:]} for file in manifest["files"]
        ]
        found[directory.name] = ({**manifest, "files": files}, tuple(export.parts))
    return found


SNIPPETS: dict[str, Any] = {"endpoint": "feedback", "filters": {"source": "code_snippet"}}
"""Feedback whose rows all have a ``createdAt``."""


@pytest.mark.parametrize(
    ("options", "odd"),
    [
        ({"compression": "gzip"}, {}),
        ({"compression": "gzip"}, {"key": "query", "value": "half \ud83d"}),
        ({}, {"key": "_project_id", "value": "other"}),
        ({"file_format": "csv", "page_size": 30, "pages_per_file": 1}, {"key": "language"}),
        ({"file_format": "parquet", "page_size": 30, "pages_per_file": 2}, {"key": "query"}),
        ({**SNIPPETS, "file_format": "parquet", "pages_per_file": 1, "page_size": 7}, {}),
        ({**SNIPPETS, "file_format": "csv"}, {"key": "status", "value": "archived"}),
    ],
)
def test_a_split_window_is_byte_for_byte_what_daily_exports_write(
    api: Simulator, tmp_path: Path, options: dict[str, Any], odd: dict[str, Any]
) -> None:
    if odd:
        api.add_faults([{"kind": "set_in_rows", "value": 1, "times": None, **odd}])
    _by_day(tmp_path / "daily", **options)
    api.clear_requests()
    result = _split(tmp_path / "split", **options)
    daily, split = _comparable(tmp_path / "daily"), _comparable(tmp_path / "split")
    assert list(daily) == [f"dt=2026-01-{day}" for day in (28, 29, 30, 31)] + [
        f"dt=2026-02-0{day}" for day in (1, 2)
    ]
    assert split == daily
    assert result["rows"] == sum(manifest["rows"] for manifest, _ in daily.values()) > 0
    size = options.get("page_size") or 1000
    assert result["requests"] == len(api.requests) == math.ceil(result["rows"] / size)


def test_the_summary_lists_the_manifest_of_each_day_and_all_files(
    api: Simulator, tmp_path: Path
) -> None:
    result = _split(tmp_path)
    truth, _ = api.truth("conversations", "2026-01-28", "2026-02-03")
    days = [f"file://{tmp_path}/{each.name}" for each in sorted(tmp_path.iterdir())]
    assert result == {
        "manifest": None,
        "manifests": [f"{day}/_manifest.json" for day in days],
        "path": f"file://{tmp_path}",
        "endpoint": "conversations",
        "project_id": api.project_id,
        "date_from": "2026-01-28T00:00:00.000Z",
        "date_to": "2026-02-03T00:00:00.000Z",
        "rows": len(truth),
        "pages": 1,
        "requests": 1,
        "bytes": sum(each.stat().st_size for each in tmp_path.glob("*/part-*")),
        "files": 6,
        "uris": [f"file://{each}" for each in sorted(tmp_path.glob("*/part-*"))],
        "totals": {},
    }


def test_the_last_line_of_the_log_says_what_was_exported(
    api: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "airflow_provider_docsanalytics"):
        result = _split(tmp_path)
    assert caplog.messages[-1] == (
        f"Exported {result['rows']} conversations to 6 directories, "
        f"file://{tmp_path}/dt=2026-01-28 to file://{tmp_path}/dt=2026-02-02 (6 files, 1 request)"
    )


def test_days_are_those_of_the_windows_zone(api: Simulator, tmp_path: Path) -> None:
    first = datetime(2026, 1, 27, tzinfo=ZoneInfo("America/New_York"))
    window = {"date_from": first, "date_to": first + timedelta(days=5)}
    _by_day(tmp_path / "daily", days=5, first=first)
    _split(tmp_path / "split", **window)
    assert _comparable(tmp_path / "split") == _comparable(tmp_path / "daily")


def test_a_lookback_splits_into_the_days_before(api: Simulator, tmp_path: Path) -> None:
    day = {"date_from": "2026-01-30", "date_to": "2026-01-31", "lookback": timedelta(days=2)}
    _split(tmp_path / "split", **day)
    _by_day(tmp_path / "daily", days=3)
    assert _comparable(tmp_path / "split") == _comparable(tmp_path / "daily")


def test_days_that_exist_are_replaced_by_the_same_export(api: Simulator, tmp_path: Path) -> None:
    _by_day(tmp_path)
    before = _comparable(tmp_path)
    started = [read_export(day).manifest["started_at"] for day in tmp_path.iterdir()]
    _split(tmp_path)
    assert _comparable(tmp_path) == before
    assert max(started) < min(read_export(d).manifest["started_at"] for d in tmp_path.iterdir())


def test_a_day_that_holds_a_different_export_is_refused_before_the_first_request(
    api: Simulator, tmp_path: Path
) -> None:
    _by_day(tmp_path, days=1, first=FIRST + timedelta(days=4), file_format="csv")
    api.clear_requests()
    message = _refusal("conversations", f"{tmp_path}/{DAYS}", **WEEK, split="day")
    assert "dt=2026-02-01 holds a different export" in message
    assert api.requests == []
    assert [each.name for each in tmp_path.iterdir()] == ["dt=2026-02-01"]
    _split(tmp_path, if_exists="replace")
    assert len(_comparable(tmp_path)) == 6


@pytest.mark.parametrize("task_store", [True, False])
def test_a_split_that_waits_for_the_quota_requests_no_page_twice(
    api: Simulator,
    tmp_path: Path,
    task_store: bool,  # noqa: FBT001
) -> None:
    options: dict[str, Any] = {"page_size": 30, "pages_per_file": 2}
    _split(tmp_path / "at once", **options)
    api.clear_requests()
    context = _context(**({"task_state_store": StateStore()} if task_store else {}))
    event, waits = None, 0
    while True:
        api.set_quota(3, period_s=3600)
        operator = _operator(tmp_path / "waiting", split="day", deferrable=True, **options)
        try:
            result = operator.resume(context, event) if event else operator.execute(context)
            break
        except TaskDeferred as deferred:
            assert [each.name[:6] for each in (tmp_path / "waiting").iterdir()] == ["_split"]
            event, waits = _fired(deferred), waits + 1
    assert waits > 1
    asked = [str(entry["query"]) for entry in api.requests if entry["status"] == 200]
    assert len(asked) == len(set(asked)) == result["pages"]
    assert result["requests"] == len(asked) + waits
    assert _comparable(tmp_path / "waiting") == _comparable(tmp_path / "at once")


def test_a_path_that_jinja_moves_is_pinned_over_a_wait(api: Simulator, tmp_path: Path) -> None:
    api.set_quota(1, period_s=3600)
    options: dict[str, Any] = {"page_size": 200, "deferrable": True}
    with pytest.raises(TaskDeferred) as deferred:
        _split(tmp_path / "one", **options)
    api.set_quota(None)
    moved = _operator(tmp_path / "other", split="day", **options)
    assert moved.resume({}, _fired(deferred.value))["path"] == f"file://{tmp_path}/one"
    assert not (tmp_path / "other").exists()


def test_a_retry_keeps_the_days_that_are_done_and_requests_nothing(
    api: Simulator, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "dt=2026-01-31" / "_checkpoint.json"
    in_the_way.mkdir(parents=True)
    with pytest.raises(REFUSED, match="not a regular file"):
        _split(tmp_path)
    done = [tmp_path / f"dt=2026-01-{day}" / "_manifest.json" for day in (28, 29, 30)]
    before = [(each.stat().st_ino, each.stat().st_mtime_ns) for each in done]
    assert not (tmp_path / "dt=2026-02-01").exists()
    in_the_way.rmdir()
    _split(tmp_path)
    assert len(api.requests) == 1
    assert [(each.stat().st_ino, each.stat().st_mtime_ns) for each in done] == before
    assert len(_comparable(tmp_path)) == 6


def test_the_next_run_reads_the_window_again(api: Simulator, tmp_path: Path) -> None:
    first, second = _split(tmp_path), _split(tmp_path)
    assert len(api.requests) == 2
    assert first["uris"] != second["uris"]


def test_a_day_whose_own_export_is_unfinished_does_not_mix_with_it(
    api: Simulator, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"page_size": 9, "pages_per_file": 1}
    _by_day(tmp_path / "daily", **options)
    api.add_faults([{"kind": "status", "status": 500, "match": {"nth": 2}}])
    with pytest.raises(Exception, match="HTTP 500"):
        _by_day(tmp_path / "split", days=1, **options)
    assert (tmp_path / "split" / "dt=2026-01-28" / "_checkpoint.json").exists()
    api.clear_faults()
    _split(tmp_path / "split", **options)
    assert _comparable(tmp_path / "split") == _comparable(tmp_path / "daily")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "a row has no readable timestamp"),
        (1769558400, "a row has no readable timestamp"),
        ("2026-01-28T10:00:00", "a row has no readable timestamp"),
        ("yesterday", "a row has no readable timestamp"),
        ("2026-02-03T00:00:00.000Z", "2026-02-03T00:00:00+00:00, which is outside of the window"),
        ("2026-01-27T23:59:59.999Z", "which is outside of the window"),
        ("2026-01-28T00:30:00.000+01:00", "which is outside of the window"),
    ],
)
def test_a_row_whose_day_is_unknown_is_never_lost(
    api: Simulator, tmp_path: Path, value: object, message: str
) -> None:
    fault = {"kind": "set_in_rows", "key": "timestamp", "value": value, "every": 20}
    api.add_faults([{**fault, "times": None}])
    with pytest.raises(BadResponse, match="conversations: .*" + message.replace("+", r"\+")):
        _split(tmp_path)
    assert not list(tmp_path.glob("*/_manifest.json"))
    api.clear_faults()
    assert _split(tmp_path)["rows"] == len(api.truth("conversations", *WEEK.values())[0])


def test_rows_in_another_order_are_in_their_day_all_the_same(
    api: Simulator, tmp_path: Path
) -> None:
    """The API promises no order of conversations."""
    _by_day(tmp_path / "daily", days=3, page_size=3)
    api.add_faults(
        [
            {
                "kind": "set_in_rows",
                "key": "timestamp",
                "value": f"2026-01-{day}T12:00:00.000Z",
                "every": every,
                "match": {"endpoint": "conversations"},
            }
            for every, day in ((2, 29), (3, 28))
        ]
    )
    result = _split(tmp_path / "split", page_size=3)
    days = _comparable(tmp_path / "split")
    assert sum(manifest["rows"] for manifest, _ in days.values()) == result["rows"]
    for name, (_, parts) in days.items():
        for line in b"".join(parts).splitlines():
            assert json.loads(line)["timestamp"][:10] == name.removeprefix("dt=")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoint": "views"}, "rows of views have no time of their own"),
        ({"split": "week"}, "split='week' is not a known value"),
        ({"path": "/lake/{endpoint}"}, "is one directory for 2026-01-30 and 2026-01-31"),
        ({"path": "/lake/{date_from:%Y-%m}"}, r"Put {date_from:%Y-%m-%d} into the path"),
        ({"path": "s3://lake-{date_from:%Y%m%d}/x"}, "Put the date below the bucket"),
        ({"date_from": "2026-01-28T06:00"}, "Use date_from='2026-01-29T00:00:00+00:00'"),
        ({"date_to": "2026-02-03T06:00"}, "Use date_to='2026-02-03T00:00:00+00:00'"),
        ({"date_to": "2026-01-28T06:00"}, "Use date_to='2026-01-29T00:00:00+00:00'"),
        (
            {"date_to": "2026-02-03T00:00+01:00"},
            "date_to=2026-02-03T00:00:00+01:00 in UTC+01:00.\nGive",
        ),
        ({"date_to": "2026-02-03T06:00+01:00"}, "is not the start of a day in the window's zone"),
        ({"date_from": "2020-01-01"}, "2225 days; at most 1000"),
        ({"lookback": timedelta(hours=1)}, "Use date_from='2026-01-28T00:00:00+00:00'"),
        ({"path": "/lake/{date_from:%d}", "date_from": "2026-01-01"}, "2026-01-01 and 2026-02-01"),
    ],
)
def test_what_cannot_be_split_is_refused_before_the_first_request(
    api: Simulator, arguments: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"endpoint": "conversations", "path": f"/lake/{DAYS}", "split": "day"}
    with pytest.raises(REFUSED) as refused:
        MintlifyExportOperator(task_id="export", **given | WEEK | arguments).execute({})
    assert message in str(refused.value)
    assert api.requests == []


def test_a_split_path_on_s3(api: Simulator, lake: Any) -> None:
    path = f"s3://aws_lake@bucket/split/{{endpoint}}/{DAYS}/{{platform}}"
    result = _operator("", split="day", path=path).execute({})
    assert result["path"] == "s3://aws_lake@bucket/split/conversations"
    names = {name.partition("/split/")[2] for name in lake.fs.find("bucket/split")}
    assert len(names) == 12
    assert all(name.startswith("conversations/dt=2026-0") for name in names)


def test_lineage_and_events_name_every_day(api: Simulator, tmp_path: Path) -> None:
    asset = Asset(uri=f"docsanalytics://mintlify/{api.project_id}/conversations")
    event = SimpleNamespace(extra=None, keys=[])
    event.add_partitions = event.keys.extend

    class Events:
        """As Airflow's: not a dictionary, because assets have no hash on every Airflow."""

        def __getitem__(self, outlet: Asset) -> Any:
            assert outlet == asset
            return event

    operator = _operator(tmp_path, split="day", partitioned=True, outlets=[asset])
    summary = operator.execute({"outlet_events": Events()})
    assert event.extra == summary
    days = sorted(each.name for each in tmp_path.iterdir())
    keys = [f"{day.removeprefix('dt=')}T00:00:00" for day in days]
    assert event.keys == (keys if AIRFLOW_V_3_3_PLUS else [])
    written = operator.get_openlineage_facets_on_complete(None).outputs
    assert [each.name for each in written] == [str(tmp_path / day) for day in days]
    counts = [each.outputFacets["outputStatistics"].rowCount for each in written]
    assert sum(counts) == summary["rows"] > counts[0] > 0


def test_a_mapped_split_is_checked_when_it_runs(api: Simulator, tmp_path: Path) -> None:
    operator = _operator(tmp_path, endpoint="{{ params.x }}", split="day")
    operator.endpoint = "searches"
    with pytest.raises(REFUSED, match="rows of searches have no time of their own"):
        operator.execute({})
    assert api.requests == []
