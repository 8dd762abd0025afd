from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import redact

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.hooks.vyom import VyomHook
from tests.airflow.conftest import connect

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

MONTH = {"date_from": "2026-01-01", "date_to": "2026-01-31"}


def test_rows_are_dictionaries_and_pages_resume(connections: Simulator) -> None:
    hook = MintlifyHook()
    truth, totals = connections.truth("searches", "2026-01-01", "2026-01-31")
    assert list(hook.iter_rows("searches", **MONTH)) == truth
    first = next(hook.iter_pages("searches", **MONTH))
    assert first.totals == totals
    rest = hook.iter_pages("searches", **MONTH, cursor=first.next_cursor)
    assert [row for page in rest for row in page.decode()] == truth[len(first.rows) :]


def test_a_page_is_requested_only_when_it_is_iterated(connections: Simulator) -> None:
    pages = MintlifyHook().iter_pages("conversations", **MONTH)
    assert connections.requests == []
    next(pages)
    assert len(connections.requests) == 1


def test_vyoms_rows_are_unwrapped(connections: Simulator) -> None:
    rows = list(VyomHook().iter_rows("calls_by_service", **MONTH))
    assert rows == connections.truth("calls_by_service", "2026-01-01", "2026-01-31")[0]


def test_vyom_does_not_drop_a_project_silently(connections: Simulator) -> None:
    with pytest.raises(ConfigError, match="Vyom has no projects"):
        VyomHook().iter_pages("dashboard", project_id="p_1", **MONTH)
    assert connections.requests == []


def test_a_parameter_is_checked_when_it_is_passed_not_when_a_page_is_iterated(
    connections: Simulator,
) -> None:
    with pytest.raises(ConfigError, match="no such endpoint"):
        MintlifyHook().iter_pages("view")
    with pytest.raises(ConfigError, match="without date_from"):
        MintlifyHook().iter_pages("views", date_to="2026-01-01")
    assert connections.requests == []


def test_a_window_without_an_end_ends_now(connections: Simulator) -> None:
    list(MintlifyHook().iter_pages("caller_stats", date_from="2026-01-01"))
    query = connections.requests[0]["query"]
    assert query["dateFrom"] == "2026-01-01T00:00:00.000Z"
    assert query["dateTo"] > "2026-11"


def test_a_wrong_connection_is_named_in_the_error(
    service: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "mintlify", service, extra={"timeout": 3})
    with pytest.raises(ConfigError, match=r"Connection 'mintlify_default': .*'timeout'"):
        MintlifyHook().iter_pages("views")


def test_the_key_is_masked_from_logs_once_the_connection_was_read(connections: Simulator) -> None:
    assert MintlifyHook().settings.api_key == connections.mintlify_key
    shown = redact(f"sent with {connections.mintlify_key}")
    assert connections.mintlify_key not in str(shown)


def _tested(
    hook: Any, monkeypatch: pytest.MonkeyPatch, service: Simulator, **fields: Any
) -> tuple[bool, str]:
    platform = hook.platform.name
    connect(monkeypatch, platform, service, **fields)
    service.clear_requests()
    works, message = hook.test_connection()
    assert service.mintlify_key not in message
    return works, message


@pytest.mark.parametrize("hook_class", [MintlifyHook, VyomHook])
def test_testing_a_good_connection_spends_one_request(
    service: Simulator, monkeypatch: pytest.MonkeyPatch, hook_class: Any
) -> None:
    works, message = _tested(hook_class(), monkeypatch, service)
    assert works
    assert "may read" in message
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("fields", "said", "requests"),
    [
        ({"password": "mint_expired"}, "expired", 1),
        ({"password": "mint_dsc_x"}, "an assistant key", 0),
        ({"login": "elsewhere"}, "allowlist", 1),
        ({"login": ""}, "needs a project ID", 0),
        ({"host": "http://example.com"}, "Use https://", 0),
    ],
)
def test_testing_a_bad_connection_says_what_to_do(
    service: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, str],
    said: str,
    requests: int,
) -> None:
    works, message = _tested(MintlifyHook(), monkeypatch, service, **fields)
    assert not works
    assert said in message
    assert "mintlify_default" not in message  # Airflow's form tests a copy with a random ID
    assert len(service.requests) == requests


@pytest.mark.parametrize(
    ("status", "said"), [(404, "base URL"), (429, "quota"), (500, "HTTP 500"), (200, "JSON")]
)
def test_testing_a_service_that_fails_spends_one_request_and_explains(
    service: Simulator, monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    service.add_faults([{"kind": "status", "status": status, "body": "<html>", "times": None}])
    works, message = _tested(MintlifyHook(), monkeypatch, service)
    assert not works
    assert said in message
    assert len(service.requests) == 1


def test_disabling_tls_verification_logs_a_warning(
    service: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connect(monkeypatch, "mintlify", service, extra={"verify": False})
    with caplog.at_level(logging.WARNING):
        MintlifyHook().iter_pages("views")
    assert "verify is false" in caplog.text + capsys.readouterr().out
