"""An answer whose outside has changed is never taken for an export: every endpoint, real HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import BadResponse
from tests.api.test_client import PLATFORM, Reader

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

ROWS_KEYS = {
    name: platform.endpoint(name).rows_key
    for name, platform in PLATFORM.items()
    if platform.endpoint(name).rows_key
}
PAGING_KEYS = {
    "conversations": ("nextCursor", "hasMore"),
    "feedback": ("nextCursor", "hasMore"),
    "feedback_by_page": ("hasMore",),
    "searches": ("nextCursor",),
    "views": ("hasMore",),
    "visitors": ("hasMore",),
}
ONE_OBJECT = sorted(PLATFORM.keys() - ROWS_KEYS.keys())


def _refusal(service: Simulator, endpoint: str, **fault: Any) -> str:
    service.add_faults([fault])
    arguments = {"thread_ids": ["01HZZZZZZZZZZZZZZZZZZZZZZZ"]} if endpoint == "threads" else {}
    error = Reader(service).failure(endpoint, **arguments)
    assert isinstance(error, BadResponse)
    return str(error)


@pytest.mark.parametrize("endpoint", ROWS_KEYS)
def test_an_answer_without_its_rows_shows_the_keys_it_has(
    service: Simulator, endpoint: str
) -> None:
    key = ROWS_KEYS[endpoint]
    inside = "data." if endpoint in VYOM.endpoints else ""
    message = _refusal(service, endpoint, kind="drop_key", key=inside + key)
    assert f"no {key!r}; its keys: " in message
    renamed = {"items": [], "hasMore": False, "nextCursor": None}
    body = {"success": True, "message": "", "data": renamed} if inside else renamed
    message = _refusal(service, endpoint, kind="body", body=json.dumps(body), status=200)
    assert f"no {key!r}; its keys: items, hasMore, nextCursor." in message


@pytest.mark.parametrize(
    ("endpoint", "key"), [(name, key) for name, keys in PAGING_KEYS.items() for key in keys]
)
def test_an_answer_that_does_not_say_how_to_go_on_is_no_end(
    service: Simulator, endpoint: str, key: str
) -> None:
    message = _refusal(service, endpoint, kind="drop_key", key=key)
    assert f"no {key!r}; its keys: " in message
    assert ROWS_KEYS[endpoint] in message.rpartition("its keys: ")[2]


@pytest.mark.parametrize("endpoint", ONE_OBJECT)
def test_an_object_that_is_not_the_row_is_not_exported_as_one(
    service: Simulator, endpoint: str
) -> None:
    moved: dict[str, Any] = {"result": {"total": 3}, "version": 2}
    if endpoint in VYOM.endpoints:
        moved = {"success": True, "message": "", "data": moved}
    message = _refusal(service, endpoint, kind="body", body=json.dumps(moved), status=200)
    first = PLATFORM[endpoint].endpoint(endpoint).fields[0].name
    assert f"has none of {first}, " in message
    assert "its keys: result, version." in message


@pytest.mark.parametrize("endpoint", VYOM.endpoints)
def test_vyoms_envelope_is_asked_for_by_every_endpoint(service: Simulator, endpoint: str) -> None:
    for key in ("success", "data"):
        message = _refusal(service, endpoint, kind="drop_key", key=key)
        assert f"no {key!r}; its keys: " in message
    for value in (None, [], "moved"):
        message = _refusal(service, endpoint, kind="set_key", key="data", value=value)
        assert "'data' is not an object" in message
        assert "its keys: success, message, data." in message
