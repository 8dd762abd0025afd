"""Each model beside a slow, obvious one: the same rows, on lakes where much overlaps."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.lake.connection import connect, set_period
from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.lake.models import MODELS
from tests.lake import reference
from tests.lake.made import DAY, START, make, make_of
from tests.lake.talk import BASE_URL, write_talk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection

PERIODS = [None, (START + 5 * DAY, START + 9 * DAY), (START - 9 * DAY, START + 3 * DAY)]
COMPARED = [each.name for each in MODELS if each.name != "completeness"]


def opened(lake: Path, base_url: str = "", **options: Any) -> DuckDBPyConnection:
    return connect(LakeFiles(LocalFileSystem(), str(lake), str(lake)), base_url, **options)


def rows(connection: DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    done = connection.execute(query)
    names = [column[0] for column in done.description]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]


def _alike(found: list[dict[str, Any]]) -> list[str]:
    """Return rows as text, which does not depend on the zones of instants."""
    return [json.dumps(row, sort_keys=True, default=_text) for row in map(_rounded, found)]


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(float(value), 6)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
        for name, value in row.items()
    }


def _text(value: date) -> str:
    return str(value.astimezone(UTC) if isinstance(value, datetime) else value)


class Talk(NamedTuple):
    """A made lake, opened, and its rows for the reference."""

    connection: DuckDBPyConnection
    lake: reference.Lake


@pytest.fixture(scope="module", params=[(1, ""), (2, BASE_URL)], ids=["files", "in memory"])
def talk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talk]:
    seed, base_url = request.param
    root = tmp_path_factory.mktemp("talk")
    write_talk(root, seed)
    with closing(opened(root, base_url, in_memory=seed == 2)) as connection:
        yield Talk(connection, reference.Lake(root, base_url))


@pytest.mark.parametrize("period", PERIODS, ids=["all", "middle", "start"])
def test_models_give_the_rows_of_the_slow_and_obvious_way(
    talk: Talk, period: tuple[datetime, datetime] | None
) -> None:
    connection, lake = talk
    lake.start, lake.end = period or lake.extent
    change = lake.start + 2 * DAY + timedelta(hours=6)
    set_period(connection, *(period or (None, None)), change)
    for name in COMPARED:
        expected = (
            reference.page_changes(lake, change)
            if name == "page_changes"
            else reference.MODELS[name](lake)
        )
        assert expected, f"{name} has nothing to compare"
        found = rows(connection, f"FROM {name}")
        assert _alike(found) == _alike(reference.in_order(name, expected)), name


def test_a_search_that_ends_at_a_word_is_a_prefix_only_if_no_search_ends_so(tmp_path: Path) -> None:
    """Nobody looks for "how to"; who looked for "install" found nothing, whatever others typed."""
    hits = {
        "how to": 5,
        "how to install": 9,
        "deploy for": 30,
        "deploy for teams": 9,
        "install": 5,
        "install docker": 9,
        "sign in": 5,
        "sign in w": 5,
        "sign in with": 5,
        "sign in with saml": 9,
    }
    searches = [{"searchQuery": term, "hits": number, "ctr": 0} for term, number in hits.items()]
    make_of(tmp_path / "lake", "searches", searches)
    with closing(opened(tmp_path / "lake")) as connection:
        set_period(connection, None, None)
        found = rows(connection, "FROM searches_without_click")
    assert {row["query"]: row["prefixes"] for row in found} == {
        "deploy for": 0,  # asked more often than what it would be the beginning of
        "deploy for teams": 0,
        "how to install": 1,
        "install": 0,
        "install docker": 0,
        "sign in": 0,
        "sign in with saml": 2,
    }


def test_views_say_by_which_definition_ai_was_counted(tmp_path: Path) -> None:
    changes = (datetime(2026, 6, 12, tzinfo=UTC), datetime(2026, 7, 31, tzinfo=UTC))
    for day in (each - before for each in changes for before in (DAY, 0 * DAY)):
        make(tmp_path / f"{day:%Y-%m-%d}", day, rows=1)
    with closing(opened(tmp_path)) as connection:
        found = rows(connection, "FROM human_and_ai_views")
    assert [each["definition"] for each in found] == [0, 1, 1, 2]
