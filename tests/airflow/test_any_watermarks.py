"""Whatever the clocks and the timestamps: a watcher counts each turn once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_docsanalytics.hooks.mintlify import AHEAD, Turn
from airflow_provider_docsanalytics.triggers._shared_poll import PollResult
from airflow_provider_docsanalytics.triggers._watermark import Watermark
from airflow_provider_docsanalytics.window import iso_ms

NOW = datetime(2026, 2, 3, tzinfo=UTC)
PAGE = 1000
POLLS = st.lists(
    st.tuples(
        st.integers(0, 90),  # minutes since the last poll
        st.integers(-120, 120),  # minutes by which the triggerer's clock is ahead
        st.lists(st.integers(-20 * 60, 72 * 60), max_size=12),  # turns: minutes ahead of now
        st.booleans(),  # whether the service shows an empty page by mistake
    ),
    max_size=15,
)


@given(POLLS, st.booleans())
def test_each_turn_is_counted_once_whatever_the_clocks_say(
    polls: list[tuple[int, int, list[int], bool]],
    has_since: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    now, turns, counted = NOW, list[Turn](), 0
    since = NOW - timedelta(days=1) if has_since else None
    watermark = Watermark.first(since, now=NOW, interval_s=900)
    watermark = watermark.after(
        PollResult(watermark.since, (), more=False), ()
    )  # before anything has come in
    for minutes, skew, ahead, mistake in [*polls, *[(24 * 60, 0, [], False)] * 4]:
        now += timedelta(minutes=minutes)
        turns += [
            Turn(f"{len(turns)}.{place}", iso_ms(now + timedelta(minutes=offset)), None)
            for place, offset in enumerate(ahead)
        ]
        end = iso_ms(now + timedelta(minutes=skew) + AHEAD)
        shown = (
            [] if mistake else [turn for turn in turns if watermark.since <= turn.timestamp < end]
        )
        shown.sort(key=lambda turn: turn.timestamp, reverse=True)
        result = PollResult(watermark.since, tuple(shown[:PAGE]), more=len(shown) > PAGE)
        watermark = watermark.after(result, result.turns)
        if (batch := watermark.due(1)) is not None:
            counted, watermark = counted + batch.count, watermark.announced()
        restarted = Watermark.parse(json.loads(json.dumps(watermark.as_json())))
        assert restarted == watermark
    assert counted == len(turns)
