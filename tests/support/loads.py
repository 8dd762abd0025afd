"""Exports, loaded into a database by an example Dag, and what the database then has to hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from airflow_provider_docsanalytics.api.endpoint import Endpoint
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.paging import SinglePaging
from airflow_provider_docsanalytics.fields import Field, Kind
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from tests.reliability.differential import CONTEXT, ROWS
from tests.reliability.odd_rows import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

Row = dict[str, Any]
Export = dict[str, Any]
DAYS = ("2026-01-10", "2026-01-11", "2026-01-12", "2026-01-13")
FIRST, SECOND = DAYS[0:2], DAYS[1:3]
ENDPOINTS = tuple(name for name, endpoint in MINTLIFY.endpoints.items() if endpoint.windowed)
ODD = Endpoint("odd", "/odd", SinglePaging(), fields=FIELDS)
"""An endpoint whose rows have everything that JSON allows."""
ODD_CONTEXT = {**CONTEXT, "_date_to": "2026-01-04T00:00:00.000Z"}


def odd_export(file: str) -> Export:
    """Return the summary of an export of one file with those rows."""
    return {
        "endpoint": ODD.name,
        "project_id": ODD_CONTEXT["_project_id"],
        "date_from": ODD_CONTEXT["_date_from"],
        "path": f"file://{file.rpartition('/')[0]}",
        "manifest": "-",
        "rows": ROWS,
        "uris": [f"file://{file}"],
    }


class Store(Protocol):
    """A database with a table for each endpoint.

    Attributes:
        form: the arguments by which an export has the format that it loads.
    """

    form: dict[str, str]

    def load(self, export: Export) -> int:
        """Load an export with the example Dag's task; return how many rows it says it loaded."""

    def rows(self, table: str) -> list[Row]:
        """Return a table's rows; instants with a zone, nested values and ``_extra`` decoded."""

    def without_column(self, export: Export, column: str) -> None:
        """Rewrite an export's files as a version writes them that does not know the column."""

    def drop_column(self, table: str, column: str) -> None:
        """Make a table as of a version that did not know the column."""


class Lake:
    """Exports in the format of a store."""

    def __init__(self, root: Path, service: Simulator, store: Store) -> None:
        self.root, self.service, self.store = root, service, store

    def export(self, endpoint: str, days: Sequence[str], **more: Any) -> Export:
        """Export a window into its directory."""
        date_from, date_to = days
        arguments: dict[str, Any] = {
            **self.store.form,
            "path": f"file://{self.root}/{{project_id}}/{endpoint}/dt={date_from}",
            "date_from": date_from,
            "date_to": date_to,
            **more,
        }
        operator = MintlifyExportOperator(task_id="export", endpoint=endpoint, **arguments)
        return operator.execute({})

    def load(self, endpoint: str, days: Sequence[str], **more: Any) -> Export:
        """Export a window and load it."""
        export = self.export(endpoint, days, **more)
        assert self.store.load(export) == export["rows"]
        return export

    def truth(self, endpoint: str, *windows: Sequence[str], project_id: str = "") -> list[Row]:
        """Return the service's rows of windows as a table has them."""
        project = project_id or self.service.project_id
        return [
            {"_project_id": project, "_date_from": _day(days[0]), "_date_to": _day(days[1])}
            | cells(MINTLIFY.endpoints[endpoint].fields, row)
            for days in windows
            for row in self.service.truth(endpoint, *days, project_id=project)[0]
        ]

    def assert_holds(self, endpoint: str, expected: list[Row]) -> None:
        """Compare every value of a table, whatever the order of its rows."""
        assert in_order(self.store.rows(endpoint)) == in_order(expected)


def cells(fields: Sequence[Field], row: Row) -> Row:
    """Return a row's cells, and in ``_extra`` the fields that have no column."""
    known = {field.name: _cell(field, row.get(field.name)) for field in fields}
    return known | {"_extra": {name: row[name] for name in row if name not in known} or None}


def in_order(rows: list[Row]) -> list[Row]:
    """Return rows in an order that depends on nothing but them."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def _day(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _cell(field: Field, value: Any) -> Any:
    if value is None or field.kind is not Kind.TIMESTAMP:
        return value
    return datetime.fromisoformat(value).astimezone(UTC)


def every_endpoint_is_there_once_however_often_it_is_loaded(lake: Lake) -> None:
    for endpoint in ENDPOINTS:
        for days in (FIRST, SECOND, FIRST):
            lake.load(endpoint, days)
        expected = lake.truth(endpoint, FIRST, SECOND)
        assert expected
        lake.assert_holds(endpoint, expected)


def a_repeated_export_takes_the_place_of_the_one_before(lake: Lake) -> None:
    before = lake.load("conversations", FIRST)
    lake.service.add_turns(3, f"{FIRST[0]}T12:00:00.000Z")
    after = lake.load("conversations", FIRST)
    assert after["rows"] == before["rows"] + 3
    assert not set(before["uris"]) & set(after["uris"])
    lake.assert_holds("conversations", lake.truth("conversations", FIRST))


def a_longer_window_takes_the_place_of_one_that_began_with_it(lake: Lake) -> None:
    lake.load("views", FIRST)
    longer = (DAYS[0], DAYS[2])
    lake.load("views", longer, if_exists="replace")
    lake.assert_holds("views", lake.truth("views", longer))


def an_export_of_several_files_is_loaded_completely(lake: Lake) -> None:
    export = lake.load("feedback", ("2026-01-01", "2026-01-31"), pages_per_file=1)
    assert export["files"] > 3
    lake.assert_holds("feedback", lake.truth("feedback", ("2026-01-01", "2026-01-31")))


def a_day_that_became_empty_is_empty_and_the_others_stay(lake: Lake) -> None:
    for days in (FIRST, SECOND):
        lake.load("searches", days)
    nothing = json.dumps({"searches": [], "nextCursor": None, "totalSearches": 0})
    lake.service.add_faults([{"kind": "body", "body": nothing, "times": 1}])
    assert lake.load("searches", FIRST)["rows"] == 0
    lake.assert_holds("searches", lake.truth("searches", SECOND))


def two_projects_share_a_table(lake: Lake) -> None:
    (other,) = {f"{lake.service.project_id}_2"}
    lake.load("views", FIRST)
    lake.load("views", FIRST, project_id=other)
    lake.load("views", FIRST)
    expected = lake.truth("views", FIRST) + lake.truth("views", FIRST, project_id=other)
    lake.assert_holds("views", expected)


def a_field_that_no_column_has_is_in_extra(lake: Lake) -> None:
    faults = (
        {"kind": "set_in_rows", "key": "language", "value": {"code": "en"}, "times": None},
        {"kind": "set_in_rows", "key": "pageUrl", "value": 7, "times": None},
        {"kind": "drop_in_rows", "key": "queryCategory", "times": None},
    )
    expected = []
    for fault, days in zip(faults, pairwise(DAYS), strict=True):
        lake.service.clear_faults()
        lake.service.add_faults([fault])
        lake.load("conversations", days)
        for row in lake.truth("conversations", days):
            if fault["key"] == "queryCategory":
                expected.append(row | {"queryCategory": None})
            else:
                extra = {fault["key"]: fault["value"]}
                expected.append(row | {"_extra": extra} | dict.fromkeys(extra.keys() & row.keys()))
    lake.assert_holds("conversations", expected)


def a_file_without_a_column_leaves_it_null(lake: Lake) -> None:
    month = ("2026-01-01", "2026-01-31")
    export = lake.export("views", month, pages_per_file=1)
    assert export["files"] > 1
    lake.store.without_column(export | {"uris": export["uris"][:1]}, "ai")
    lake.store.load(export)
    rows, page = lake.truth("views", month), 250
    lake.assert_holds("views", [row | {"ai": None} for row in rows[:page]] + rows[page:])


def a_table_without_a_column_refuses_the_load_and_keeps_its_rows(lake: Lake) -> None:
    lake.load("views", FIRST)
    before = lake.store.rows("views")
    lake.store.drop_column("views", "ai")
    lake.service.clear_faults()
    export = lake.export("views", FIRST)
    with pytest.raises(Exception, match=r"\bai\b"):  # the database's own
        lake.store.load(export)
    kept = [{name: cell for name, cell in row.items() if name != "ai"} for row in before]
    lake.assert_holds("views", kept)


def a_load_that_finds_fewer_rows_than_were_exported_changes_nothing(lake: Lake) -> None:
    export = lake.load("views", FIRST)
    with pytest.raises(ValueError, match=f"has {export['rows'] + 1} rows, read {export['rows']}"):
        lake.store.load({**export, "rows": export["rows"] + 1})
    lake.assert_holds("views", lake.truth("views", FIRST))


def a_file_that_is_gone_changes_nothing(lake: Lake) -> None:
    old = lake.load("views", FIRST)
    lake.export("views", FIRST)  # has removed the files of the first
    with pytest.raises(Exception, match=r"part-"):  # the file system's own
        lake.store.load(old)
    lake.assert_holds("views", lake.truth("views", FIRST))


SCENARIOS: tuple[Callable[[Lake], None], ...] = (
    every_endpoint_is_there_once_however_often_it_is_loaded,
    a_repeated_export_takes_the_place_of_the_one_before,
    a_longer_window_takes_the_place_of_one_that_began_with_it,
    an_export_of_several_files_is_loaded_completely,
    a_day_that_became_empty_is_empty_and_the_others_stay,
    two_projects_share_a_table,
    a_field_that_no_column_has_is_in_extra,
    a_file_without_a_column_leaves_it_null,
    a_table_without_a_column_refuses_the_load_and_keeps_its_rows,
    a_load_that_finds_fewer_rows_than_were_exported_changes_nothing,
    a_file_that_is_gone_changes_nothing,
)
"""What a load has to do, whatever the database."""
