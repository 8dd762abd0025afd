"""Rows without a timestamp: they hide no other row, never count, and are logged once a poll."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.simulator import Config, Simulator
from tests.airflow.conftest import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

SINCE = "2026-02-01T00:00:00.000Z"
GOOD = {"id": "good", "timestamp": "2026-02-03T04:05:06.789Z", "resolutionStatus": "answered"}


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A project in which nobody has asked anything yet."""
    with Simulator(Config(rows=0)) as service:
        connect(monkeypatch, "mintlify", service)
        yield service


def _answer(*rows: object) -> dict[str, Any]:
    body = json.dumps({"conversations": rows, "hasMore": False, "nextCursor": None})
    return {"kind": "body", "body": body, "times": None}


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "x"},
        *({"id": "x", "timestamp": value} for value in (None, 5, "", "soon", [], {}, True)),
        {"id": "x", "timestamp": "2026-13-01T00:00:00Z"},
        {"id": "x", "timestamp": "9999-12-31T23:59:59-14:00"},
        None,
        3,
        "text",
        [GOOD],
    ],
    ids=json.dumps,
)
def test_an_odd_row_hides_no_other(
    quiet: Simulator, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, odd: Any
) -> None:
    quiet.add_faults([_answer(odd, GOOD, odd)])
    seen = MintlifyHook().fetch_turns(since=SINCE)
    assert [turn.timestamp for turn in seen.turns] == [GOOD["timestamp"]]
    assert seen.invalid == 2
    # Airflow's log goes to one of them, before 3.1 to both.
    said = (capsys.readouterr().out, caplog.text)
    assert max(text.count("2 of 3 rows left out") for text in said) == 1


def test_a_row_that_is_not_utf_8_or_half_an_emoji_hides_no_other(quiet: Simulator) -> None:
    half = r'{"id": "half", "timestamp": "2026-02-03T04:05:06.789Z", "query": "\ud83d"}'
    body = json.dumps({"conversations": [GOOD, "HALF"], "hasMore": False, "nextCursor": None})
    quiet.add_faults([{"kind": "body", "body": body.replace('"HALF"', half), "times": None}])
    assert len(MintlifyHook().fetch_turns(since=SINCE).turns) == 2


def test_odd_rows_do_not_count_towards_what_is_waited_for(quiet: Simulator) -> None:
    quiet.add_faults([_answer({"id": "x", "timestamp": None}, GOOD)])
    seen = MintlifyHook().find_conversations(since=SINCE, minimum=2)
    assert len(seen) == 1


def test_odd_rows_that_fill_the_page_cost_one_more_request(quiet: Simulator) -> None:
    quiet.add_turns(6, GOOD["timestamp"])
    quiet.add_faults(
        [{"kind": "set_in_rows", "key": "timestamp", "value": None, "every": 2, "times": None}]
    )
    assert len(MintlifyHook().find_conversations(since=SINCE, minimum=2)) == 3
    assert [entry["query"]["limit"] for entry in quiet.requests] == ["2", "1000"]
    quiet.clear_faults()
    quiet.clear_requests()
    assert len(MintlifyHook().find_conversations(since=SINCE, minimum=2)) == 2
    assert len(quiet.requests) == 1


def test_turns_outside_the_requested_window_are_ignored(quiet: Simulator) -> None:
    before = {**GOOD, "timestamp": "2026-01-31T23:59:59.999Z"}
    after = {**GOOD, "timestamp": "2999-01-01T00:00:00.000Z"}
    quiet.add_faults([_answer(before, GOOD, after)])
    seen = MintlifyHook().fetch_turns(since=SINCE)
    assert [turn.timestamp for turn in seen.turns] == [GOOD["timestamp"]]
