from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.fields import Kind
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform
    from airflow_provider_docsanalytics.simulator import Simulator

DAY = DateWindow.parse("2026-01-01", "2026-01-02")


def _refusal(platform: Platform, endpoint: str, **arguments: Any) -> str:
    arguments.setdefault("project_id", "proj")
    with pytest.raises(ConfigError) as refused:
        platform.select(endpoint, **arguments)
    return str(refused.value)


def test_an_unknown_endpoint_lists_the_known_ones() -> None:
    message = _refusal(MINTLIFY, "conversation")
    assert all(name in message for name in MINTLIFY.endpoints)


def test_a_missing_project_says_where_to_put_it() -> None:
    assert "login" in _refusal(MINTLIFY, "views", project_id=None)
    assert VYOM.select("dashboard").project_id is None
    assert VYOM.select("dashboard", project_id="p").project_id is None  # it has no projects


@pytest.mark.parametrize("identifier", ["a/b", "..", "a?b", "a#b", "a%2fb", "", " a", ".a", "a\n"])
def test_an_id_that_could_change_the_url_or_the_path_is_refused(identifier: str) -> None:
    assert "project" in _refusal(MINTLIFY, "views", project_id=identifier)
    said = _refusal(MINTLIFY, "threads", thread_ids=["a", identifier])
    assert said.startswith(f"thread_ids={identifier!r} is {'not an ID' if identifier else 'empty'}")


def test_an_unknown_filter_lists_the_known_ones() -> None:
    assert "source, status" in _refusal(MINTLIFY, "feedback", filters={"state": "x"})
    assert "Known filters: none" in _refusal(MINTLIFY, "views", filters={"source": "agent"})


@pytest.mark.parametrize("status", ["open", "pending,open", ["pending", "open"], "", [], None, 3])
def test_an_unknown_filter_value_lists_the_known_ones(status: object) -> None:
    message = _refusal(MINTLIFY, "feedback", filters={"status": status})
    assert "pending, in_progress, resolved, dismissed" in message


@pytest.mark.parametrize("source", ["agent,contextual", ["agent", "contextual"], "", []])
def test_a_filter_of_one_value_takes_one(source: object) -> None:
    assert "filters['source']" in _refusal(MINTLIFY, "feedback", filters={"source": source})


def test_several_statuses_are_the_same_filter_in_any_order() -> None:
    spellings = ["resolved,pending", ["pending", "resolved"], "pending, resolved,pending"]
    chosen = [
        MINTLIFY.select("feedback", project_id="p", filters={"status": spelling}).filters
        for spelling in spellings
    ]
    assert chosen == [{"status": "pending,resolved"}] * 3


def test_free_text_filters_pass() -> None:
    chosen = VYOM.select("calls_by_time", filters={"assistant_id": "a,b", "granularity": "week"})
    assert chosen.filters == {"assistant_id": "a,b", "granularity": "week"}


def test_thread_ids_go_with_threads_alone_and_without_dates() -> None:
    assert "goes with the endpoint threads" in _refusal(MINTLIFY, "views", thread_ids=["a"])
    assert "needs thread_ids" in _refusal(MINTLIFY, "threads")
    assert "a list of IDs" in _refusal(MINTLIFY, "threads", thread_ids="['a']")
    assert "a list of IDs" in _refusal(MINTLIFY, "threads", thread_ids=iter(["a"]))
    assert "takes no dates" in _refusal(MINTLIFY, "threads", thread_ids=["a"], window=DAY)


def test_a_thread_is_asked_for_once_however_often_it_is_named() -> None:
    chosen = MINTLIFY.select("threads", project_id="p", thread_ids=["b", "a", "b"])
    assert chosen.thread_ids == ("b", "a")


def test_vyom_is_asked_for_the_last_millisecond_inside_the_window() -> None:
    assert VYOM.dates(DAY) == {
        "start_date": "2026-01-01T00:00:00.000Z",
        "end_date": "2026-01-01T23:59:59.999Z",
    }


ENDPOINTS = [
    (platform, endpoint)
    for platform in (MINTLIFY, VYOM)
    for endpoint in platform.endpoints.values()
]


@pytest.mark.parametrize(("platform", "endpoint"), ENDPOINTS, ids=lambda value: value.name)
def test_the_services_rows_have_exactly_the_fields_of_the_table(
    service: Simulator, platform: Platform, endpoint: Endpoint
) -> None:
    rows, _ = service.truth(endpoint.name, "2026-01-01", "2026-01-31")
    names = {field.name for field in endpoint.fields}
    always = {field.name for field in endpoint.fields if not field.optional}
    assert rows
    assert always <= set.intersection(*(set(row) for row in rows))
    # The documentation's text speaks of conversationId, its schema does not.
    assert set.union(*(set(row) for row in rows)) == names - {"conversationId"}
    for field in endpoint.fields:
        if field.values:
            values = {row[field.name] for row in rows if field.name in row}
            assert values - {None} == set(field.values)
        nulls = {row[field.name] is None for row in rows if field.name in row}
        assert nulls in (set(), {True, False} if field.null else {False})
        if field.fields:
            inner = [row[field.name] for row in rows]
            objects = (
                inner if field.kind is Kind.OBJECT else [one for many in inner for one in many]
            )
            assert {tuple(sorted(each)) for each in objects} == {
                tuple(sorted(one.name for one in field.fields))
            }
