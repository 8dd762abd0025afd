"""Rows, for every seed and option."""

from __future__ import annotations

import pytest

from airflow_provider_docsanalytics.simulator import Config, Simulator, mintlify, vyom
from tests.simulator.client import DAY, END, LIMITS, MONTH, PATHS, START, VYOM_PATHS, Client, truth


def test_conversations_run_newest_first_and_id_with_timestamp_names_a_row(month: Client) -> None:
    rows = month.rows("conversations", {**MONTH, "limit": 1000})
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert len({(row["id"], row["timestamp"]) for row in rows}) == len(rows) == 2500
    assert len({row["id"] for row in rows}) == 2250
    unanswered = sum(row["resolutionStatus"] == "unanswered" for row in rows)
    assert 0.15 < unanswered / len(rows) < 0.25
    assert {type(row["queryCategory"]) for row in rows} == {str, type(None)}
    assert {type(row["pageUrl"]) for row in rows} == {str, type(None)}
    assert {row.get("responseType") for row in rows} == {"answer", "clarifying_question", None}
    assert max(len(row["response"]) for row in rows) > 50_000


def test_text_is_raw_and_escaped_and_has_everything_that_breaks_exporters(month: Client) -> None:
    body = month.get("conversations", {**MONTH, "limit": 1000}).content
    for raw in ("\U0001f680", "\u2028", "\u2029", "\u200d", "\u05e9", "\U0002070e", "<script>"):
        assert raw.encode() in body
    for escaped in (rb"\n", rb"\"", rb"\\", rb"\t", rb"\u0001", rb"\ud83d\ude80", b'"sources":[]'):
        assert escaped in body


def test_feedback_has_every_source_and_status_with_its_own_fields(month: Client) -> None:
    rows = month.rows("feedback", {**MONTH, "limit": 100})
    common = {"id", "path", "comment", "createdAt", "source", "status"}
    own = {
        "contextual": {"helpful", "contact"},
        "code_snippet": {"code", "filename", "lang"},
        "agent": set(),
        "thumbs_only": set(),
    }
    assert {row["source"] for row in rows} == own.keys()
    assert {row["status"] for row in rows} == {"pending", "in_progress", "resolved", "dismissed"}
    assert all(row.keys() == common | own[row["source"]] for row in rows)
    assert any("@" in (row.get("contact") or "") for row in rows)
    assert {row["createdAt"] is None for row in rows} == {True, False}
    times = [row["createdAt"] for row in rows if row["createdAt"]]
    assert times == sorted(times, reverse=True)


def test_the_tests_of_the_simulator_know_every_endpoint() -> None:
    assert {*PATHS, "threads"} == set(mintlify.ENDPOINTS)
    assert set(VYOM_PATHS) == set(vyom.ENDPOINTS)


def test_the_click_rate_of_searches_is_in_percent(month: Client) -> None:
    rows = month.rows("searches", {**MONTH, "limit": 100})
    rates = [row["ctr"] for row in rows]
    assert min(rates) == 0
    assert 1 < max(rates) <= 100
    assert all((row["ctr"] == 0) == (row["topClickedPage"] is None) for row in rows)


def test_the_default_size_needs_several_pages_of_everything(month: Client) -> None:
    sizes = {endpoint: len(truth(month, endpoint, MONTH)[0]) for endpoint in LIMITS}
    assert all(size > 2 * LIMITS[endpoint][1] for endpoint, size in sizes.items())
    assert sizes["searches"] > 300
    assert all(truth(month, endpoint, DAY)[0] for endpoint in [*LIMITS, *VYOM_PATHS])


def test_equal_seeds_give_equal_data_and_others_do_not() -> None:
    config = {"rows": 60, "start": START, "end": END}
    texts = []
    for seed in (7, 7, 8):
        with Simulator(Config(seed=seed, **config)) as simulator:  # type: ignore[arg-type]
            client = Client(simulator)
            texts.append([client.get(endpoint, MONTH).text for endpoint in PATHS])
    assert texts[0] == texts[1]
    different = [one != other for one, other in zip(texts[0], texts[2], strict=True)]
    assert different == [endpoint != "caller_stats" for endpoint in PATHS]


def test_the_legacy_schema_lacks_the_newer_fields() -> None:
    with Simulator(Config(rows=50, legacy_schema=True)) as simulator:
        rows = Client(simulator).ok("conversations")["conversations"]
    fields = {"id", "timestamp", "query", "response", "sources", "queryCategory"}
    assert all(row.keys() == fields for row in rows)


def test_rows_can_be_padded_to_a_size() -> None:
    with Simulator(Config(rows=400, row_bytes=1500)) as simulator:
        body = Client(simulator).get("conversations", {"limit": 400}).content
    assert len(body) / 400 == pytest.approx(1500, rel=0.01)


@pytest.mark.parametrize(
    "config",
    [
        Config(rows=-1),
        Config(pages=0),
        Config(start=END, end=START),
        Config(start="2026-01-01", end="2026-01-01T00:00:01Z"),
        Config(end="1969-01-01"),
    ],
)
def test_an_impossible_data_set_is_refused(config: Config) -> None:
    with pytest.raises(ValueError, match=r"rows|1970|is not before"):
        Simulator(config)


def test_responses_are_compressed_for_clients_that_accept_it(small: Client) -> None:
    with Simulator(small.simulator.config, gzip=True) as simulator:
        client = Client(simulator)
        packed = client.get("conversations")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.json() == small.ok("conversations")
        client.session.headers["Accept-Encoding"] = "identity"
        assert "Content-Encoding" not in client.get("conversations").headers
